//! The GPU that the user asks for, and the kernels that it gets.

use std::path::Path;

use serde::Serialize;

use super::choice::{DeviceChoice, KernelChoice};
use super::gpus::{Gpu, gpus};
use super::verdict::{self, GpuVerdict};
use crate::base::error::{Error, Result};

/// The kernels of a GPU, and why it has them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Kernels {
    /// Native or portable.
    pub value: KernelChoice,
    /// Why, in words.
    pub reason: String,
    /// Whether they are known to be wrong in f16.
    #[serde(skip)]
    pub(super) is_f16_wrong: bool,
    /// Whether some of them are right, as far as is known.
    #[serde(skip)]
    pub(super) is_sound: bool,
}

impl Kernels {
    /// Those of a GPU, as the user asks and its check says.
    pub(super) fn of(gpu: &Gpu, choice: KernelChoice) -> Self {
        let known =
            |value, reason: &str| Self { value, reason: reason.to_owned(), is_f16_wrong: false, is_sound: true };
        match choice {
            KernelChoice::Native | KernelChoice::Portable => known(choice, "asked for"),
            KernelChoice::Auto => match verdict::kept(&verdict::path_of_user(), &gpu.key()) {
                Some(GpuVerdict { kernels, f16, reason }) => Self {
                    value: kernels.unwrap_or(KernelChoice::Portable),
                    reason,
                    is_f16_wrong: !f16,
                    is_sound: kernels.is_some(),
                },
                // Nothing is won there, and the compilers of some (Mesa 22.3) crash on SPIR-V.
                None if gpu.is_software() => known(KernelChoice::Portable, "it is a software rasteriser"),
                None => known(KernelChoice::Native, "it is checked when it is first used"),
            },
        }
    }
}

/// A GPU as its check needs it.
pub struct GpuToCheck {
    /// What to ask for: `gpu:0`.
    pub choice: DeviceChoice,
    /// Its name.
    pub name: String,
    /// Whether it computes in f16.
    pub has_f16: bool,
    /// Whether it is a program that runs on the CPU.
    pub is_software: bool,
    key: String,
}

impl GpuToCheck {
    /// Returns what an earlier check found; `None` if there was none.
    pub fn verdict(&self, kept: &Path) -> Option<GpuVerdict> {
        verdict::kept(kept, &self.key)
    }

    /// Keeps what the check found, in this process at least.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn keep(&self, kept: &Path, verdict: GpuVerdict) -> Result<()> {
        verdict::keep(kept, &self.key, verdict)
    }
}

/// Returns the GPU that the user asks for, to be checked; `None` for the CPU.
///
/// # Errors
/// There is no such GPU.
pub fn gpu_to_check(choice: DeviceChoice) -> Result<Option<GpuToCheck>> {
    Ok(find(choice)?.map(|gpu| GpuToCheck {
        choice: DeviceChoice::Gpu(Some(gpu.number)),
        name: gpu.info.name.clone(),
        has_f16: gpu.has_f16(),
        is_software: gpu.is_software(),
        key: gpu.key(),
    }))
}

/// Whether `auto` takes this GPU if it is the first one.
pub(super) fn is_default(gpu: &Gpu) -> bool {
    !gpu.is_software() && Kernels::of(gpu, KernelChoice::Auto).is_sound
}

/// The GPU that the user asks for; `None` for the CPU.
pub(super) fn find(choice: DeviceChoice) -> Result<Option<Gpu>> {
    match choice {
        DeviceChoice::Cpu => Ok(None),
        DeviceChoice::Auto => Ok(gpus().into_iter().next().filter(is_default)),
        DeviceChoice::Gpu(number) => {
            let gpus = gpus();
            let count = gpus.len();
            let gpu = gpus.into_iter().nth(number.unwrap_or(0));
            gpu.map(Some).ok_or_else(|| {
                let headline = match number {
                    Some(n) if count > 0 => format!("There is no GPU {n}: this machine has {count}"),
                    _ => {
                        "There is no GPU that this program could use (no Vulkan, Metal or DirectX 12 device was found)"
                            .into()
                    }
                };
                Error::new(headline).advise("`burnisher devices` lists what there is; the device cpu always works")
            })
        }
    }
}
