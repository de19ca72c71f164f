//! Group norm, with the SiLU that may follow it, in two launches: statistics of parts, then their merge and the norm.
//!
//! A workgroup has a block of neighbouring groups, wide enough for whole cache lines, and a chunk of pixels. The first kernel
//! writes each chunk's mean and sum of squared differences from it. The second merges those of its groups (Chan, Golub and
//! LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979): that is so little that a
//! launch for it alone would cost more. All sums are of differences from a value of the same group, so a large mean hides no
//! variance.

use burn::backend::cubecl::dtype_to_elem_type;
use burn::backend::wgpu::CubeTensor;
use burn::cubecl;
use burn::cubecl::prelude::*;
use burn::tensor::DType;
use burn_cubecl::kernel::into_contiguous;

use super::maps::{channels_last, channels_second, empty_as, empty_like, vector_size};
use super::segments::{UNITS, add_up};

/// The least channels of a workgroup: 128 bytes in f16, a cache line.
const CHANNELS_MIN: usize = 64;

/// The rows of pixels that a workgroup's units read at least, one after the other.
const ROUNDS_MIN: usize = 2;

/// How a map is split among workgroups and their units.
#[derive(CubeType, CubeLaunch, Clone, Copy)]
struct Split {
    /// Pixels of the map.
    pixels: usize,
    /// Pixels of a workgroup.
    chunk: usize,
    /// Groups of the map.
    groups: usize,
    /// Groups of a workgroup.
    block: usize,
    /// Vectors that a group has at one pixel.
    lanes: usize,
}

impl Split {
    fn new(pixels: usize, channels: usize, groups: usize) -> Self {
        let per_group = channels / groups;
        let lanes = per_group / vector_size(per_group);
        let blocks = || (1..=groups).filter(|block| groups.is_multiple_of(*block) && block * lanes <= UNITS);
        let block = blocks().find(|block| block * per_group >= CHANNELS_MIN).or(blocks().next_back()).unwrap_or(1);
        let rows = UNITS / (block * lanes).min(UNITS);
        // Each workgroup of the second kernel reads the statistics of all chunks: of so few that its pixels are far more.
        let chunks = (pixels / (ROUNDS_MIN * rows)).min((pixels * per_group / 8).isqrt()).max(1);
        Self { pixels, chunk: pixels.div_ceil(chunks), groups, block, lanes }
    }

    fn chunks(&self) -> usize {
        self.pixels.div_ceil(self.chunk)
    }

    fn workgroups(&self, batch: usize) -> CubeCount {
        CubeCount::new_3d(self.chunks() as u32, (self.groups / self.block) as u32, batch as u32)
    }

    fn launch(self) -> SplitLaunch {
        SplitLaunch::new(self.pixels, self.chunk, self.groups, self.block, self.lanes)
    }
}

/// What a unit works on: `column`, and if the block is wider than a workgroup each `columns`-th from there, of the pixels
/// `row`, `row + rows` and so on.
#[derive(CubeType)]
struct Place {
    column: usize,
    columns: usize,
    row: usize,
    rows: usize,
    /// The group, counted in the block, and its first column.
    group: usize,
    first: usize,
    /// Columns of a group.
    width: usize,
}

#[cube]
fn place(split: &Split) -> Place {
    let unit = UNIT_POS as usize;
    let columns = min(split.block * split.lanes, UNITS);
    let column = unit % columns;
    let width = columns / split.block;
    let group = column / width;
    Place { column, columns, row: unit / columns, rows: UNITS / columns, group, first: group * width, width }
}

/// Vectors at one pixel.
#[cube]
fn stride(split: &Split) -> usize {
    split.groups * split.lanes
}

/// The index of the first vector of this workgroup's block at pixel 0.
#[cube]
fn base(split: &Split) -> usize {
    CUBE_POS_Z as usize * split.pixels * stride(split) + CUBE_POS_Y as usize * split.block * split.lanes
}

/// The index of the statistics of the first chunk, for a group of this workgroup's block.
#[cube]
fn first_part(split: &Split, group: usize) -> usize {
    let group = CUBE_POS_Y as usize * split.block + group;
    (CUBE_POS_Z as usize * split.groups + group) * split.pixels.div_ceil(split.chunk)
}

