//! Activations, value by value, and nearest-neighbour upsampling.

use burn::tensor::Tensor;
use rayon::prelude::*;

use super::simd::{exp, gelu, silu, vectorize};
use super::values::{Values, tensor};
use crate::ops::interrupt;

/// How many values a thread computes at a time.
const CHUNK: usize = 1 << 14;

/// An activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ops) enum Unary {
    Silu,
    Gelu,
    QuickGelu,
}

/// Applies an activation to each value.
pub(in crate::ops) fn unary<const D: usize>(x: Tensor<D>, f: Unary) -> Tensor<D> {
    let shape = x.dims();
    let x = Values::of(x);
    let mut y = vec![0.0; x.get().len()];
    y.par_chunks_mut(CHUNK).zip(x.get().par_chunks(CHUNK)).for_each(|(y, x)| {
        vectorize(|| match f {
            Unary::Silu => y.iter_mut().zip(x).for_each(|(y, x)| *y = silu(*x)),
            Unary::Gelu => y.iter_mut().zip(x).for_each(|(y, x)| *y = gelu(*x)),
            Unary::QuickGelu => y.iter_mut().zip(x).for_each(|(y, x)| *y = x / (1.0 + exp(-1.702 * x))),
        });
    });
    tensor(y, shape)
}

/// Multiplies the first half of each row of `x` `[batch, length, 2 * width]` by the GELU of the second.
pub(in crate::ops) fn geglu(x: Tensor<3>) -> Tensor<3> {
    let [batch, length, double] = x.dims();
    let width = double / 2;
    let x = Values::of(x);
    let mut y = vec![0.0; batch * length * width];
    let cancel = interrupt::current();
    y.par_chunks_mut(width).zip(x.get().par_chunks(double)).with_min_len(8).for_each(|(y, x)| {
        if cancel.is_cancelled() {
            return;
        }
        let (hidden, gate) = x.split_at(width);
        vectorize(|| y.iter_mut().zip(hidden.iter().zip(gate)).for_each(|(y, (h, g))| *y = h * gelu(*g)));
    });
    tensor(y, [batch, length, width])
}

/// Doubles both sides of `x` `[batch, channels, height, width]` by repeating each pixel.
pub(in crate::ops) fn upsample_nearest_2x(x: Tensor<4>) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    let x = Values::of(x);
    let mut y = vec![0.0; 4 * x.get().len()];
    y.par_chunks_mut(4 * width).zip(x.get().par_chunks(width)).with_min_len(64).for_each(|(y, x)| {
        let (first, second) = y.split_at_mut(2 * width);
        vectorize(|| {
            for (pair, x) in first.chunks_exact_mut(2).zip(x) {
                pair[0] = *x;
                pair[1] = *x;
            }
        });
        second.copy_from_slice(first);
    });
    tensor(y, [batch, channels, 2 * height, 2 * width])
}
