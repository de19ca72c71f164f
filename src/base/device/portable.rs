//! A GPU whose kernels are compiled to WGSL, whatever else its driver takes.
//!
//! burn compiles to the driver's own language where it can, and has no switch. Here its server is set up by hand, with the
//! properties that it gives to adapters without such a language: cubecl-wgpu 0.11.3, `runtime.rs` (`try_create_server`) and
//! `backend/wgsl.rs`.

use std::sync::Arc;

use burn::cubecl::client::Client;
use burn::cubecl::device::DeviceId;
use burn::cubecl::features::{AtomicUsage, Plane, TypeUsage};
use burn::cubecl::ir::{
    AddressType, DeviceIdentity, DeviceProperties, ElemType, FloatKind, HardwareProperties, IntKind,
    MemoryDeviceProperties, MmaProperties, TargetProperties, Type, UIntKind,
};
use burn::cubecl::logging::ServerLogger;
use burn::cubecl::profile::TimingMethod;
use burn::cubecl::server::ServerUtilities;
use burn::cubecl::wgpu::{AutoCompiler, RuntimeOptions, WgpuServer};
use burn::cubecl::{self, WgpuCompilationOptions};
use burn::tensor::wgpu::wgpu::{
    self, Adapter, DeviceDescriptor, DeviceType, ExperimentalFeatures, Features, Limits, MemoryHints, Trace,
};
use burn::tensor::{Device, DeviceKind};
use cubecl_common::device::ServiceId;
use cubecl_server::allocator::ContiguousMemoryLayoutPolicy;

use super::gpus::Gpu;
use crate::base::error::{Error, Result};

/// What cubecl's identities of devices call one that was set up elsewhere.
const EXISTING: u16 = 5;

