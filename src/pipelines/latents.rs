//! Pictures become latents.

use burn::tensor::{DType, Tensor, TensorData};
use image::{GrayImage, RgbImage};

use super::opening::uncancelled;
use super::stable_diffusion::StableDiffusion;
use crate::base::cancel::CancelToken;
use crate::base::error::Result;
use crate::base::rng::Generators;
use crate::content::request::Request;
use crate::models::autoencoder_kl::DiagonalGaussian;

/// Unit noise of the latents' shape, `[count, channels, height, width]`, f32.
pub(super) fn noise(model: &StableDiffusion, request: &Request, generators: &mut Generators) -> Tensor<4> {
    let (width, height) = size(model, request);
    let shape = [request.seeds.count, model.parts.vae.outline.latent_channels(), height as usize, width as usize];
    Tensor::from_data(TensorData::new(generators.randn(shape), shape), (&model.compute.device, DType::F32))
}

/// Width and height of the latents.
pub(super) fn size(model: &StableDiffusion, request: &Request) -> (u32, u32) {
    let scale = model.parts.vae.outline.scale_factor();
    ((request.size.width / scale) as u32, (request.size.height / scale) as u32)
}

/// A picture as the autoencoder reads it, `[1, 3, height, width]` in -1..1 (`VaeImageProcessor.normalize`), with 0 where the hole
/// is 255.
pub(super) fn pixels(model: &StableDiffusion, picture: &RgbImage, hole: Option<&GrayImage>) -> Tensor<4> {
    let (width, height) = picture.dimensions();
    let is_hole = |i: usize| hole.is_some_and(|hole| hole.as_raw().get(i) == Some(&255));
    let value = |i: usize, byte: u8| if is_hole(i) { 0.0 } else { 2.0 * (f32::from(byte) / 255.0) - 1.0 };
    let colours = (0..3).flat_map(|c| picture.pixels().enumerate().map(move |(i, pixel)| value(i, pixel.0[c])));
    let data = TensorData::new(colours.collect::<Vec<_>>(), [1, 3, height as usize, width as usize]);
    Tensor::from_data(data, (&model.compute.device, DType::F32))
}

/// What latents a picture may have; `None` when cancelled.
///
/// # Errors
/// The autoencoder can't be loaded.
pub(super) fn encode(
    model: &StableDiffusion,
    pixels: Tensor<4>,
    cancel: &CancelToken,
) -> Result<Option<DiagonalGaussian>> {
    let pixels = pixels.cast(model.compute.dtype);
    let Some(vae) = model.part(&model.parts.vae, cancel)? else { return Ok(None) };
    // The encoder holds as much as the decoder.
    let encoded = match model.tile() {
        None => vae.encode(pixels),
        Some(tile) => vae.encode_tiled(&pixels, tile),
    };
    let encoded = uncancelled(encoded)?.filter(|_| !cancel.is_cancelled());
    Ok(encoded.map(|DiagonalGaussian { mean, logvar }| DiagonalGaussian {
        mean: mean.cast(DType::F32),
        logvar: logvar.cast(DType::F32),
    }))
}

/// The latents that `noise` picks of those that a picture may have, as the unet knows them: one sample for each of the noise.
pub(super) fn sample(model: &StableDiffusion, posterior: &DiagonalGaussian, noise: Tensor<4>) -> Tensor<4> {
    let shape = noise.dims();
    let each = |tensor: &Tensor<4>| tensor.clone().expand(shape);
    let posterior = DiagonalGaussian { mean: each(&posterior.mean), logvar: each(&posterior.logvar) };
    model.parts.vae.outline.scale_latents(posterior.sample(noise))
}
