//! Group norm's kernels, and what they share.

use burn::cubecl;
use burn::cubecl::prelude::*;

use super::split::{Split, base, first_part, place, stride};
use crate::ops::gpu::segments::{UNITS, add_up};

/// Adds up, for each group of the block, the differences from its first value at pixel `start`, and their squares. The sums
/// of the block's group `g` are at `g * segment`, where `segment` is what is returned.
#[cube]
fn differences<E: Float, N: Size>(
    x: &[Vector<E, N>],
    sums: &mut Shared<[f32]>,
    squares: &mut Shared<[f32]>,
    split: &Split,
    start: usize,
    end: usize,
) -> usize {
    let (place, stride, base) = (place(split), stride(split), base(split));
    let segment = place.rows * place.width;
    if place.row < place.rows {
        let origin = Vector::<f32, N>::new(origin(x, split, start, place.group));
        let mut sum = Vector::<f32, N>::new(0.0);
        let mut square = Vector::<f32, N>::new(0.0);
        let mut column = place.column;
        while column < split.block * split.lanes {
            let mut pixel = start + place.row;
            while pixel < end {
                let difference = Vector::<f32, N>::cast_from(x[base + pixel * stride + column]) - origin;
                sum += difference;
                square += difference * difference;
                pixel += place.rows;
            }
            column += place.columns;
        }
        let position = place.group * segment + place.row * place.width + place.column - place.first;
        sums[position] = sum.vector_sum();
        squares[position] = square.vector_sum();
    }
    add_up(sums, squares, split.block, segment);
    segment
}

/// The first value at a pixel of a group of this workgroup's block.
#[cube]
fn origin<E: Float, N: Size>(x: &[Vector<E, N>], split: &Split, pixel: usize, group: usize) -> f32 {
    f32::cast_from(x[base(split) + pixel * stride(split) + group * split.lanes].extract(0usize))
}

/// Writes `(x - mean) * scale * gamma + beta`, or its SiLU, for the pixels `start` to `end`.
#[cube]
fn write<E: Float, N: Size>(
    x: &[Vector<E, N>],
    gamma: &[Vector<E, N>],
    beta: &[Vector<E, N>],
    out: &mut [Vector<E, N>],
    split: &Split,
    start: usize,
    end: usize,
    mean: f32,
    scale: f32,
    #[comptime] silu: bool,
) {
    let (place, stride, base) = (place(split), stride(split), base(split));
    if place.row < place.rows {
        let mut column = place.column;
        while column < split.block * split.lanes {
            let channel = CUBE_POS_Y as usize * split.block * split.lanes + column;
            let factor = Vector::<f32, N>::new(scale) * Vector::cast_from(gamma[channel]);
            let shift = Vector::<f32, N>::cast_from(beta[channel]);
            let mut pixel = start + place.row;
            while pixel < end {
                let at = base + pixel * stride + column;
                let y = (Vector::cast_from(x[at]) - Vector::new(mean)) * factor + shift;
                if silu {
                    out[at] = Vector::cast_from(y / (Vector::new(1.0) + (-y).exp()));
                } else {
                    out[at] = Vector::cast_from(y);
                }
                pixel += place.rows;
            }
            column += place.columns;
        }
    }
}

/// One over the deviation, of sums of `count` differences and of their squares.
#[cube]
fn scale(sum: f32, square: f32, count: f32, epsilon: f32) -> f32 {
    let rest = sum / count;
    1.0 / (max(square / count - rest * rest, 0.0) + epsilon).sqrt()
}

/// Normalises groups of which a workgroup has all pixels.
#[cube(launch_unchecked)]
pub(super) fn whole_kernel<E: Float, N: Size>(
    x: &[Vector<E, N>],
    gamma: &[Vector<E, N>],
    beta: &[Vector<E, N>],
    out: &mut [Vector<E, N>],
    split: Split,
    epsilon: f32,
    #[comptime] silu: bool,
    #[define(E)] _dtype: ElemType,
) {
    let mut sums = Shared::<[f32]>::new_slice(UNITS);
    let mut squares = Shared::<[f32]>::new_slice(UNITS);
    let segment = differences(x, &mut sums, &mut squares, &split, 0, split.pixels);
    let group = place(&split).group;
    let count = f32::cast_from(split.pixels * split.lanes * N::value());
    let mean = origin(x, &split, 0, group) + sums[group * segment] / count;
    let scale = scale(sums[group * segment], squares[group * segment], count, epsilon);
    write(x, gamma, beta, out, &split, 0, split.pixels, mean, scale, silu);
}

/// Writes the mean and the sum of squared differences from it of each group in each chunk, `[batch, groups, chunks, 2]`.
#[cube(launch_unchecked)]
pub(super) fn statistics_kernel<E: Float, N: Size>(
    x: &[Vector<E, N>],
    parts: &mut [f32],
    split: Split,
    #[define(E)] _dtype: ElemType,
) {
    let mut sums = Shared::<[f32]>::new_slice(UNITS);
    let mut squares = Shared::<[f32]>::new_slice(UNITS);
    let unit = UNIT_POS as usize;
    let start = CUBE_POS_X as usize * split.chunk;
    let end = min(start + split.chunk, split.pixels);
    let segment = differences(x, &mut sums, &mut squares, &split, start, end);
    if unit < split.block {
        let rest = sums[unit * segment] / f32::cast_from((end - start) * split.lanes * N::value());
        let part = 2 * (first_part(&split, unit) + CUBE_POS_X as usize);
        parts[part] = origin(x, &split, start, unit) + rest;
        parts[part + 1] = max(squares[unit * segment] - sums[unit * segment] * rest, 0.0);
    }
}

/// Merges the chunks' statistics and normalises: one workgroup the same pixels and groups as in the statistics' kernel.
#[cube(launch_unchecked)]
pub(super) fn merge_kernel<E: Float, N: Size>(
    x: &[Vector<E, N>],
    parts: &[f32],
    gamma: &[Vector<E, N>],
    beta: &[Vector<E, N>],
    out: &mut [Vector<E, N>],
    split: Split,
    epsilon: f32,
    #[comptime] silu: bool,
    #[define(E)] _dtype: ElemType,
) {
    let mut sums = Shared::<[f32]>::new_slice(UNITS);
    let mut squares = Shared::<[f32]>::new_slice(UNITS);
    let unit = UNIT_POS as usize;
    let per_group = split.lanes * N::value();
    let segment = UNITS / split.block;
    let mut sum = 0.0f32;
    let mut square = 0.0f32;
    if unit / segment < split.block {
        let first = first_part(&split, unit / segment);
        let mut chunk = unit % segment;
        while chunk * split.chunk < split.pixels {
            let count = f32::cast_from(min(split.chunk, split.pixels - chunk * split.chunk) * per_group);
            let difference = parts[2 * (first + chunk)] - parts[2 * first];
            sum += count * difference;
            square += parts[2 * (first + chunk) + 1] + count * difference * difference;
            chunk += segment;
        }
    }
    sums[unit] = sum;
    squares[unit] = square;
    add_up(&mut sums, &mut squares, split.block, segment);

    let group = place(&split).group;
    let count = f32::cast_from(split.pixels * per_group);
    let mean = parts[2 * first_part(&split, group)] + sums[group * segment] / count;
    let scale = scale(sums[group * segment], squares[group * segment], count, epsilon);
    let start = CUBE_POS_X as usize * split.chunk;
    write(x, gamma, beta, out, &split, start, min(start + split.chunk, split.pixels), mean, scale, silu);
}
