//! Pictures from noise alone, by a prompt or without one: as Diffusers' `StableDiffusionPipeline` and `DDPMPipeline`.

use super::image_conditioning::ImageConditioning;
use super::resident::Resident;
use super::run::Drawn;
use super::run_context::RunContext;
use super::run_start::RunStart;
use super::{latents, stages};
use crate::base::stop::Outcome;
use crate::content::request::Request;

/// Draws the request's pictures as one batch.
pub(super) fn run(
    resident: &Resident,
    request: &Request,
    start: Option<RunStart>,
    context: &mut RunContext<'_>,
) -> Outcome<Vec<Drawn>> {
    let mut begun = stages::begin(resident, request, start, context)?;
    let samples = latents::noise(resident, request, &mut begun.generators) * begun.noise_scale();
    begun.draw(samples, ImageConditioning::default(), context)
}
