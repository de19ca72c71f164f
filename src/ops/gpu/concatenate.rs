//! Putting the channels of two feature maps side by side, as for a UNet's skip connections.

use burn::backend::cubecl::dtype_to_elem_type;
use burn::backend::wgpu::CubeTensor;
use burn::cubecl::prelude::*;
use burn::cubecl::{self, calculate_cube_count_elemwise};
use burn::tensor::Shape;

use super::maps::{channels_last, channels_second, empty_like, vector_size};

/// The shape of what comes out.
pub(super) fn joined(a: &Shape, b: &Shape) -> Shape {
    let ([batch, first, height, width], [_, second, _, _]) = (a.dims(), b.dims());
    Shape::new([batch, first + second, height, width])
}

/// One unit writes one vector of channels. `first` and `second` count the vectors of `a` and `b` at a pixel.
#[cube(launch_unchecked)]
fn concatenate_kernel<E: Numeric, N: Size>(
    a: &[Vector<E, N>],
    b: &[Vector<E, N>],
    out: &mut [Vector<E, N>],
    first: usize,
    second: usize,
    #[define(E)] _dtype: ElemType,
) {
    if ABSOLUTE_POS >= out.len() {
        terminate!();
    }
    let channel = ABSOLUTE_POS % (first + second);
    let pixel = ABSOLUTE_POS / (first + second);
    if channel < first {
        out[ABSOLUTE_POS] = a[pixel * first + channel];
    } else {
        out[ABSOLUTE_POS] = b[pixel * second + channel - first];
    }
}

/// Runs the kernel on two maps of one size, `[batch, channels, height, width]`.
pub(super) fn concatenate(a: CubeTensor, b: CubeTensor) -> CubeTensor {
    let (a, b) = (channels_last(a), channels_last(b));
    let ([batch, height, width, first], [_, _, _, second]) = (a.meta.shape().dims(), b.meta.shape().dims());
    let out = empty_like(&a, [batch, height, width, first + second]);
    let vector = vector_size(first).min(vector_size(second));
    let client = a.client.clone();
    let units = out.meta.num_elements() / vector;
    let dim = CubeDim::new(&client, units);
    let count = calculate_cube_count_elemwise(&client, units, dim);
    let dtype = dtype_to_elem_type(a.dtype);
    // SAFETY: a unit past the output's end does nothing, and each of the others reads one vector of its pixel.
    #[expect(unsafe_code, reason = "CubeCL's checked launch bounds every access again")]
    unsafe {
        concatenate_kernel::launch_unchecked(
            &client,
            count,
            dim,
            vector,
            a.into_buffer_arg(),
            b.into_buffer_arg(),
            out.clone().into_buffer_arg(),
            first / vector,
            second / vector,
            dtype,
        );
    }
    channels_second(out)
}