/// A GPU that was just opened: burn's handle, what burn calls it, and the backend's own handle, where it is known.
pub(super) type NewGpu = (Device, &'static str, Option<wgpu::Device>);

/// Opens a GPU. `before`: how many times it was lost.
pub(super) fn open(gpu: &Gpu, before: u16) -> Result<NewGpu> {
    let adapter = &gpu.adapter;
    let descriptor = DeviceDescriptor {
        label: None,
        required_features: features_of(adapter),
        required_limits: adapter.limits(),
        // The server has pools of its own.
        memory_hints: MemoryHints::MemoryUsage,
        trace: Trace::Off,
        experimental_features: ExperimentalFeatures::disabled(),
    };
    let opened = pollster::block_on(adapter.request_device(&descriptor));
    let (device, queue) = opened.map_err(|cause| Error::new("its driver refuses").caused_by(cause))?;
    // burn keeps what it learns about a GPU under this number, so it is the same in every run.
    let index = (gpu.fingerprint() as u16).wrapping_add(before);
    let id = DeviceId::new(EXISTING, index);
    let options = RuntimeOptions::try_default().map_err(|cause| Error::new("wrong options").caused_by(cause))?;
    let properties = properties(gpu);
    let (memory, timing) = (properties.memory.clone(), properties.timing_method);
    let compilation = WgpuCompilationOptions {
        supports_u64: properties.supports_type(ElemType::UInt(UIntKind::U64)),
        ..WgpuCompilationOptions::default()
    };
    let allocator = ContiguousMemoryLayoutPolicy::new(memory.alignment as usize);
    let (utilities, captures) = ServerUtilities::init(
        ServiceId::of::<WgpuServer<AutoCompiler>>(id),
        "wgpu<wgsl>",
        properties,
        TargetProperties { mma: MmaProperties::default() },
        Arc::new(ServerLogger::default()),
        allocator,
    );
    let server = WgpuServer::<AutoCompiler>::new(
        memory,
        options.memory_config,
        compilation,
        device.clone(),
        queue,
        options.tasks_max,
        gpu.info.backend,
        timing,
        utilities,
        captures,
    );
    let client = Client::try_init(id, server);
    let client = client.map_err(|cause| Error::new(format!("it can't be registered: {cause:?}")))?;
    Ok((Device::wgpu(DeviceKind::Existing(index.into())), client.name(), Some(device)))
}

/// What the adapter can do, but for what a server doesn't use or the driver only tries out.
fn features_of(adapter: &Adapter) -> Features {
    adapter.features().difference(Features::MAPPABLE_PRIMARY_BUFFERS | Features::all_experimental_mask())
}

fn properties(gpu: &Gpu) -> DeviceProperties {
    let (features, limits, info) = (features_of(&gpu.adapter), gpu.adapter.limits(), &gpu.info);
    let memory = MemoryDeviceProperties::new(
        limits.max_storage_buffer_binding_size.min(limits.max_buffer_size),
        limits.min_uniform_buffer_offset_alignment.max(limits.min_storage_buffer_offset_alignment).into(),
    );
    let timing = if features.contains(Features::TIMESTAMP_QUERY) { TimingMethod::Device } else { TimingMethod::System };
    let identity = DeviceIdentity {
        name: info.name.clone(),
        fingerprint: format!("wgsl_{}_{}", info.vendor, info.device),
        physical: None,
    };
    let hardware = hardware(&limits, (info.subgroup_min_size, info.subgroup_max_size));
    let mut properties =
        DeviceProperties::new(cubecl::features::Features::default(), memory, hardware, timing, identity);
    if features.contains(Features::SUBGROUP) && info.device_type != DeviceType::Cpu {
        properties.features.plane.insert(Plane::Ops);
    }
    register_types(&mut properties, features);
    properties
}

fn hardware(limits: &Limits, subgroup: (u32, u32)) -> HardwareProperties {
    // Zeros: the driver doesn't tell. These are the smallest that was found anywhere, and the limit of all graphics interfaces.
    let (plane_size_min, plane_size_max) = if subgroup == (0, 0) { (8, 128) } else { subgroup };
    let groups = limits.max_compute_workgroups_per_dimension;
    HardwareProperties {
        load_width: 128,
        vector_register_count: None,
        plane_size_min,
        plane_size_max,
        // wgpu takes one for buffers of variable length.
        max_bindings: limits.max_storage_buffers_per_shader_stage.saturating_sub(1),
        max_shared_memory_size: limits.max_compute_workgroup_storage_size as usize,
        max_cube_count: (groups, groups, groups),
        max_units_per_cube: limits.max_compute_invocations_per_workgroup,
        max_cube_dim: (
            limits.max_compute_workgroup_size_x,
            limits.max_compute_workgroup_size_y,
            limits.max_compute_workgroup_size_z,
        ),
        num_streaming_multiprocessors: None,
        num_tensor_cores: None,
        min_tensor_cores_dim: None,
        num_cpu_cores: None,
        last_level_cache_size: None,
        max_vector_size: 4,
        cube_mma_reserved_shared_memory: 0,
    }
}

/// The number formats that WGSL has.
fn register_types(properties: &mut DeviceProperties, features: Features) {
    properties.register_address_type(AddressType::U32);
    let (uint, int) = (ElemType::UInt(UIntKind::U32), ElemType::Int(IntKind::I32));
    let floats = [ElemType::Float(FloatKind::F32), ElemType::Float(FloatKind::Flex32)];
    for kind in [ElemType::Index, uint, int, ElemType::Bool].into_iter().chain(floats) {
        properties.register_type_usage(kind, TypeUsage::all());
    }
    for kind in [FloatKind::E4M3, FloatKind::E5M2, FloatKind::UE8M0] {
        properties.register_type_usage(ElemType::Float(kind), TypeUsage::Conversion);
    }
    let atomic = AtomicUsage::LoadStore | AtomicUsage::Exchange | AtomicUsage::Add;
    for kind in [uint, int] {
        properties.register_atomic_type_usage(Type::atomic(kind), atomic);
    }
    let optional = [
        (Features::SHADER_INT64, ElemType::Int(IntKind::I64)),
        (Features::SHADER_INT64, ElemType::UInt(UIntKind::U64)),
        (Features::SHADER_F64, ElemType::Float(FloatKind::F64)),
        (Features::SHADER_F16, ElemType::Float(FloatKind::F16)),
    ];
    for (_, kind) in optional.into_iter().filter(|(feature, _)| features.contains(*feature)) {
        properties.register_type_usage(kind, TypeUsage::all());
    }
    if features.contains(Features::SHADER_FLOAT32_ATOMIC) {
        properties.register_atomic_type_usage(Type::atomic(ElemType::Float(FloatKind::F32)), atomic);
    }
}
