//! Image to image, as Diffusers' `StableDiffusionImg2ImgPipeline`: the picture, noised to the level where a run of the request's
//! strength begins, is denoised from there.

use image::RgbImage;

use super::conditioning::Conditioning;
use super::rewind::Start;
use super::stable_diffusion::StableDiffusion;
use super::stages::Begun;
use super::{Hooks, Run, latents, stages};
use crate::base::error::Result;
use crate::content::imaging::resize::{self, Filter};
use crate::content::request::Request;

/// Draws the request's pictures as one batch.
pub(super) fn run(
    model: &StableDiffusion,
    request: &Request,
    start: Option<Start>,
    picture: &RgbImage,
    mut hooks: Hooks<'_>,
) -> Result<Run> {
    let Some(begun) = stages::begin(model, request, start, &mut hooks)? else { return Ok(Run::Cancelled) };
    draw(begun, request, picture, Conditioning::default(), &mut hooks)
}

/// Draws from a picture of any size.
pub(super) fn draw(
    mut begun: Begun<'_>,
    request: &Request,
    picture: &RgbImage,
    conditioning: Conditioning,
    hooks: &mut Hooks<'_>,
) -> Result<Run> {
    let model = begun.model;
    let picture = resize::rgb(picture, request.size.width as u32, request.size.height as u32, Filter::Lanczos);
    let posterior = latents::encode(model, latents::pixels(model, &picture, None), hooks.cancel)?;
    let Some(posterior) = posterior else { return Ok(Run::Cancelled) };
    // In Diffusers' order: the picture's latents are sampled first, then comes the noise.
    let image_latents = latents::sample(model, &posterior, latents::noise(model, request, &mut begun.generators));
    let noise = latents::noise(model, request, &mut begun.generators);
    stages::record(hooks, "image_latents", || image_latents.clone());
    let samples = begun.scheduler.add_noise(image_latents, noise, begun.begin);
    begun.draw(samples, conditioning, hooks)
}
