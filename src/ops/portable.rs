//! The operations through burn, for any backend and number format.

use burn::tensor::module::{attention as burn_attention, conv2d as burn_conv2d, linear as burn_linear};
use burn::tensor::ops::{AttentionModuleOptions, ConvOptions, PadMode};
use burn::tensor::{DType, FloatDType, Tensor, activation};

use super::options::{AttentionMask, Padding, Then};

pub(super) fn linear(x: Tensor<3>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<3> {
    burn_linear(x, weight, bias)
}

pub(super) fn conv2d(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    stride: usize,
    padding: Padding,
) -> Tensor<4> {
    let Padding { top, left, bottom, right } = padding;
    let (x, symmetric) = if top == bottom && left == right {
        (x, [top, left])
    } else {
        (x.pad((left, right, top, bottom), PadMode::Constant(0.0)), [0, 0])
    };
    let [_, _, kh, kw] = weight.dims();
    if x.dtype() == DType::F16 && (kh, kw, stride) == (3, 3, 1) && symmetric == [1, 1] {
        return conv2d_3x3_as_product(x, weight, bias);
    }
    burn_conv2d(x, weight, bias, ConvOptions::new([stride, stride], symmetric, [1, 1], 1))
}

/// Computes a 3x3 convolution as nine shifted views and one product: burn's own kernel sums in f16, which costs two digits.
fn conv2d_3x3_as_product(x: Tensor<4>, weight: Tensor<4>, bias: Option<Tensor<1>>) -> Tensor<4> {
    let ([batch, channels, height, width], [out, ..]) = (x.dims(), weight.dims());
    let padded = x.pad((1, 1, 1, 1), PadMode::Constant(0.0));
    let shifted = (0..9).map(|k| {
        let (ky, kx) = (k / 3, k % 3);
        let view = padded.clone().slice([0..batch, 0..channels, ky..ky + height, kx..kx + width]);
        view.reshape([batch, channels, height * width])
    });
    let patches = Tensor::cat(shifted.collect(), 1);
    let weight = weight.permute([0, 2, 3, 1]).reshape([1, out, 9 * channels]);
    let y = weight.matmul(patches).reshape([batch, out, height, width]);
    match bias {
        Some(bias) => y + bias.reshape([1, out, 1, 1]),
        None => y,
    }
}

pub(super) fn group_norm(
    x: Tensor<4>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    groups: usize,
    epsilon: f64,
    then: Then,
) -> Tensor<4> {
    let shape @ [batch, channels, height, width] = x.dims();
    let dtype = x.dtype();
    // Statistics in f32, since a sum of squares overflows f16.
    let x = x.cast(FloatDType::F32).reshape([batch, groups, channels / groups * height * width]);
    let x = x.clone() - x.mean_dim(2);
    let variance = (x.clone() * x.clone()).mean_dim(2);
    let x = (x / (variance + epsilon).sqrt()).reshape(shape);
    let affine = |p: Tensor<1>| p.cast(FloatDType::F32).reshape([1, channels, 1, 1]);
    let x = (x * affine(gamma) + affine(beta)).cast(dtype);
    match then {
        Then::Nothing => x,
        Then::Silu => activation::silu(x),
    }
}

pub(super) fn attention(q: Tensor<3>, k: Tensor<3>, v: Tensor<3>, heads: usize, mask: AttentionMask) -> Tensor<3> {
    let shape @ [batch, queries, width] = q.dims();
    let keys = k.dims()[1];
    let split = |x: Tensor<3>, length| x.reshape([batch, length, heads, width / heads]).swap_dims(1, 2);
    // The default scale: any other makes the backend store all scores.
    let options =
        AttentionModuleOptions { is_causal: mask == AttentionMask::Causal, ..AttentionModuleOptions::default() };
    let y = burn_attention(split(q, queries), split(k, keys), split(v, keys), None, None, options);
    y.swap_dims(1, 2).reshape(shape)
}

pub(super) fn geglu(x: Tensor<3>) -> Tensor<3> {
    let width = x.dims()[2] / 2;
    x.clone().narrow(2, 0, width) * activation::gelu(x.narrow(2, width, width))
}

pub(super) fn upsample_nearest_2x(x: Tensor<4>) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    let x = x.reshape([batch, channels, height * width, 1]).repeat_dim(3, 2);
    let x = x.reshape([batch, channels, height, 2 * width]).repeat_dim(3, 2);
    x.reshape([batch, channels, 2 * height, 2 * width])
}
