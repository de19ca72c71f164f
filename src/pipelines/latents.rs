//! Noise, and pictures as latents.

use burn::tensor::{DType, Tensor, TensorData};
use image::{GrayImage, RgbImage};

use super::resident::Resident;
use crate::base::rng::Generators;
use crate::base::stop::Outcome;
use crate::content::request::Request;
use crate::families::DiagonalGaussian;
use crate::ops;

/// Draws unit noise of the latents' shape, `[count, channels, height, width]`, f32.
pub(super) fn noise(resident: &Resident, request: &Request, generators: &mut Generators) -> Tensor<4> {
    let shape = shape(resident, request);
    Tensor::from_data(TensorData::new(generators.randn(shape), shape), (&resident.compute().device, DType::F32))
}

/// The shape of a request's latents, `[batch, channels, height, width]`.
pub(super) fn shape(resident: &Resident, request: &Request) -> [usize; 4] {
    let (width, height) = size(resident, request);
    [request.seeds.count, resident.codec().channels(), height as usize, width as usize]
}

/// Width and height of the latents.
pub(super) fn size(resident: &Resident, request: &Request) -> (u32, u32) {
    let factor = resident.codec().factor();
    ((request.size.width / factor) as u32, (request.size.height / factor) as u32)
}

/// A picture as the codec reads it, `[1, 3, height, width]` in -1..1 (`VaeImageProcessor.normalize`), with 0 where the hole is 255.
pub(super) fn pixels(resident: &Resident, picture: &RgbImage, hole: Option<&GrayImage>) -> Tensor<4> {
    let (width, height) = picture.dimensions();
    let is_hole = |i: usize| hole.is_some_and(|hole| hole.as_raw().get(i) == Some(&255));
    let value = |i: usize, byte: u8| if is_hole(i) { 0.0 } else { 2.0 * (f32::from(byte) / 255.0) - 1.0 };
    let colours = (0..3).flat_map(|c| picture.pixels().enumerate().map(move |(i, pixel)| value(i, pixel.0[c])));
    let data = TensorData::new(colours.collect::<Vec<_>>(), [1, 3, height as usize, width as usize]);
    Tensor::from_data(data, (&resident.compute().device, DType::F32))
}

/// Encodes a picture to the distribution of its latents.
///
/// # Errors
/// It was cancelled, or the codec can't be loaded.
pub(super) fn encode(resident: &Resident, pixels: Tensor<4>) -> Outcome<DiagonalGaussian> {
    let encoded = resident.codec().encode(pixels, resident.tile())?;
    ops::check_cancelled()?;
    Ok(encoded)
}

/// The latents that `noise` picks from a distribution, as the denoiser knows them: one sample for each of the noise.
pub(super) fn sample(resident: &Resident, posterior: &DiagonalGaussian, noise: Tensor<4>) -> Tensor<4> {
    let shape = noise.dims();
    let each = |tensor: &Tensor<4>| tensor.clone().expand(shape);
    let posterior = DiagonalGaussian { mean: each(&posterior.mean), logvar: each(&posterior.logvar) };
    resident.codec().scale().apply(posterior.sample(noise))
}
