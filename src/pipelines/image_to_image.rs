//! Image to image, as Diffusers' `StableDiffusionImg2ImgPipeline`: the picture, noised to the level where a run of the request's
//! strength begins, is denoised from there.

use image::RgbImage;

use super::image_conditioning::ImageConditioning;
use super::resident::Resident;
use super::run::Drawn;
use super::run_context::RunContext;
use super::run_start::RunStart;
use super::stages::Begun;
use super::{latents, stages};
use crate::base::stop::Outcome;
use crate::content::imaging::resize::{self, Filter};
use crate::content::request::Request;

/// Draws the request's pictures as one batch.
pub(super) fn run(
    resident: &Resident,
    request: &Request,
    start: Option<RunStart>,
    picture: &RgbImage,
    context: &mut RunContext<'_>,
) -> Outcome<Vec<Drawn>> {
    let begun = stages::begin(resident, request, start, context)?;
    draw(begun, request, picture, ImageConditioning::default(), context)
}

/// Draws from a picture of any size.
pub(super) fn draw(
    mut begun: Begun<'_>,
    request: &Request,
    picture: &RgbImage,
    image: ImageConditioning,
    context: &mut RunContext<'_>,
) -> Outcome<Vec<Drawn>> {
    let resident = begun.resident;
    let picture = resize::rgb(picture, request.size.width as u32, request.size.height as u32, Filter::Lanczos);
    let posterior = latents::encode(resident, latents::pixels(resident, &picture, None))?;
    // In Diffusers' order: the picture's latents are sampled first, then comes the noise.
    let image_latents = latents::sample(resident, &posterior, latents::noise(resident, request, &mut begun.generators));
    let noise = latents::noise(resident, request, &mut begun.generators);
    context.record("image_latents", || image_latents.clone());
    let samples = begun.scheduler.add_noise(&image_latents, &noise, begun.begin);
    begun.draw(samples, image, context)
}
