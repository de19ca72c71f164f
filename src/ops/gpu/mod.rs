//! Kernels for GPUs, written with CubeCL: one source for Vulkan, Metal and DirectX 12.
//!
//! A feature map is `[batch, channels, height, width]` for its caller, as everywhere, but its channels lie side by side in
//! memory (NHWC): what the kernels return lies so, and they copy what they are given only if it doesn't (`maps`). They store in
//! the tensor's number format and sum in f32.
//!
//! `extension` lists the kernels for burn, which calls them through its fusion; a kernel is a file of its own.

mod attention;
mod extension;
mod maps;
mod upsample;

use burn::backend::Dispatch;
use burn::tensor::{DType, Device, Tensor};

use super::options::AttentionMask;
use extension::GpuKernels;

/// Tells whether the kernels take this tensor: f32 or f16, on a GPU.
pub(super) fn takes<const D: usize>(x: &Tensor<D>) -> bool {
    matches!(x.dtype(), DType::F32 | DType::F16) && x.device() != Device::flex()
}

/// Doubles both sides of `[batch, channels, height, width]` by repeating each pixel.
pub(super) fn upsample_nearest_2x(x: Tensor<4>) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as GpuKernels>::upsample_nearest_2x(x.into_dispatch()))
}

/// Computes attention: `q` is `[batch, queries, heads * dim]`, `k` and `v` are `[batch, keys, heads * dim]`.
pub(super) fn attention(q: Tensor<3>, k: Tensor<3>, v: Tensor<3>, heads: usize, mask: AttentionMask) -> Tensor<3> {
    let [q, k, v] = [q, k, v].map(Tensor::into_dispatch);
    Tensor::from_dispatch(<Dispatch as GpuKernels>::attention(q, k, v, heads, mask == AttentionMask::Causal))
}
