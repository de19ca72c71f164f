//! Group norm (with the SiLU that follows it) and layer norm: the values are read twice and written once.

use burn::tensor::Tensor;
use rayon::prelude::*;

use super::simd::{silu, sum_and_squares, vectorize};
use super::values::{Values, tensor};
use crate::ops::options::Then;

/// Normalises each group of channels of `x` `[batch, channels, height, width]`, as torch's `group_norm`.
pub(in crate::ops) fn group_norm(
    x: Tensor<4>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    groups: usize,
    epsilon: f64,
    then: Then,
) -> Tensor<4> {
    let shape @ [_, channels, height, width] = x.dims();
    let (x, gamma, beta) = (Values::of(x), Values::of(gamma), Values::of(beta));
    let (per_group, pixels) = (channels / groups, height * width);
    let mut y = vec![0.0; x.get().len()];
    let group_len = per_group * pixels;
    y.par_chunks_mut(group_len).zip(x.get().par_chunks(group_len)).enumerate().for_each(|(i, (y, x))| {
        vectorize(|| {
            let (mean, scale) = mean_and_scale(x, epsilon);
            let first = i % groups * per_group;
            for (c, (y, x)) in y.chunks_exact_mut(pixels).zip(x.chunks_exact(pixels)).enumerate() {
                let (gamma, beta) = (gamma.get()[first + c], beta.get()[first + c]);
                let a = scale * gamma;
                let b = beta - mean * a;
                match then {
                    Then::Nothing => y.iter_mut().zip(x).for_each(|(y, x)| *y = x * a + b),
                    Then::Silu => y.iter_mut().zip(x).for_each(|(y, x)| *y = silu(x * a + b)),
                }
            }
        });
    });
    tensor(y, shape)
}

/// Normalises each row of `x` `[batch, length, width]`, as torch's `layer_norm`.
pub(in crate::ops) fn layer_norm(x: Tensor<3>, gamma: Tensor<1>, beta: Tensor<1>, epsilon: f64) -> Tensor<3> {
    let shape @ [_, _, width] = x.dims();
    let (x, gamma, beta) = (Values::of(x), Values::of(gamma), Values::of(beta));
    let mut y = vec![0.0; x.get().len()];
    y.par_chunks_mut(width).zip(x.get().par_chunks(width)).with_min_len(16).for_each(|(y, x)| {
        vectorize(|| {
            let (mean, scale) = mean_and_scale(x, epsilon);
            for ((y, x), (gamma, beta)) in y.iter_mut().zip(x).zip(gamma.get().iter().zip(beta.get())) {
                *y = (x - mean) * scale * gamma + beta;
            }
        });
    });
    tensor(y, shape)
}

/// Computes the mean, and one over the standard deviation (of the biased variance plus epsilon).
#[inline(always)]
#[expect(clippy::inline_always, reason = "only what is inlined into `vectorize` is vectorized")]
fn mean_and_scale(x: &[f32], epsilon: f64) -> (f32, f32) {
    let n = x.len() as f64;
    let mean = sum_and_squares(x, 0.0).0 / n;
    // Squares of the differences from the mean: with a large mean, rounding would hide the variance in plain squares.
    let (rest, squares) = sum_and_squares(x, mean as f32);
    let variance = squares / n - (rest / n).powi(2);
    (mean as f32, (1.0 / (variance + epsilon).sqrt()) as f32)
}
