//! Convolutions: a product of matrices whose left one, the surroundings of every pixel, is read from the picture where it is
//! needed and never written out (an implicit GEMM).
//!
//! A workgroup computes a tile of pixels by output channels (`tile`). For each position of the kernel it takes slices of 16
//! channels of its pixels and of its weights into shared memory, as f32, and each thread sums a small tile of its own in
//! registers. Sums are in f32 in either number format.
//!
//! The large tile, 128 pixels by 64 channels, reads (128 + 64) / (128 * 64) = 1/43 number from memory for a multiplication:
//! 0.05 bytes in f16. A GPU of the middle class (13 TFLOP/s, 360 GB/s) can read 0.055 bytes in the time of one even if no
//! cache helps: arithmetic is the bound. A thread's tile of 8 by 8 reads a quarter of a number from shared memory for each,
//! half as many instructions as for tiles of 4 by 4. Workgroups take at most 14 KiB of shared memory.

mod kernel;
mod tile;

use burn::backend::cubecl::dtype_to_elem_type;
use burn::backend::tensor::FloatTensor;
use burn::backend::wgpu::{CubeBackend, CubeTensor};
use burn::backend::{Backend, ExtensionType};
use burn::cubecl::prelude::*;
use burn::tensor::Shape;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::permute;

use super::maps::{channels_last, channels_second, empty_like, vector_size};
use crate::ops::options::Padding;
use kernel::{ConvVariant, ExtentLaunch, conv2d_kernel};
use tile::OutputTile;

/// A tensor that an operation may do without.
#[derive(ExtensionType)]
#[extension_type(fusion)]
pub(in crate::ops) enum Operand<B: Backend> {
    /// There is none.
    None,
    /// This one.
    Some(FloatTensor<B>),
}

/// How a convolution moves over its input.
#[derive(Clone, Copy, Debug)]
pub(in crate::ops) struct Movement {
    /// Pixels from one output to the next.
    pub(in crate::ops) stride: usize,
    /// Zeros around the picture.
    pub(in crate::ops) padding: Padding,
    /// The height and width to which the input is doubled first by repeating each pixel: twice the input's or one less.
    pub(in crate::ops) doubled_to: Option<[usize; 2]>,
}

impl Default for Movement {
    fn default() -> Self {
        Self { stride: 1, padding: Padding::default(), doubled_to: None }
    }
}

impl Movement {
    /// The size of the output.
    fn size(self, input: [usize; 2], kernel: usize) -> [usize; 2] {
        let [height, width] = self.doubled_to.unwrap_or(input);
        let Padding { top, left, bottom, right } = self.padding;
        let outputs = |padded: usize| (padded - kernel) / self.stride + 1;
        [outputs(top + height + bottom), outputs(left + width + right)]
    }
}

/// The shape of what comes out.
pub(super) fn shape(x: &Shape, weight: &Shape, movement: Movement) -> Shape {
    let ([batch, _, height, width], [outputs, _, kernel, _]) = (x.dims(), weight.dims());
    let [height, width] = movement.size([height, width], kernel);
    Shape::new([batch, outputs, height, width])
}

/// Runs the kernel on `x` `[batch, channels, height, width]` and a `weight` `[outputs, channels, kernel, kernel]`, which is read
/// where it lies if the numbers of all outputs for a position lie side by side, as the loader of checkpoints arranges it, and
/// is copied otherwise. Adds the `bias` `[outputs]`, the `shift` `[batch or 1, outputs, 1, 1]` and the `residual` of the
/// output's shape.
pub(super) fn conv2d(
    x: CubeTensor,
    weight: CubeTensor,
    bias: Operand<CubeBackend>,
    shift: Operand<CubeBackend>,
    residual: Operand<CubeBackend>,
    movement: Movement,
) -> CubeTensor {
    let x = channels_last(x);
    let weight = into_contiguous(permute(weight, &[1, 2, 3, 0]));
    let [batch, stored_height, stored_width, channels] = x.meta.shape().dims();
    let [_, kernel, _, outputs] = weight.meta.shape().dims();
    let [height, width] = movement.doubled_to.unwrap_or([stored_height, stored_width]);
    let [out_height, out_width] = movement.size([stored_height, stored_width], kernel);
    let out = empty_like(&x, [batch, out_height, out_width, outputs]);
    let pixels = batch * out_height * out_width;
    let tile = OutputTile::of(pixels, outputs);
    let shift = shift.contiguous();
    let extent = ExtentLaunch::new(
        channels,
        outputs,
        height,
        width,
        stored_height,
        stored_width,
        out_height,
        out_width,
        pixels,
        movement.padding.top,
        movement.padding.left,
        shift.as_ref().map_or(0, |shift| if shift.meta.shape()[0] > 1 { outputs } else { 0 }),
    );
    let repeats = if movement.doubled_to.is_some() { 2 } else { 1 };
    let variant = ConvVariant { tile, kernel, stride: movement.stride, repeats };
    let (client, dtype) = (x.client.clone(), dtype_to_elem_type(x.dtype));
    // SAFETY: every access is bounded by the kernel, which knows all sizes.
    #[expect(unsafe_code, reason = "CubeCL's checked launch bounds every access again")]
    unsafe {
        conv2d_kernel::launch_unchecked(
            &client,
            workgroups(tile, pixels, outputs),
            CubeDim::new_1d(tile.threads() as u32),
            vector_size(channels),
            vector_size(outputs),
            x.into_buffer_arg(),
            weight.into_buffer_arg(),
            bias.contiguous().map(CubeTensor::into_buffer_arg).into(),
            shift.map(CubeTensor::into_buffer_arg).into(),
            residual.map().map(CubeTensor::into_buffer_arg).into(),
            out.clone().into_buffer_arg(),
            extent,
            variant,
            dtype,
        );
    }
    channels_second(out)
}

/// Tiles along the outputs, and along the pixels in two dimensions, since one holds 65,535 at most.
fn workgroups(tile: OutputTile, pixels: usize, outputs: usize) -> CubeCount {
    const MOST: usize = 1 << 15;
    let along_pixels = pixels.div_ceil(tile.pixels);
    let deep = along_pixels.div_ceil(MOST);
    CubeCount::Static(outputs.div_ceil(tile.outputs) as u32, along_pixels.div_ceil(deep) as u32, deep as u32)
}

impl Operand<CubeBackend> {
    fn tensor(self) -> Option<CubeTensor> {
        match self {
            Self::None => None,
            Self::Some(tensor) => Some(tensor),
        }
    }

    /// In row-major order.
    fn contiguous(self) -> Option<CubeTensor> {
        self.tensor().map(into_contiguous)
    }

    /// A feature map with its channels side by side.
    fn map(self) -> Option<CubeTensor> {
        self.tensor().map(channels_last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_launch_covers_pictures_of_any_size_within_the_limits_of_devices() {
        for (pixels, outputs) in [(1, 3), (8192, 320), (4096 * 4096, 3), (3 * 8192 * 8192 + 1, 64)] {
            let tile = OutputTile::of(pixels, outputs);
            let CubeCount::Static(x, y, z) = workgroups(tile, pixels, outputs) else { panic!("known beforehand") };
            assert!([x, y, z].iter().all(|count| (1..=65_535).contains(count)), "{pixels} x {outputs}: {x} {y} {z}");
            assert!(x as usize * tile.outputs >= outputs && y as usize * z as usize * tile.pixels >= pixels);
        }
    }
}