/// Writes the mean and the sum of squared differences from it of each group in each chunk, `[batch, groups, chunks, 2]`.
#[cube(launch_unchecked)]
fn statistics_kernel<E: Float, N: Size>(
    x: &[Vector<E, N>],
    parts: &mut [f32],
    split: Split,
    #[define(E)] _dtype: ElemType,
) {
    let mut sums = Shared::<[f32]>::new_slice(UNITS);
    let mut squares = Shared::<[f32]>::new_slice(UNITS);
    let (unit, stride, base) = (UNIT_POS as usize, stride(&split), base(&split));
    let start = CUBE_POS_X as usize * split.chunk;
    let end = min(start + split.chunk, split.pixels);
    let place = place(&split);

    let origin = f32::cast_from(x[base + start * stride + place.group * split.lanes].extract(0usize));
    let mut sum = Vector::<f32, N>::new(0.0);
    let mut square = Vector::<f32, N>::new(0.0);
    let segment = place.rows * place.width;
    if place.row < place.rows {
        let mut column = place.column;
        while column < split.block * split.lanes {
            let mut pixel = start + place.row;
            while pixel < end {
                let difference = Vector::<f32, N>::cast_from(x[base + pixel * stride + column]) - Vector::new(origin);
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
    add_up(&mut sums, &mut squares, split.block, segment);

    if unit < split.block {
        let origin = f32::cast_from(x[base + start * stride + unit * split.lanes].extract(0usize));
        let rest = sums[unit * segment] / f32::cast_from((end - start) * split.lanes * N::value());
        let part = 2 * (first_part(&split, unit) + CUBE_POS_X as usize);
        parts[part] = origin + rest;
        parts[part + 1] = max(squares[unit * segment] - sums[unit * segment] * rest, 0.0);
    }
}

/// Merges the chunks' statistics and normalises: one workgroup the same pixels and groups as in the first kernel.
#[cube(launch_unchecked)]
fn normalise_kernel<E: Float, N: Size>(
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
    let (unit, stride, base) = (UNIT_POS as usize, stride(&split), base(&split));
    let per_group = split.lanes * N::value();

    let segment = UNITS / split.block;
    let group = unit / segment;
    let mut sum = 0.0f32;
    let mut square = 0.0f32;
    if group < split.block {
        let first = first_part(&split, group);
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

    let place = place(&split);
    let count = f32::cast_from(split.pixels * per_group);
    let rest = sums[place.group * segment] / count;
    let mean = Vector::<f32, N>::new(parts[2 * first_part(&split, place.group)] + rest);
    let variance = max(squares[place.group * segment] / count - rest * rest, 0.0);
    let scale = Vector::<f32, N>::new(1.0 / (variance + epsilon).sqrt());
    if place.row < place.rows {
        let start = CUBE_POS_X as usize * split.chunk;
        let end = min(start + split.chunk, split.pixels);
        let mut column = place.column;
        while column < split.block * split.lanes {
            let channel = CUBE_POS_Y as usize * split.block * split.lanes + column;
            let factor = scale * Vector::cast_from(gamma[channel]);
            let shift = Vector::<f32, N>::cast_from(beta[channel]);
            let mut pixel = start + place.row;
            while pixel < end {
                let at = base + pixel * stride + column;
                let y = (Vector::cast_from(x[at]) - mean) * factor + shift;
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

/// Normalises each group of channels of `[batch, channels, height, width]`; the parameters are of the same number format.
pub(super) fn group_norm(
    x: CubeTensor,
    gamma: CubeTensor,
    beta: CubeTensor,
    groups: usize,
    epsilon: f64,
    silu: bool,
) -> CubeTensor {
    let (x, gamma, beta) = (channels_last(x), into_contiguous(gamma), into_contiguous(beta));
    let [batch, height, width, channels] = x.meta.shape().dims();
    let split = Split::new(height * width, channels, groups);
    let vector = vector_size(channels / groups);
    let parts = empty_as(&x, [batch, groups, split.chunks(), 2], DType::F32);
    let out = empty_like(&x, [batch, height, width, channels]);
    let client = x.client.clone();
    let (count, dim) = (split.workgroups(batch), CubeDim::new_1d(UNITS as u32));
    let dtype = dtype_to_elem_type(x.dtype);
    // SAFETY: both kernels read and write only what lies in their block of groups and chunk of pixels, and all of them lie in the map.
    #[expect(unsafe_code, reason = "CubeCL's checked launch bounds every access again")]
    unsafe {
        statistics_kernel::launch_unchecked(
            &client,
            count.clone(),
            dim,
            vector,
            x.clone().into_buffer_arg(),
            parts.clone().into_buffer_arg(),
            split.launch(),
            dtype,
        );
        normalise_kernel::launch_unchecked(
            &client,
            count,
            dim,
            vector,
            x.into_buffer_arg(),
            parts.into_buffer_arg(),
            gamma.into_buffer_arg(),
            beta.into_buffer_arg(),
            out.clone().into_buffer_arg(),
            split.launch(),
            epsilon as f32,
            silu,
            dtype,
        );
    }
    channels_second(out)
}
