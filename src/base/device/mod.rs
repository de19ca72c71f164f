//! Where the arithmetic happens: choosing a device and a dtype, and listing what there is.
//!
//! A real graphics card is taken through wgpu; without one, the CPU's own backend. A software rasteriser (a Vulkan driver that
//! runs on the CPU) is many times slower than that backend, and taken only when a GPU is asked for by name.

mod capacity;
mod choice;
mod chosen;
mod gpus;
mod opened;
mod portable;
mod tuning;
mod verdict;

use std::num::NonZeroUsize;
use std::thread;

use burn::tensor::wgpu::wgpu::DeviceType;
use burn::tensor::{DType, Device};
use serde::Serialize;

pub use capacity::{Capacity, Memory};
pub use choice::{DeviceChoice, DtypeChoice, KernelChoice};
pub use chosen::{GpuToCheck, Kernels, gpu_to_check};
use chosen::{find, is_default};
use gpus::{Gpu, gpus};
pub use opened::{is_lost, is_one_in_use_lost};
use opened::{open_gpu, use_from_now_on};
pub use tuning::tuning_file;
pub use verdict::{GpuVerdict, path_of_user as verdicts_of_user};

use crate::base::error::{Error, Result};
use crate::base::system;

/// A device that pictures can be drawn on, as `burnisher devices` shows it.
#[derive(Clone, Debug, Serialize)]
pub struct DeviceInfo {
    /// What to ask for: `cpu`, `gpu:0`.
    pub id: String,
    /// The device's own name.
    pub name: String,
    /// `cpu`, `discrete gpu`, `integrated gpu`, `virtual gpu`, `software rasteriser`.
    pub kind: &'static str,
    /// The graphics interface: `vulkan`, `metal`, `dx12`; `burn-flex` for the CPU.
    pub backend: String,
    /// The driver and its version, as far as it tells.
    pub driver: String,
    /// Whether it computes in f16.
    pub f16: bool,
    /// The most bytes that one tensor may have; none on the CPU.
    pub max_tensor_bytes: Option<u64>,
    /// Whether `auto` takes it.
    pub default: bool,
    /// Its kernels, where `auto` is asked for; none on the CPU.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernels: Option<Kernels>,
}

impl DeviceInfo {
    /// Its name, and in brackets what else there is to know.
    pub fn in_words(&self) -> String {
        let driver = if self.driver.is_empty() { String::new() } else { format!(", {}", self.driver) };
        let f16 = if self.f16 { ", f16" } else { "" };
        let limit = self.max_tensor_bytes.map_or(String::new(), |bytes| format!(", buffers up to {} MB", bytes >> 20));
        let kernels = self.kernels.as_ref();
        let kernels =
            kernels.map_or(String::new(), |kernels| format!("; {} kernels: {}", kernels.value, kernels.reason));
        format!("{} ({}, {}{driver}{f16}{limit}){kernels}", self.name, self.kind, self.backend)
    }
}

/// An opened device with the dtype that models run in on it.
#[derive(Clone, Debug)]
pub struct ComputeDevice {
    /// burn's handle.
    pub device: Device,
    /// What weights and activations are.
    pub dtype: DType,
    /// Its name, for people.
    pub name: String,
    /// The language that its kernels are compiled to: `spirv`, `msl` or `wgsl`; none on the CPU.
    pub kernels: Option<&'static str>,
    /// Why it has these kernels, in words; empty on the CPU.
    pub kernels_reason: String,
    /// The most bytes that one tensor may have; none on the CPU.
    pub max_tensor_bytes: Option<u64>,
    /// Where its memory is.
    pub memory: Memory,
    /// Whether it computes in f16.
    pub has_f16: bool,
}

impl ComputeDevice {
    /// Whether it is a GPU, whose kernels are compiled and tuned when they are first used; a software rasteriser counts.
    pub fn is_gpu(&self) -> bool {
        self.device != Device::flex()
    }

    /// What it can hold.
    pub fn capacity(&self) -> Capacity {
        let Self { dtype, max_tensor_bytes, memory, has_f16, .. } = *self;
        Capacity { dtype, max_tensor_bytes, memory, has_f16 }
    }
}

/// Everything that pictures can be drawn on: the GPUs, then the CPU.
pub fn list() -> Vec<DeviceInfo> {
    let gpus = gpus();
    let taken = gpus.first().is_some_and(is_default);
    let mut devices: Vec<DeviceInfo> = gpus
        .iter()
        .enumerate()
        .map(|(i, gpu)| DeviceInfo {
            id: format!("gpu:{i}"),
            name: gpu.info.name.clone(),
            kind: match gpu.info.device_type {
                DeviceType::DiscreteGpu => "discrete gpu",
                DeviceType::IntegratedGpu => "integrated gpu",
                DeviceType::Cpu => "software rasteriser",
                DeviceType::VirtualGpu | DeviceType::Other => "virtual gpu",
            },
            backend: gpu.info.backend.to_str().to_owned(),
            driver: gpu.driver(),
            f16: gpu.has_f16(),
            max_tensor_bytes: Some(gpu.max_tensor_bytes()),
            default: i == 0 && taken,
            kernels: Some(Kernels::of(gpu, KernelChoice::Auto)),
        })
        .collect();
    devices.push(DeviceInfo {
        id: "cpu".into(),
        // Rayon isn't asked: the pool of the thread that computes isn't this one's.
        name: cpu_name(thread::available_parallelism().map_or(1, NonZeroUsize::get)),
        kind: "cpu",
        backend: "burn-flex".into(),
        driver: String::new(),
        f16: true,
        max_tensor_bytes: None,
        default: !taken,
        kernels: None,
    });
    devices
}

