//! Text to image, as Diffusers' `StableDiffusionPipeline`.

use super::decode::decode;
use super::denoise::Denoising;
use super::guidance::{Guidance, Guided};
use super::stable_diffusion::StableDiffusion;
use super::{Hooks, Phase, Run, stages};
use crate::error::Result;
use crate::request::Request;
use crate::rng::Generators;

/// Draws the request's pictures as one batch.
pub(super) fn run(model: &StableDiffusion, request: &Request, mut hooks: Hooks<'_>) -> Result<Run> {
    stages::check_memory(model, request)?;
    let scheduler = stages::scheduler(&model.scheduler_config, request)?;

    (hooks.on_phase)(Phase::Encoding);
    let guidance = Guidance::of(request);
    let prompt_embeds = stages::encode_prompt(model, request, guidance)?;
    stages::record(&mut hooks, "prompt_embeds", || prompt_embeds.clone());
    if hooks.cancel.is_cancelled() {
        return Ok(Run::Cancelled);
    }

    (hooks.on_phase)(Phase::Denoising);
    let mut generators = Generators::per_image((0..request.count).map(|k| request.seed_of(k)));
    let samples = stages::initial_latents(model, request, scheduler.init_noise_sigma(), &mut generators);
    stages::record(&mut hooks, "initial_latents", || samples.clone());
    let model_at_work = Guided { model, prompt_embeds, guidance };
    let denoising =
        Denoising { model: model_at_work, scheduler, samples, generators, variant: 0, index: 0, idea: None };
    let Some(latents) = denoising.finish(&mut hooks)? else { return Ok(Run::Cancelled) };

    (hooks.on_phase)(Phase::Decoding);
    decode(model, &latents, &mut hooks)
}
