//! What the user may ask for: a device, a number format, and how a GPU's kernels are compiled.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result};

/// The device that the user asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// A graphics card if there is one, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// A GPU: the best one, or the one of this number in [`list`](super::list)'s GPUs.
    Gpu(Option<usize>),
}

impl FromStr for DeviceChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "gpu" => Ok(Self::Gpu(None)),
            _ => {
                let number = text.strip_prefix("gpu:").and_then(|n| n.parse().ok());
                number
                    .map(|n| Self::Gpu(Some(n)))
                    .ok_or_else(|| Error::new(format!("Unknown device {text:?}: auto, cpu, gpu or gpu:N")))
            }
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Gpu(None) => f.write_str("gpu"),
            Self::Gpu(Some(n)) => write!(f, "gpu:{n}"),
        }
    }
}

/// The number format of weights and activations that the user asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DtypeChoice {
    /// f32 on the CPU; f16 on a GPU that has it, else f32.
    #[default]
    Auto,
    /// 32-bit floats.
    F32,
    /// 16-bit floats.
    F16,
    /// 16-bit floats with the range of 32-bit ones.
    Bf16,
}

impl fmt::Display for DtypeChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
        })
    }
}

impl FromStr for DtypeChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "auto" => Ok(Self::Auto),
            "f32" => Ok(Self::F32),
            "f16" => Ok(Self::F16),
            "bf16" => Ok(Self::Bf16),
            _ => Err(Error::new(format!("Unknown dtype {text:?}: auto, f32, f16 or bf16"))),
        }
    }
}

/// How a GPU's kernels are compiled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KernelChoice {
    /// As the check of this GPU found right; native before there was one.
    #[default]
    Auto,
    /// In the driver's own language, where there is one (SPIR-V for Vulkan, MSL for Metal): with matrix cores where it has them.
    Native,
    /// In WGSL, which every driver is given in the same way: slower, and far less can go wrong.
    Portable,
}

impl fmt::Display for KernelChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Native => "native",
            Self::Portable => "portable",
        })
    }
}

impl FromStr for KernelChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "auto" => Ok(Self::Auto),
            "native" => Ok(Self::Native),
            "portable" => Ok(Self::Portable),
            _ => Err(Error::new(format!("Unknown kernels {text:?}: auto, native or portable"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_read_as_it_is_written() {
        for choice in [DeviceChoice::Auto, DeviceChoice::Cpu, DeviceChoice::Gpu(None), DeviceChoice::Gpu(Some(3))] {
            assert_eq!(choice.to_string().parse::<DeviceChoice>().expect("its own spelling"), choice);
        }
        for wrong in ["", "gpu:", "gpu:-1", "cuda", "GPU"] {
            assert!(wrong.parse::<DeviceChoice>().is_err(), "{wrong} was accepted");
        }
    }
}
