//! Kernels for GPUs, written with CubeCL: one source for Vulkan, Metal and DirectX 12.
//!
//! A feature map is `[batch, channels, height, width]` for its caller, as everywhere, but its channels lie side by side in
//! memory (NHWC): what the kernels return lies so, and they copy what they are given only if it doesn't (`maps`). They store in
//! the tensor's number format and sum in f32.
//!
//! `extension` lists the kernels for burn, which calls them through its fusion; a kernel is a file of its own.

mod attention;
mod concatenate;
mod conv;
mod extension;
mod geglu;
mod group_norm;
mod layer_norm;
mod linear;
mod maps;
mod segments;

use burn::backend::{Dispatch, DispatchDevice};
use burn::tensor::{DType, Device, Tensor};

use super::options::{AttentionMask, Epilogue, Then};
use conv::Operand;
use extension::GpuKernels;

pub(super) use conv::Movement;

/// Tells whether the kernels take this tensor: f32 or f16, on a GPU.
pub(super) fn takes<const D: usize>(x: &Tensor<D>) -> bool {
    matches!(x.dtype(), DType::F32 | DType::F16) && x.device() != Device::flex()
}

/// Puts the channels of two maps of one size side by side: `[batch, channels, height, width]` both.
pub(super) fn concatenate(a: Tensor<4>, b: Tensor<4>) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as GpuKernels>::concatenate(a.into_dispatch(), b.into_dispatch()))
}

/// Multiplies the first half of each row of `[batch, length, 2 * width]` by the exact GELU of the second.
pub(super) fn geglu(x: Tensor<3>) -> Tensor<3> {
    Tensor::from_dispatch(<Dispatch as GpuKernels>::geglu(x.into_dispatch()))
}

/// Applies a group norm to `[batch, channels, height, width]`.
pub(super) fn group_norm(
    x: Tensor<4>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    groups: usize,
    epsilon: f64,
    then: Then,
) -> Tensor<4> {
    let (gamma, beta) = (gamma.cast(x.dtype()).into_dispatch(), beta.cast(x.dtype()).into_dispatch());
    let silu = then == Then::Silu;
    Tensor::from_dispatch(<Dispatch as GpuKernels>::group_norm(x.into_dispatch(), gamma, beta, groups, epsilon, silu))
}

/// Applies a layer norm to the last axis of `[batch, length, width]`.
pub(super) fn layer_norm(x: Tensor<3>, gamma: Tensor<1>, beta: Tensor<1>, epsilon: f64) -> Tensor<3> {
    let (gamma, beta) = (gamma.cast(x.dtype()).into_dispatch(), beta.cast(x.dtype()).into_dispatch());
    Tensor::from_dispatch(<Dispatch as GpuKernels>::layer_norm(x.into_dispatch(), gamma, beta, epsilon))
}

/// Tells whether a linear layer runs our kernel: burn's own products have matrix cores, where the device has some.
pub(super) fn takes_linear(x: &Tensor<3>) -> bool {
    let has_matrix_cores = || match x.device().as_dispatch() {
        DispatchDevice::Cube(device) => !device.client().features().matmul.cmma.is_empty(),
        DispatchDevice::Flex(_) => false,
    };
    takes(x) && !has_matrix_cores()
}

/// Applies a linear layer and adds a residual.
pub(super) fn linear(
    x: Tensor<3>,
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
    residual: Option<Tensor<3>>,
) -> Tensor<3> {
    let (x, weight) = (x.into_dispatch(), weight.into_dispatch());
    Tensor::from_dispatch(<Dispatch as GpuKernels>::linear(x, weight, operand(bias), operand(residual)))
}

/// Applies a convolution and adds what follows it.
pub(super) fn conv2d(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    movement: Movement,
    epilogue: Epilogue,
) -> Tensor<4> {
    let (shift, residual) = (operand(epilogue.shift), operand(epilogue.residual));
    let (x, weight) = (x.into_dispatch(), weight.into_dispatch());
    Tensor::from_dispatch(<Dispatch as GpuKernels>::conv2d(x, weight, operand(bias), shift, residual, movement))
}

fn operand<const D: usize>(tensor: Option<Tensor<D>>) -> Operand<Dispatch> {
    tensor.map_or(Operand::None, |tensor| Operand::Some(tensor.into_dispatch()))
}

/// Computes attention: `q` is `[batch, queries, heads * dim]`, `k` and `v` are `[batch, keys, heads * dim]`.
pub(super) fn attention(q: Tensor<3>, k: Tensor<3>, v: Tensor<3>, heads: usize, mask: AttentionMask) -> Tensor<3> {
    let [q, k, v] = [q, k, v].map(Tensor::into_dispatch);
    Tensor::from_dispatch(<Dispatch as GpuKernels>::attention(q, k, v, heads, mask == AttentionMask::Causal))
}
