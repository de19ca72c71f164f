//! Where the arithmetic happens: choosing a device and a dtype, and listing what there is.
//!
//! A real graphics card is taken through wgpu; without one, the CPU's own backend. A software rasteriser (a Vulkan driver that
//! runs on the CPU) is many times slower than that backend, and taken only when a GPU is asked for by name.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::thread;

use burn::tensor::wgpu::WgpuBackend;
use burn::tensor::wgpu::wgpu::{self, AdapterInfo, Backend, DeviceType, Features, Limits};
use burn::tensor::{DType, Device, DeviceKind};
use serde::Serialize;

use crate::base::error::{Error, Result};
use crate::base::system;

/// What the user asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// A graphics card if there is one, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// A GPU: the best one, or the one of this number in [`list`]'s GPUs.
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
}

impl DeviceInfo {
    /// Its name, and in brackets what else there is to know.
    pub fn in_words(&self) -> String {
        let driver = if self.driver.is_empty() { String::new() } else { format!(", {}", self.driver) };
        let f16 = if self.f16 { ", f16" } else { "" };
        let limit = self.max_tensor_bytes.map_or(String::new(), |bytes| format!(", buffers up to {} MB", bytes >> 20));
        format!("{} ({}, {}{driver}{f16}{limit})", self.name, self.kind, self.backend)
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
    /// The most bytes that one tensor may have; none on the CPU.
    pub max_tensor_bytes: Option<u64>,
    /// Where its memory is.
    pub memory: Memory,
    /// Whether it computes in f16.
    pub has_f16: bool,
}

/// What a device can hold: all that a plan of its memory needs, known without opening it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// What weights and activations are.
    pub dtype: DType,
    /// The most bytes that one tensor may have; none on the CPU.
    pub max_tensor_bytes: Option<u64>,
    /// Where its memory is.
    pub memory: Memory,
    /// Whether it computes in f16.
    pub has_f16: bool,
}

/// Where the memory of a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// It is the machine's main memory: the CPU's, and that of GPUs that have none of their own.
    Main,
    /// It is the GPU's own, of so many bytes; `None` if the driver doesn't tell.
    Own(Option<u64>),
    /// Wherever it is: no more than so many bytes of it may be taken. The user said so.
    Limited(u64),
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

/// The GPUs that this process has opened, the newest last.
static OPENED: Mutex<Vec<(DeviceKind, Device)>> = Mutex::new(Vec::new());

/// A GPU as wgpu reports it.
struct Gpu {
    info: AdapterInfo,
    features: Features,
    limits: Limits,
    kind: DeviceKind,
}

impl Gpu {
    fn memory(&self) -> Memory {
        match self.info.device_type {
            DeviceType::DiscreteGpu => Memory::Own(video_memory(&self.info.device_pci_bus_id)),
            _ => Memory::Main,
        }
    }

    fn is_software(&self) -> bool {
        self.info.device_type == DeviceType::Cpu
    }

    /// The driver and its version, as far as it tells.
    fn driver(&self) -> String {
        format!("{} {}", self.info.driver, self.info.driver_info).trim().to_owned()
    }

    fn max_tensor_bytes(&self) -> u64 {
        self.limits.max_storage_buffer_binding_size.min(self.limits.max_buffer_size)
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
fn gpus() -> Vec<Gpu> {
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
            gpus.push(Gpu { features: adapter.features(), limits: adapter.limits(), info, kind });
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
    found
}

/// Everything that pictures can be drawn on: the GPUs, then the CPU.
pub fn list() -> Vec<DeviceInfo> {
    let gpus = gpus();
    let real = gpus.iter().any(|gpu| !gpu.is_software());
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
            f16: gpu.features.contains(Features::SHADER_F16),
            max_tensor_bytes: Some(gpu.max_tensor_bytes()),
            default: i == 0 && real,
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
        default: !real,
    });
    devices
}

/// Opens the device that the user asks for.
///
/// # Errors
/// There is no such GPU, it can't be opened, or it can't compute in the dtype.
pub fn open(choice: DeviceChoice, dtype: DtypeChoice) -> Result<ComputeDevice> {
    let gpu = find(choice)?;
    let Capacity { dtype, max_tensor_bytes, memory, has_f16 } = capacity_of(gpu.as_ref(), dtype)?;
    let (device, name) = match &gpu {
        None => (Device::flex(), cpu_name(rayon::current_num_threads())),
        Some(gpu) => (open_gpu(gpu)?, gpu.info.name.clone()),
    };
    let driver = gpu.as_ref().map_or(String::new(), |gpu| format!(", {}, {}", gpu.info.backend.to_str(), gpu.driver()));
    let opened = format!("{name}{driver}, {}", dtype.name());
    log::info!("the device is open: {opened}");
    system::note_device(opened);
    Ok(ComputeDevice { device, dtype, name, max_tensor_bytes, memory, has_f16 })
}

