//! Text to image, as Diffusers' `StableDiffusionPipeline`.

use super::stages::{self, Guidance};
use super::{DiffusionPipeline, Hooks, Phase, Run};
use crate::error::{Error, Result};
use crate::request::Request;
use crate::rng::Generators;

/// Draws the request's pictures as one batch.
pub(super) fn run(pipeline: &DiffusionPipeline, request: &Request, mut hooks: Hooks<'_>) -> Result<Run> {
    let (latents, inputs) = (pipeline.vae.latent_channels(), pipeline.unet.in_channels());
    if inputs != latents {
        return Err(Error::new(format!(
            "This model can't draw from text alone: its unet reads {inputs} channels, not {latents}"
        ))
        .advise("It is made for inpainting or depth; choose a text-to-image model"));
    }
    let kind = request.scheduler.map_or_else(|| pipeline.scheduler(), Ok)?;
    let mut scheduler = kind.build(&pipeline.scheduler_config, request.steps, &request.sampling)?;
    stages::check_memory(pipeline, request)?;

    (hooks.on_phase)(Phase::Encoding);
    let guidance = Guidance::of(request);
    let prompt_embeds = stages::encode_prompt(pipeline, request, guidance)?;
    stages::record(&mut hooks, "prompt_embeds", || prompt_embeds.clone());
    if hooks.cancel.is_cancelled() {
        return Ok(Run::Cancelled);
    }

    (hooks.on_phase)(Phase::Denoising);
    let mut generators = Generators::per_image((0..request.count).map(|k| request.seed_of(k)));
    let latents = stages::initial_latents(pipeline, request, scheduler.init_noise_sigma(), &mut generators);
    stages::record(&mut hooks, "initial_latents", || latents.clone());
    let denoised =
        stages::denoise(pipeline, scheduler.as_mut(), latents, &prompt_embeds, guidance, &mut generators, &mut hooks)?;
    let Some(latents) = denoised else { return Ok(Run::Cancelled) };

    (hooks.on_phase)(Phase::Decoding);
    stages::decode(pipeline, &latents, &mut hooks)
}
