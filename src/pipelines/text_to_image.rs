//! Text to image, as Diffusers' `StableDiffusionPipeline`.

use super::decode::decode;
use super::denoise::denoise;
use super::guidance::{Guidance, Guided};
use super::stable_diffusion::StableDiffusion;
use super::{Hooks, Phase, Run, stages};
use crate::error::Result;
use crate::request::Request;
use crate::rng::Generators;
use crate::schedulers::SchedulerKind;

/// Draws the request's pictures as one batch.
pub(super) fn run(model: &StableDiffusion, request: &Request, mut hooks: Hooks<'_>) -> Result<Run> {
    let kind = request.scheduler.map_or_else(|| SchedulerKind::from_config(&model.scheduler_config), Ok)?;
    let mut scheduler = kind.build(&model.scheduler_config, request.steps)?;
    stages::check_memory(model, request)?;

    (hooks.on_phase)(Phase::Encoding);
    let guidance = Guidance::of(request);
    let prompt_embeds = stages::encode_prompt(model, request, guidance)?;
    stages::record(&mut hooks, "prompt_embeds", || prompt_embeds.clone());
    if hooks.cancel.is_cancelled() {
        return Ok(Run::Cancelled);
    }

    (hooks.on_phase)(Phase::Denoising);
    let mut generators = Generators::per_image((0..request.count).map(|k| request.seed_of(k)));
    let latents = stages::initial_latents(model, request, scheduler.init_noise_sigma(), &mut generators);
    stages::record(&mut hooks, "initial_latents", || latents.clone());
    let denoiser = Guided { model, prompt_embeds: &prompt_embeds, guidance };
    let denoised = denoise(&denoiser, scheduler.as_mut(), latents, &mut generators, &mut hooks)?;
    let Some(latents) = denoised else { return Ok(Run::Cancelled) };

    (hooks.on_phase)(Phase::Decoding);
    decode(model, &latents, &mut hooks)
}
