//! Doubling both sides of a feature map by repeating each pixel.

use burn::backend::cubecl::dtype_to_elem_type;
use burn::backend::wgpu::CubeTensor;
use burn::cubecl::prelude::*;
use burn::cubecl::{self, calculate_cube_count_elemwise};
use burn::tensor::Shape;

use super::maps::{channels_last, channels_second, empty_like, vector_size};

/// The shape of what comes out.
pub(super) fn doubled(shape: &Shape) -> Shape {
    let [batch, channels, height, width] = shape.dims();
    Shape::new([batch, channels, 2 * height, 2 * width])
}

/// One thread writes one vector of channels. `height` and `width` are the input's, `channels` counts vectors.
#[cube(launch_unchecked)]
fn nearest_2x_kernel<E: Numeric, N: Size>(
    x: &[Vector<E, N>],
    out: &mut [Vector<E, N>],
    width: usize,
    channels: usize,
    #[define(E)] _dtype: ElemType,
) {
    if ABSOLUTE_POS >= out.len() {
        terminate!();
    }
    let channel = ABSOLUTE_POS % channels;
    let pixel = ABSOLUTE_POS / channels;
    let column = pixel % (2 * width);
    // Rows of all pictures of the batch, which have an even number each.
    let row = pixel / (2 * width);
    out[ABSOLUTE_POS] = x[((row / 2) * width + column / 2) * channels + channel];
}

/// Runs the kernel on `[batch, channels, height, width]`.
pub(super) fn nearest_2x(x: CubeTensor) -> CubeTensor {
    let x = channels_last(x);
    let [batch, height, width, channels] = x.meta.shape().dims();
    let out = empty_like(&x, [batch, 2 * height, 2 * width, channels]);
    let vector = vector_size(channels);
    let client = x.client.clone();
    let units = out.meta.num_elements() / vector;
    let dim = CubeDim::new(&client, units);
    let count = calculate_cube_count_elemwise(&client, units, dim);
    let dtype = dtype_to_elem_type(x.dtype);
    // SAFETY: a thread past the output's end does nothing, and each of the others reads a pixel of the input.
    #[expect(unsafe_code, reason = "CubeCL's checked launch bounds every access again")]
    unsafe {
        nearest_2x_kernel::launch_unchecked(
            &client,
            count,
            dim,
            vector,
            x.into_buffer_arg(),
            out.clone().into_buffer_arg(),
            width,
            channels / vector,
            dtype,
        );
    }
    channels_second(out)
}