/// What the device that the user asks for can hold. It isn't opened.
///
/// # Errors
/// There is no such GPU, or it can't compute in the dtype.
pub fn capacity(choice: DeviceChoice, dtype: DtypeChoice) -> Result<Capacity> {
    capacity_of(find(choice)?.as_ref(), dtype)
}

/// The GPU that the user asks for; `None` for the CPU.
fn find(choice: DeviceChoice) -> Result<Option<Gpu>> {
    match choice {
        DeviceChoice::Cpu => Ok(None),
        DeviceChoice::Auto => Ok(gpus().into_iter().next().filter(|gpu| !gpu.is_software())),
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

fn capacity_of(gpu: Option<&Gpu>, dtype: DtypeChoice) -> Result<Capacity> {
    let Some(gpu) = gpu else {
        let dtype = match dtype {
            DtypeChoice::Auto | DtypeChoice::F32 => DType::F32,
            DtypeChoice::F16 => DType::F16,
            DtypeChoice::Bf16 => DType::BF16,
        };
        return Ok(Capacity { dtype, max_tensor_bytes: None, memory: Memory::Main, has_f16: true });
    };
    let has_f16 = gpu.features.contains(Features::SHADER_F16);
    let dtype = match dtype {
        DtypeChoice::F16 if has_f16 => DType::F16,
        DtypeChoice::Auto if has_f16 && !gpu.is_software() => DType::F16,
        DtypeChoice::Auto | DtypeChoice::F32 => DType::F32,
        DtypeChoice::F16 => {
            return Err(Error::new(format!("This GPU has no f16: {}", gpu.info.name)).advise("Choose --dtype f32"));
        }
        DtypeChoice::Bf16 => {
            return Err(Error::new("bf16 is not available on GPUs here").advise("Choose --dtype f16 or f32"));
        }
    };
    Ok(Capacity { dtype, max_tensor_bytes: Some(gpu.max_tensor_bytes()), memory: gpu.memory(), has_f16 })
}

fn open_gpu(gpu: &Gpu) -> Result<Device> {
    let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    let mut before = 0;
    for (_, device) in opened.iter().rev().filter(|(kind, _)| *kind == gpu.kind) {
        // A second model on the same device. One that was lost fails for good.
        if device.sync().is_ok() {
            return Ok(device.clone());
        }
        before += 1;
    }
    // A lost device keeps its place in the runtime, which has another one for the same GPU by its graphics interface.
    let options = Device::wgpu_options().device_kind(gpu.kind.clone());
    let options = match (before, gpu.info.backend) {
        (0, _) => options,
        (_, Backend::Metal) => options.graphics_api(WgpuBackend::Metal),
        (_, Backend::Dx12) => options.graphics_api(WgpuBackend::Dx12),
        _ => options.graphics_api(WgpuBackend::Vulkan),
    };
    // What the backend learns about this GPU (the fastest of each kernel's variants) it keeps in the user's cache folder: burn's
    // feature `persistence`.
    let device = match options.init() {
        Ok(device) => device,
        // Someone else has opened it.
        Err(_) if before == 0 && Device::wgpu(gpu.kind.clone()).sync().is_ok() => Device::wgpu(gpu.kind.clone()),
        Err(cause) => {
            return Err(Error::new(format!("This GPU can't be opened: {}", gpu.info.name))
                .advise("If it worked before, start Burnisher again; the device cpu always works")
                .caused_by(cause));
        }
    };
    opened.push((gpu.kind.clone(), device.clone()));
    Ok(device)
}

/// Bytes of a GPU's own memory, where the driver says so: wgpu doesn't ask for it, but AMD's on Linux writes it down
/// (`Documentation/gpu/amdgpu/driver-misc.rst`, `mem_info_vram_total`).
fn video_memory(pci_bus_id: &str) -> Option<u64> {
    let is_plain = pci_bus_id.chars().all(|c| c.is_ascii_hexdigit() || ":.".contains(c));
    let path = format!("/sys/bus/pci/devices/{pci_bus_id}/mem_info_vram_total");
    std::fs::read_to_string(path).ok().filter(|_| is_plain && !pci_bus_id.is_empty())?.trim().parse().ok()
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

    #[test]
    fn the_cpu_is_always_there_and_one_device_is_the_default() {
        let devices = list();
        assert_eq!(devices.last().map(|d| d.id.as_str()), Some("cpu"));
        assert_eq!(devices.iter().filter(|d| d.default).count(), 1);
    }

    #[test]
    fn a_gpu_that_is_not_there_is_an_error_that_says_what_is() {
        let error = open(DeviceChoice::Gpu(Some(99)), DtypeChoice::Auto).expect_err("no machine has a hundred");
        assert!(error.to_string().contains("burnisher devices"), "{error}");
    }
}
