//! The heavy operations of the models, each done the better way for the device, the dtype and the size.
//!
//! On the CPU in f32 they run our own kernels (`cpu`); everywhere else burn's (`gpu`). Layers are burn's: they hold the
//! parameters, and the functions here apply them.

mod cpu;
mod gpu;
mod interrupt;

use burn::module::Param;
use burn::nn::conv::Conv2d;
use burn::nn::{GroupNorm, LayerNorm, Linear, PaddingConfig2d};
use burn::tensor::{DType, Device, Tensor};

pub use interrupt::{interruptible, is_interrupted};

use cpu::Unary;

/// Zeros around a picture, in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Padding {
    top: usize,
    left: usize,
    bottom: usize,
    right: usize,
}

/// What follows a norm, done in the same pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// The norm alone.
    Nothing,
    /// The SiLU of the result.
    Silu,
}

/// Which keys a query may attend to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mask {
    /// All of them.
    None,
    /// Those at or before the query's own place.
    Causal,
}

/// Whether a tensor is for our CPU kernels.
fn on_cpu<const D: usize>(x: &Tensor<D>) -> bool {
    x.dtype() == DType::F32 && x.device() == Device::flex()
}

/// Convolution with the layer's stride and padding: `[batch, channels, height, width]`.
pub fn conv2d(layer: &Conv2d, x: Tensor<4>) -> Tensor<4> {
    let padding = match layer.padding {
        PaddingConfig2d::Explicit(top, left, bottom, right) => Padding { top, left, bottom, right },
        _ => Padding::default(),
    };
    let (weight, bias, stride) = (layer.weight.val(), layer.bias.as_ref().map(Param::val), layer.stride[0]);
    if on_cpu(&x) {
        cpu::conv2d(x, weight, bias, stride, padding)
    } else {
        gpu::conv2d(x, weight, bias, stride, padding)
    }
}

/// `x W + b`: `[batch, length, width]`.
pub fn linear(layer: &Linear, x: Tensor<3>) -> Tensor<3> {
    let (weight, bias) = (layer.weight.val(), layer.bias.as_ref().map(Param::val));
    if on_cpu(&x) { cpu::linear(x, weight, bias) } else { burn::tensor::module::linear(x, weight, bias) }
}

/// Group norm over `[batch, channels, height, width]`.
///
/// # Panics
/// A layer without affine parameters: no model of ours has one.
pub fn group_norm(layer: &GroupNorm, x: Tensor<4>, then: Then) -> Tensor<4> {
    let (Some(gamma), Some(beta)) = (&layer.gamma, &layer.beta) else {
        unreachable!("a group norm without parameters")
    };
    let (gamma, beta) = (gamma.val(), beta.val());
    let norm = if on_cpu(&x) { cpu::group_norm } else { gpu::group_norm };
    norm(x, gamma, beta, layer.num_groups, layer.epsilon, then)
}

/// Layer norm over the last axis of `[batch, length, width]`; `epsilon` is torch's 1e-5 unless the layer says otherwise.
pub fn layer_norm(layer: &LayerNorm, x: Tensor<3>, epsilon: f64) -> Tensor<3> {
    match &layer.beta {
        Some(beta) if on_cpu(&x) => cpu::layer_norm(x, layer.gamma.val(), beta.val(), epsilon),
        _ => layer.forward(x),
    }
}

/// `softmax(q k^T / sqrt(dim)) v` a head: `q` `[batch, queries, heads * dim]`, `k` and `v` `[batch, keys, heads * dim]`.
pub fn attention(q: Tensor<3>, k: Tensor<3>, v: Tensor<3>, heads: usize, mask: Mask) -> Tensor<3> {
    if on_cpu(&q) { cpu::attention(q, k, v, heads, mask) } else { gpu::attention(q, k, v, heads, mask) }
}

/// The first half of the last axis times the exact GELU of the second: `[batch, length, 2 * width]` to `[batch, length, width]`.
pub fn geglu(x: Tensor<3>) -> Tensor<3> {
    if on_cpu(&x) { cpu::geglu(x) } else { gpu::geglu(x) }
}

/// `x * sigmoid(x)`.
pub fn silu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    if on_cpu(&x) { cpu::unary(x, Unary::Silu) } else { burn::tensor::activation::silu(x) }
}

/// The exact GELU (with erf).
pub fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    if on_cpu(&x) { cpu::unary(x, Unary::Gelu) } else { burn::tensor::activation::gelu(x) }
}

/// `x * sigmoid(1.702 x)`: CLIP's approximation of the GELU.
pub fn quick_gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    if on_cpu(&x) { cpu::unary(x, Unary::QuickGelu) } else { x.clone() * burn::tensor::activation::sigmoid(x * 1.702) }
}

/// Twice the size, each pixel repeated: `[batch, channels, height, width]` to `[batch, channels, 2 height, 2 width]`.
pub fn upsample_nearest_2x(x: Tensor<4>) -> Tensor<4> {
    if on_cpu(&x) { cpu::upsample_nearest_2x(x) } else { gpu::upsample_nearest_2x(x) }
}
