//! Norms, attention, activations and upsampling: our kernels where they apply, burn's operations elsewhere.

use burn::nn::{GroupNorm, LayerNorm};
use burn::tensor::{FloatDType, Tensor, activation};

use super::cpu::{self, Unary};
use super::options::{AttentionMask, Then};
use super::{gpu, portable};

/// Applies a group norm to `[batch, channels, height, width]`.
///
/// # Panics
/// The layer has no affine parameters, which no model here builds.
pub fn group_norm(layer: &GroupNorm, x: Tensor<4>, then: Then) -> Tensor<4> {
    let (Some(gamma), Some(beta)) = (&layer.gamma, &layer.beta) else {
        unreachable!("a group norm without parameters")
    };
    let (gamma, beta) = (gamma.val(), beta.val());
    let norm = if cpu::takes(&x) {
        cpu::group_norm
    } else if gpu::takes(&x) {
        gpu::group_norm
    } else {
        portable::group_norm
    };
    norm(x, gamma, beta, layer.num_groups, layer.epsilon, then)
}

/// Applies a layer norm to the last axis of `[batch, length, width]`; `epsilon` is the layer's own, which burn keeps private.
pub fn layer_norm(layer: &LayerNorm, x: Tensor<3>, epsilon: f64) -> Tensor<3> {
    match &layer.beta {
        Some(beta) if cpu::takes(&x) => cpu::layer_norm(x, layer.gamma.val(), beta.val(), epsilon),
        Some(beta) if gpu::takes(&x) => gpu::layer_norm(x, layer.gamma.val(), beta.val(), epsilon),
        _ => layer.forward(x),
    }
}

/// Computes `softmax(q k^T / sqrt(dim)) v` for each head: `q` is `[batch, queries, heads * dim]`, `k` and `v` are
/// `[batch, keys, heads * dim]`. Our kernels hold nothing of the size of all scores, so plans of the memory needn't count it.
pub fn attention(q: Tensor<3>, k: Tensor<3>, v: Tensor<3>, heads: usize, mask: AttentionMask) -> Tensor<3> {
    let attention = if cpu::takes(&q) {
        cpu::attention
    } else if gpu::takes(&q) {
        gpu::attention
    } else {
        portable::attention
    };
    attention(q, k, v, heads, mask)
}

/// As [`attention`], but with scores in f32 whatever the number format: f16 holds none above 65504.
pub fn attention_in_f32(q: Tensor<3>, k: Tensor<3>, v: Tensor<3>, heads: usize, mask: AttentionMask) -> Tensor<3> {
    // The GPU's kernel has them in f32 anyway.
    if gpu::takes(&q) {
        return gpu::attention(q, k, v, heads, mask);
    }
    let dtype = q.dtype();
    let [q, k, v] = [q, k, v].map(|x| x.cast(FloatDType::F32));
    attention(q, k, v, heads, mask).cast(dtype)
}

/// Multiplies the first half of the last axis by the exact GELU of the second: `[batch, length, 2 * width]` to
/// `[batch, length, width]`.
pub fn geglu(x: Tensor<3>) -> Tensor<3> {
    if cpu::takes(&x) {
        cpu::geglu(x)
    } else if gpu::takes(&x) {
        gpu::geglu(x)
    } else {
        portable::geglu(x)
    }
}

/// Computes `x * sigmoid(x)`.
pub fn silu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    if cpu::takes(&x) { cpu::unary(x, Unary::Silu) } else { activation::silu(x) }
}

/// Computes the exact GELU (with erf).
pub fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    if cpu::takes(&x) { cpu::unary(x, Unary::Gelu) } else { activation::gelu(x) }
}

/// Computes `x * sigmoid(1.702 x)`, CLIP's approximation of the GELU.
pub fn quick_gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    if cpu::takes(&x) { cpu::unary(x, Unary::QuickGelu) } else { x.clone() * activation::sigmoid(x * 1.702) }
}

/// Doubles both sides by repeating each pixel: `[batch, channels, height, width]` to `[batch, channels, 2 height, 2 width]`. Where a
/// convolution follows, [`conv2d_doubled`](super::conv2d_doubled) does both.
pub fn upsample_nearest_2x(x: Tensor<4>) -> Tensor<4> {
    if cpu::takes(&x) { cpu::upsample_nearest_2x(x) } else { portable::upsample_nearest_2x(x) }
}
