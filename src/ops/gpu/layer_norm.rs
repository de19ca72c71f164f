//! Layer norm in one launch: a few rows a workgroup, each with neighbouring units of its own.
//!
//! Sums are of differences from the row's first value, so a large mean hides no variance.

use burn::backend::cubecl::dtype_to_elem_type;
use burn::backend::wgpu::CubeTensor;
use burn::cubecl;
use burn::cubecl::prelude::*;
use burn_cubecl::kernel::into_contiguous;

use super::maps::{empty_like, vector_size};
use super::segments::{UNITS, add_up};

/// The most units of a row: more would leave each too little between the steps of the sum.
const ROW_UNITS_MAX: usize = 64;

/// Each row of `width` vectors has `row_units` units; `rows` are the tensor's.
#[cube(launch_unchecked)]
fn layer_norm_kernel<E: Float, N: Size>(
    x: &[Vector<E, N>],
    gamma: &[Vector<E, N>],
    beta: &[Vector<E, N>],
    out: &mut [Vector<E, N>],
    rows: usize,
    width: usize,
    row_units: usize,
    epsilon: f32,
    #[define(E)] _dtype: ElemType,
) {
    let mut sums = Shared::<[f32]>::new_slice(UNITS);
    let mut squares = Shared::<[f32]>::new_slice(UNITS);
    let unit = UNIT_POS as usize;
    let workgroup_rows = UNITS / row_units;
    let row = CUBE_POS * workgroup_rows + unit / row_units;
    let active = unit < workgroup_rows * row_units && row < rows;
    let mut origin = 0.0f32;
    let mut sum = Vector::<f32, N>::new(0.0);
    let mut square = Vector::<f32, N>::new(0.0);
    if active {
        origin = f32::cast_from(x[row * width].extract(0usize));
        let mut column = unit % row_units;
        while column < width {
            let difference = Vector::<f32, N>::cast_from(x[row * width + column]) - Vector::new(origin);
            sum += difference;
            square += difference * difference;
            column += row_units;
        }
    }
    sums[unit] = sum.vector_sum();
    squares[unit] = square.vector_sum();
    add_up(&mut sums, &mut squares, workgroup_rows, row_units);

    if active {
        let first = unit / row_units * row_units;
        let count = f32::cast_from(width * N::value());
        let rest = sums[first] / count;
        let variance = max(squares[first] / count - rest * rest, 0.0);
        let scale = Vector::<f32, N>::new(1.0 / (variance + epsilon).sqrt());
        let mut column = unit % row_units;
        while column < width {
            let difference = Vector::<f32, N>::cast_from(x[row * width + column]) - Vector::new(origin);
            let y = (difference - Vector::new(rest)) * scale * Vector::cast_from(gamma[column]);
            out[row * width + column] = Vector::cast_from(y + Vector::cast_from(beta[column]));
            column += row_units;
        }
    }
}

/// Normalises each row of `[batch, length, width]`; the parameters are of the same number format.
pub(super) fn layer_norm(x: CubeTensor, gamma: CubeTensor, beta: CubeTensor, epsilon: f64) -> CubeTensor {
    let (x, gamma, beta) = (into_contiguous(x), into_contiguous(gamma), into_contiguous(beta));
    let [batch, length, width] = x.meta.shape().dims();
    let (rows, vector) = (batch * length, vector_size(width));
    let vectors = width / vector;
    // As many vectors for each unit, up to one.
    let row_units = vectors.div_ceil(vectors.div_ceil(ROW_UNITS_MAX));
    let out = empty_like(&x, [batch, length, width]);
    let client = x.client.clone();
    let (dim, workgroups) = (CubeDim::new_1d(UNITS as u32), rows.div_ceil(UNITS / row_units));
    let count = cubecl::calculate_cube_count_elemwise(&client, workgroups * UNITS, dim);
    let dtype = dtype_to_elem_type(x.dtype);
    // SAFETY: units without a row read and write nothing, the others only their row.
    #[expect(unsafe_code, reason = "CubeCL's checked launch bounds every access again")]
    unsafe {
        layer_norm_kernel::launch_unchecked(
            &client,
            count,
            dim,
            vector,
            x.into_buffer_arg(),
            gamma.into_buffer_arg(),
            beta.into_buffer_arg(),
            out.clone().into_buffer_arg(),
            rows,
            vectors,
            row_units,
            epsilon as f32,
            dtype,
        );
    }
    out
}
