//! The GPUs of this machine, as wgpu reports them.

use std::hash::{DefaultHasher, Hash, Hasher};

use burn::cubecl::wgpu::WgpuDeviceKind;
use burn::tensor::DeviceKind;
use burn::tensor::wgpu::wgpu::{self, Adapter, AdapterInfo, Backend, DeviceType, Features, Limits};

use super::capacity::Memory;

/// A GPU as wgpu reports it.
pub(super) struct Gpu {
    pub(super) adapter: Adapter,
    pub(super) info: AdapterInfo,
    /// Its place in the list.
    pub(super) number: usize,
    features: Features,
    limits: Limits,
    /// What the backend calls it.
    pub(super) kind: DeviceKind,
}

impl Gpu {
    pub(super) fn memory(&self) -> Memory {
        match self.info.device_type {
            DeviceType::DiscreteGpu => Memory::Own(video_memory(&self.info.device_pci_bus_id)),
            _ => Memory::Main,
        }
    }

    /// Whether it computes in f16.
    pub(super) fn has_f16(&self) -> bool {
        self.features.contains(Features::SHADER_F16)
    }

    pub(super) fn is_software(&self) -> bool {
        self.info.device_type == DeviceType::Cpu
    }

    /// The driver and its version, as far as it tells.
    pub(super) fn driver(&self) -> String {
        format!("{} {}", self.info.driver, self.info.driver_info).trim().to_owned()
    }

    /// A number that is this GPU's with this driver.
    pub(super) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.info.name, self.info.backend.to_str(), self.driver()).hash(&mut hasher);
        hasher.finish()
    }

    /// What a check of it is kept under: the GPU, its driver, and this version of the program.
    pub(super) fn key(&self) -> String {
        format!("{}, {}, {}, {}", self.info.name, self.info.backend.to_str(), self.driver(), env!("CARGO_PKG_VERSION"))
    }

    pub(super) fn max_tensor_bytes(&self) -> u64 {
        self.limits.max_storage_buffer_binding_size.min(self.limits.max_buffer_size)
    }

    /// What cubecl, below burn, calls it.
    pub(super) fn adapter_kind(&self) -> WgpuDeviceKind {
        match self.kind {
            DeviceKind::DiscreteGpu(n) => WgpuDeviceKind::DiscreteGpu(n),
            DeviceKind::IntegratedGpu(n) => WgpuDeviceKind::IntegratedGpu(n),
            DeviceKind::VirtualGpu(n) => WgpuDeviceKind::VirtualGpu(n),
            DeviceKind::Cpu => WgpuDeviceKind::Cpu,
            DeviceKind::DefaultDevice => WgpuDeviceKind::DefaultDevice,
            DeviceKind::Existing(id) => WgpuDeviceKind::Existing(id),
        }
    }

    /// The order in which `auto` and `gpu` choose.
    fn rank(&self) -> u8 {
        match self.info.device_type {
            DeviceType::DiscreteGpu => 0,
            DeviceType::IntegratedGpu => 1,
            DeviceType::VirtualGpu | DeviceType::Other => 2,
            DeviceType::Cpu => 3,
        }
    }
}

/// The GPUs of this machine, best first: those of the first graphics interface that has a real one, as the backend picks it.
pub(super) fn gpus() -> Vec<Gpu> {
    let mut found = Vec::new();
    for backend in [Backend::Vulkan, Backend::Metal, Backend::Dx12] {
        if !wgpu::Instance::enabled_backend_features().contains(backend.into()) {
            continue;
        }
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
            backends: backend.into(),
            ..wgpu::InstanceDescriptor::new_without_display_handle()
        });
        let adapters = pollster::block_on(instance.enumerate_adapters(backend.into()));
        let mut of_kind = [0_usize; 5];
        let mut gpus: Vec<Gpu> = Vec::new();
        for adapter in adapters {
            let info = adapter.get_info();
            let mut next = |slot: usize| {
                of_kind[slot] += 1;
                of_kind[slot] - 1
            };
            let kind = match info.device_type {
                DeviceType::DiscreteGpu => DeviceKind::DiscreteGpu(next(0)),
                DeviceType::IntegratedGpu => DeviceKind::IntegratedGpu(next(1)),
                DeviceType::VirtualGpu => DeviceKind::VirtualGpu(next(2)),
                // The backend can address only the first software rasteriser, and no device of unknown type.
                DeviceType::Cpu if next(3) == 0 => DeviceKind::Cpu,
                DeviceType::Cpu | DeviceType::Other => continue,
            };
            gpus.push(Gpu { features: adapter.features(), limits: adapter.limits(), number: 0, adapter, info, kind });
        }
        if gpus.iter().any(|gpu| !gpu.is_software()) {
            found = gpus;
            break;
        }
        if found.is_empty() {
            found = gpus;
        }
    }
    found.sort_by_key(Gpu::rank);
    for (number, gpu) in found.iter_mut().enumerate() {
        gpu.number = number;
    }
    found
}

/// Bytes of a GPU's own memory, where the driver says so: wgpu doesn't ask for it, but AMD's on Linux writes it down
/// (`Documentation/gpu/amdgpu/driver-misc.rst`, `mem_info_vram_total`).
fn video_memory(pci_bus_id: &str) -> Option<u64> {
    let is_plain = pci_bus_id.chars().all(|c| c.is_ascii_hexdigit() || ":.".contains(c));
    let path = format!("/sys/bus/pci/devices/{pci_bus_id}/mem_info_vram_total");
    std::fs::read_to_string(path).ok().filter(|_| is_plain && !pci_bus_id.is_empty())?.trim().parse().ok()
}
