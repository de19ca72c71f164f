//! The GPUs that this process has opened, and whether they are lost: a driver that crashes, a reset, a card that is taken away.
//!
//! Limits: one with burn's choice of a compiler is opened twice at most; lost twice, it asks for a new start of the program.

use std::sync::{Mutex, MutexGuard, PoisonError};

use burn::cubecl;
use burn::cubecl::wgpu::WgpuDevice;
use burn::tensor::wgpu::WgpuBackend;
use burn::tensor::wgpu::wgpu::{self, Backend};
use burn::tensor::{Device, DeviceKind};

use super::gpus::Gpu;
use super::portable::{self, NewGpu};
use super::tuning;
use crate::base::crash::contained;
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
    /// The backend's own handle; `None` if someone else has opened it.
    handle: Option<wgpu::Device>,
}

/// What is open, and which of it models are opened on.
struct OpenedGpus {
    /// The newest last.
    all: Vec<OpenedGpu>,
    in_use: Option<Device>,
}

static OPENED: Mutex<OpenedGpus> = Mutex::new(OpenedGpus { all: Vec::new(), in_use: None });

/// Held by the thread that opens one: none is opened twice at once. Who only looks isn't kept waiting by it.
static OPENING: Mutex<()> = Mutex::new(());

impl OpenedGpu {
    /// Asks the driver alone. Nothing is waited for: work on a lost device may never end.
    fn is_gone(&self) -> bool {
        // wgpu tells of it by a panic where it is polled.
        self.handle.as_ref().is_some_and(|handle| contained(|| drop(handle.poll(wgpu::PollType::Poll))).is_none())
    }

    /// Asks the backend too, which fails for good once a device was lost.
    fn is_lost(&self) -> bool {
        self.is_gone() || self.device.sync().is_err()
    }
}

/// Opens a GPU, or returns the one that is open.
pub(super) fn open_gpu(gpu: &Gpu, portable: bool) -> Result<OpenedGpu> {
    let _opening = OPENING.lock().unwrap_or_else(PoisonError::into_inner);
    let is_known = |known: &&OpenedGpu| known.kind == gpu.kind && known.portable == portable;
    let known: Vec<OpenedGpu> = opened().all.iter().filter(is_known).cloned().collect();
    // A second model on the same device.
    if let Some(sound) = known.iter().rfind(|known| !known.is_lost()) {
        return Ok(sound.clone());
    }
    tuning::begin(gpu);
    let before = known.len() as u16;
    let (device, name, handle) = if portable { portable::open(gpu, before) } else { open_native(gpu, before) }
        .map_err(|cause| {
            Error::new(format!("This GPU can't be opened: {}", gpu.info.name))
                .advise("If it worked before, start Burnisher again; the device cpu always works")
                .caused_by(cause)
        })?;
    let language = match name {
        "wgpu<spirv>" => "spirv",
        "wgpu<msl>" => "msl",
        _ => "wgsl",
    };
    let new = OpenedGpu { kind: gpu.kind.clone(), portable, device, language, handle };
    opened().all.push(new.clone());
    Ok(new)
}

/// Notes which GPU models are opened on from now on; `None` for the CPU.
pub(super) fn use_from_now_on(device: Option<Device>) {
    opened().in_use = device;
}

/// Whether a device is lost: it can't be used any more, and its GPU has to be opened again. Its work is waited for.
pub fn is_lost(device: &Device) -> bool {
    find(device).is_some_and(|opened| opened.is_lost())
}

/// Whether the GPU in use is lost. Any thread may ask, also while another one waits for that GPU in vain.
pub fn is_one_in_use_lost() -> bool {
    let in_use = opened().in_use.clone();
    in_use.and_then(|device| find(&device)).is_some_and(|opened| opened.is_gone())
}

fn find(device: &Device) -> Option<OpenedGpu> {
    opened().all.iter().find(|opened| opened.device == *device).cloned()
}

/// One is added in one move, so what a thread that panicked has left is whole.
fn opened() -> MutexGuard<'static, OpenedGpus> {
    OPENED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Opens a GPU with burn's choice of a compiler. `before`: how many times it was lost.
fn open_native(gpu: &Gpu, before: u16) -> Result<NewGpu> {
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
    let (device, handle) = match options.init_with_setup() {
        Ok((device, setup)) => (device, Some(setup.device)),
        // Someone else has opened it.
        Err(_) if before == 0 && Device::wgpu(gpu.kind.clone()).sync().is_ok() => {
            (Device::wgpu(gpu.kind.clone()), None)
        }
        Err(cause) => return Err(Error::new("burn can't open it").caused_by(cause)),
    };
    let name = cubecl::Device::Wgpu(WgpuDevice::new(gpu.adapter_kind()).on(api)).client().name();
    Ok((device, name, handle))
}