/// Opens the device that the user asks for, with the kernels that suit it.
///
/// # Errors
/// There is no such GPU, it can't be opened, or it can't compute in the dtype.
pub fn open(choice: DeviceChoice, dtype: DtypeChoice) -> Result<ComputeDevice> {
    open_with(choice, dtype, KernelChoice::Auto)
}

/// Opens the device that the user asks for, with the kernels that the user asks for.
///
/// # Errors
/// There is no such GPU, it can't be opened, or it can't compute in the dtype.
pub fn open_with(choice: DeviceChoice, dtype: DtypeChoice, kernels: KernelChoice) -> Result<ComputeDevice> {
    let gpu = find(choice)?;
    let Capacity { dtype, max_tensor_bytes, memory, has_f16 } = capacity_of(gpu.as_ref(), dtype, kernels)?;
    let (device, name, language, kernels_reason) = match &gpu {
        None => (Device::flex(), cpu_name(rayon::current_num_threads()), None, String::new()),
        Some(gpu) => {
            let Kernels { value, reason, .. } = Kernels::of(gpu, kernels);
            let opened = open_gpu(gpu, value == KernelChoice::Portable)?;
            (opened.device, gpu.info.name.clone(), Some(opened.language), format!("{value} kernels: {reason}"))
        }
    };
    use_from_now_on(gpu.is_some().then(|| device.clone()));
    let (backend, language_text) = match (&gpu, language) {
        (Some(gpu), Some(language)) => {
            (format!(", {}, {}", gpu.info.backend.to_str(), gpu.driver()), format!(", {language}"))
        }
        _ => Default::default(),
    };
    let opened = format!("{name}{backend}{language_text}, {}", dtype.name());
    log::info!("the device is open: {opened}");
    system::note_device(opened);
    Ok(ComputeDevice { device, dtype, name, kernels: language, kernels_reason, max_tensor_bytes, memory, has_f16 })
}

/// What the device that the user asks for can hold. It isn't opened.
///
/// # Errors
/// There is no such GPU, or it can't compute in the dtype.
pub fn capacity(choice: DeviceChoice, dtype: DtypeChoice, kernels: KernelChoice) -> Result<Capacity> {
    capacity_of(find(choice)?.as_ref(), dtype, kernels)
}

fn capacity_of(gpu: Option<&Gpu>, dtype: DtypeChoice, kernels: KernelChoice) -> Result<Capacity> {
    let Some(gpu) = gpu else {
        let dtype = match dtype {
            DtypeChoice::Auto | DtypeChoice::F32 => DType::F32,
            DtypeChoice::F16 => DType::F16,
            DtypeChoice::Bf16 => DType::BF16,
        };
        return Ok(Capacity { dtype, max_tensor_bytes: None, memory: Memory::Main, has_f16: true });
    };
    let kernels = Kernels::of(gpu, kernels);
    let has_f16 = gpu.has_f16() && !kernels.is_f16_wrong;
    let dtype = match dtype {
        DtypeChoice::F16 if has_f16 => DType::F16,
        DtypeChoice::Auto if has_f16 && !gpu.is_software() => DType::F16,
        DtypeChoice::Auto | DtypeChoice::F32 => DType::F32,
        DtypeChoice::F16 if gpu.has_f16() => {
            let error = Error::new(format!("This GPU computes wrongly in f16: {}", kernels.reason));
            return Err(error.advise("Choose --dtype f32"));
        }
        DtypeChoice::F16 => {
            return Err(Error::new(format!("This GPU has no f16: {}", gpu.info.name)).advise("Choose --dtype f32"));
        }
        DtypeChoice::Bf16 => {
            return Err(Error::new("bf16 is not available on GPUs here").advise("Choose --dtype f16 or f32"));
        }
    };
    Ok(Capacity { dtype, max_tensor_bytes: Some(gpu.max_tensor_bytes()), memory: gpu.memory(), has_f16 })
}

/// The processor's name, and how many of our threads take part.
fn cpu_name(threads: usize) -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let name = model.map_or(std::env::consts::ARCH, |(_, name)| name.trim());
    let plural = if threads == 1 { "" } else { "s" };
    format!("{name}, {threads} thread{plural}")
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Tensor, TensorData};

    use super::*;

    #[test]
    fn the_cpu_is_always_there_and_one_device_is_the_default() {
        let devices = list();
        assert_eq!(devices.last().map(|d| d.id.as_str()), Some("cpu"));
        assert_eq!(devices.iter().filter(|d| d.default).count(), 1);
    }

    #[test]
    fn portable_kernels_are_compiled_to_wgsl_and_a_software_rasteriser_has_them_unasked() {
        let portable = open_with(DeviceChoice::Gpu(None), DtypeChoice::F32, KernelChoice::Portable).expect("a GPU");
        assert_eq!(portable.kernels, Some("wgsl"));
        let two = Tensor::<1>::from_floats([1.0, -3.0], &portable.device) * 2.0;
        two.into_data().assert_eq(&TensorData::from([2.0_f32, -6.0]), true);
        let rasteriser = list().into_iter().find(|device| device.kind == "software rasteriser");
        if let Some(id) = rasteriser.and_then(|device| device.id.parse().ok()) {
            assert_eq!(open(id, DtypeChoice::F32).expect("it opens").kernels, Some("wgsl"));
        }
    }

    #[test]
    fn a_gpu_that_is_not_there_is_an_error_that_says_what_is() {
        let error = open(DeviceChoice::Gpu(Some(99)), DtypeChoice::Auto).expect_err("no machine has a hundred");
        assert!(error.to_string().contains("burnisher devices"), "{error}");
    }
}
