//! Text to image, as Diffusers' `StableDiffusionPipeline`.

use super::conditioning::Conditioning;
use super::rewind::Start;
use super::stable_diffusion::StableDiffusion;
use super::{Hooks, Run, latents, stages};
use crate::base::error::Result;
use crate::content::request::Request;

/// Draws the request's pictures as one batch.
pub(super) fn run(
    model: &StableDiffusion,
    request: &Request,
    start: Option<Start>,
    mut hooks: Hooks<'_>,
) -> Result<Run> {
    let Some(mut begun) = stages::begin(model, request, start, &mut hooks)? else { return Ok(Run::Cancelled) };
    let samples = latents::noise(model, request, &mut begun.generators) * begun.scheduler.init_noise_sigma();
    begun.draw(samples, Conditioning::default(), &mut hooks)
}
