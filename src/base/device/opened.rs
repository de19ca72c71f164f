//! The GPUs that this process has opened.

use std::sync::{Mutex, PoisonError};

use burn::cubecl;
use burn::cubecl::wgpu::WgpuDevice;
use burn::tensor::wgpu::WgpuBackend;
use burn::tensor::wgpu::wgpu::Backend;
use burn::tensor::{Device, DeviceKind};

use super::gpus::Gpu;
use super::{portable, tuning};
use crate::base::error::{Error, Result};

/// A GPU that is open.
#[derive(Clone)]
pub(super) struct OpenedGpu {
    /// What it was opened as.
    kind: DeviceKind,
    /// Whether its kernels are compiled to WGSL though it would take something else.
    portable: bool,
    /// burn's handle.
    pub(super) device: Device,
    /// The language that its kernels are compiled to: `spirv`, `msl` or `wgsl`.
    pub(super) language: &'static str,
}

/// Those that are open, the newest last.
static OPENED: Mutex<Vec<OpenedGpu>> = Mutex::new(Vec::new());

/// Opens a GPU, or returns the one that is open.
pub(super) fn open_gpu(gpu: &Gpu, portable: bool) -> Result<OpenedGpu> {
    let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    let mut before = 0;
    for known in opened.iter().rev().filter(|known| known.kind == gpu.kind && known.portable == portable) {
        // A second model on the same device. One that was lost fails for good.
        if known.device.sync().is_ok() {
            return Ok(known.clone());
        }
        before += 1;
    }
    tuning::begin(gpu);
    let (device, name) =
        if portable { portable::open(gpu, before) } else { open_native(gpu, before) }.map_err(|cause| {
            Error::new(format!("This GPU can't be opened: {}", gpu.info.name))
                .advise("If it worked before, start Burnisher again; the device cpu always works")
                .caused_by(cause)
        })?;
    let language = match name {
        "wgpu<spirv>" => "spirv",
        "wgpu<msl>" => "msl",
        _ => "wgsl",
    };
    let new = OpenedGpu { kind: gpu.kind.clone(), portable, device, language };
    opened.push(new.clone());
    Ok(new)
}

/// Opens a GPU with burn's choice of a compiler, and returns what burn calls it too. `before`: how many times it was lost.
fn open_native(gpu: &Gpu, before: u16) -> Result<(Device, &'static str)> {
    // A lost device keeps its place in the runtime, which has another one for the same GPU by its graphics interface.
    let api = match (before, gpu.info.backend) {
        (0, _) => WgpuBackend::Auto,
        (_, Backend::Metal) => WgpuBackend::Metal,
        (_, Backend::Dx12) => WgpuBackend::Dx12,
        _ => WgpuBackend::Vulkan,
    };
    let options = Device::wgpu_options().device_kind(gpu.kind.clone()).graphics_api(api);
    // What the backend learns about this GPU (the fastest of each kernel's variants) it keeps in the user's cache folder: burn's
    // feature `persistence`.
    let device = match options.init() {
        Ok(device) => device,
        // Someone else has opened it.
        Err(_) if before == 0 && Device::wgpu(gpu.kind.clone()).sync().is_ok() => Device::wgpu(gpu.kind.clone()),
        Err(cause) => return Err(Error::new("burn can't open it").caused_by(cause)),
    };
    let name = cubecl::Device::Wgpu(WgpuDevice::new(gpu.adapter_kind()).on(api)).client().name();
    Ok((device, name))
}
