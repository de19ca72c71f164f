//! The feed-forward layers' gate: one half of each row times the exact GELU of the other.

use burn::backend::cubecl::dtype_to_elem_type;
use burn::backend::wgpu::CubeTensor;
use burn::cubecl::prelude::*;
use burn::cubecl::{self, calculate_cube_count_elemwise};
use burn::tensor::Shape;
use burn_cubecl::kernel::into_contiguous;
use std::f32::consts::FRAC_1_SQRT_2;

use super::maps::{empty_like, vector_size};

/// The shape of what comes out.
pub(super) fn half(shape: &Shape) -> Shape {
    let [batch, length, double] = shape.dims();
    Shape::new([batch, length, double / 2])
}

/// One unit writes one vector. `width` counts the vectors of half a row.
#[cube(launch_unchecked)]
fn geglu_kernel<E: Float, N: Size>(
    x: &[Vector<E, N>],
    out: &mut [Vector<E, N>],
    width: usize,
    #[define(E)] _dtype: ElemType,
) {
    if ABSOLUTE_POS >= out.len() {
        terminate!();
    }
    let hidden_at = ABSOLUTE_POS / width * 2 * width + ABSOLUTE_POS % width;
    let hidden = Vector::<f32, N>::cast_from(x[hidden_at]);
    let gate = Vector::<f32, N>::cast_from(x[hidden_at + width]);
    let gelu = gate * Vector::new(0.5) * (Vector::new(1.0) + (gate * Vector::new(FRAC_1_SQRT_2)).erf());
    out[ABSOLUTE_POS] = Vector::cast_from(hidden * gelu);
}

/// Runs the kernel on `[batch, length, 2 * width]`.
pub(super) fn geglu(x: CubeTensor) -> CubeTensor {
    let x = into_contiguous(x);
    let [batch, length, double] = x.meta.shape().dims();
    let width = double / 2;
    let out = empty_like(&x, [batch, length, width]);
    let vector = vector_size(width);
    let client = x.client.clone();
    let units = out.meta.num_elements() / vector;
    let dim = CubeDim::new(&client, units);
    let count = calculate_cube_count_elemwise(&client, units, dim);
    let dtype = dtype_to_elem_type(x.dtype);
    // SAFETY: a unit past the output's end does nothing, and each of the others reads its row's two halves.
    #[expect(unsafe_code, reason = "CubeCL's checked launch bounds every access again")]
    unsafe {
        geglu_kernel::launch_unchecked(
            &client,
            count,
            dim,
            vector,
            x.into_buffer_arg(),
            out.clone().into_buffer_arg(),
            width / vector,
            dtype,
        );
    }
    out
}
