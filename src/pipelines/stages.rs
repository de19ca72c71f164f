//! The stages that text-guided tasks are made of: check the memory, encode the prompt, find the first step, draw. The loop is in
//! `denoise`, the end in `decode`.

use burn::tensor::Tensor;

use super::conditioning::Conditioning;
use super::decode::decode;
use super::denoise::Denoising;
use super::guidance::{Guidance, Guided};
use super::memory::{Part, Wish};
use super::rewind::{Place, Start};
use super::stable_diffusion::StableDiffusion;
use super::{Hooks, Phase, Run};
use crate::base::cancel::CancelToken;
use crate::base::error::{Error, Result};
use crate::base::rng::Generators;
use crate::content::request::{Request, SafetyMode};
use crate::ops;
use crate::schedulers::{Scheduler, SchedulerConfig, SchedulerKind};

/// The sampler that the request asks for, or else the checkpoint's own.
pub(super) fn scheduler(config: &SchedulerConfig, request: &Request) -> Result<Scheduler> {
    let kind = request.sampling.scheduler.map_or_else(|| SchedulerKind::from_config(config), Ok)?;
    kind.build(config, request.sampling.steps, &request.sampling.options)
}

/// The text as the UNet reads it, `[batch, tokens, width]`; under guidance the negative prompts come first. `None` when cancelled.
pub(super) fn encode_prompt(
    model: &StableDiffusion,
    request: &Request,
    guidance: Guidance,
    cancel: &CancelToken,
) -> Result<Option<Tensor<3>>> {
    let mut prompts = vec![model.tokenizer.encode(&request.prompts.prompt)?];
    if guidance.is_on() {
        prompts.insert(0, model.tokenizer.encode(&request.prompts.negative_prompt)?);
    }
    let Some(embeds) = model.embed(prompts, cancel)? else { return Ok(None) };
    model.done_with(Part::TextEncoder);
    let [halves, tokens, width] = embeds.dims();
    let each = |i| embeds.clone().narrow(0, i, 1).expand([request.seeds.count, tokens, width]);
    Ok(Some(Tensor::cat((0..halves).map(each).collect(), 0)))
}

/// A text-guided run that has read its prompt, and has yet to find what it begins with.
pub(super) struct Begun<'a> {
    pub(super) model: &'a StableDiffusion,
    guidance: Guidance,
    prompt_embeds: Tensor<3>,
    pub(super) scheduler: Scheduler,
    /// The first step.
    pub(super) begin: usize,
    pub(super) generators: Generators,
    /// What another run left, to go on from.
    place: Option<Place>,
    safety: SafetyMode,
}

/// Makes sure that the request can be done, and reads its prompt. `None` when cancelled.
pub(super) fn begin<'a>(
    model: &'a StableDiffusion,
    request: &Request,
    start: Option<Start>,
    hooks: &mut Hooks<'_>,
) -> Result<Option<Begun<'a>>> {
    model.make_room(&Wish::of(request))?;
    let mut scheduler = scheduler(&model.scheduler_config, request)?;
    let place = start.map(|start| start.place(&mut scheduler, request)).transpose()?;
    let begin = place.as_ref().map_or_else(|| first_step(request, &scheduler), |place| Ok(place.begin))?;
    (hooks.on_phase)(Phase::Encoding);
    let guidance = Guidance::of(request);
    let Some(prompt_embeds) = encode_prompt(model, request, guidance, hooks.cancel)? else { return Ok(None) };
    record(hooks, "prompt_embeds", || prompt_embeds.clone());
    let generators = Generators::per_image((0..request.seeds.count).map(|k| request.seed_of(k)));
    let begun =
        Begun { model, guidance, prompt_embeds, scheduler, begin, generators, place, safety: request.finish.safety };
    Ok((!hooks.cancel.is_cancelled()).then_some(begun))
}

/// Where a run of the request's strength begins (`get_timesteps` of Diffusers' image-to-image pipelines).
///
/// # Errors
/// The strength is too small for even one step.
fn first_step(request: &Request, scheduler: &Scheduler) -> Result<usize> {
    let strength = request.start.task.strength();
    // Timesteps or sigmas of the user's own count as many as there are.
    let is_custom = request.sampling.options.timesteps.is_some() || request.sampling.options.sigmas.is_some();
    let steps = if is_custom { scheduler.timesteps().len() } else { request.sampling.steps };
    let done = ((steps as f64 * strength) as usize).min(steps);
    let begin = (steps - done) * scheduler.order();
    if done > 0 && begin < scheduler.timesteps().len() {
        return Ok(begin);
    }
    // The product may be a hair below the whole number.
    let least = (1..=1000).map(|thousandth| f64::from(thousandth) / 1000.0).find(|s| (steps as f64 * s) as usize > 0);
    Err(Error::new(format!("A strength of {strength} is too small: of {steps} steps, none would be done"))
        .advise(format!("Choose a strength of {} or more, or more steps", least.unwrap_or(1.0))))
}

impl Begun<'_> {
    /// Denoises what the run begins with, and makes pictures of it.
    pub(super) fn draw(self, samples: Tensor<4>, conditioning: Conditioning, hooks: &mut Hooks<'_>) -> Result<Run> {
        let model = self.model;
        // The picture that it begins with is encoded.
        model.done_with(Part::Vae);
        (hooks.on_phase)(Phase::Denoising);
        let Some(unet) = model.part(&model.parts.unet, hooks.cancel)? else { return Ok(Run::Cancelled) };
        let Self { guidance, prompt_embeds, scheduler, begin, generators, place, safety, .. } = self;
        let (samples, generators) = place.map_or((samples, generators), |place| (place.samples, place.generators));
        record(hooks, "initial_latents", || samples.clone());
        let guided = Guided { model, unet, prompt_embeds, guidance, conditioning };
        let denoising = Denoising::new(guided, scheduler, samples, generators, begin);
        let drawn = denoising.finish(hooks);
        model.done_with(Part::Unet);
        let Some(latents) = drawn? else { return Ok(Run::Cancelled) };
        (hooks.on_phase)(Phase::Decoding);
        decode(model, &latents, safety, hooks)
    }
}

/// Keeps a tensor in the trace, if there is one.
pub(super) fn record<const D: usize>(hooks: &mut Hooks<'_>, name: &str, tensor: impl FnOnce() -> Tensor<D>) {
    if let Some(trace) = &mut hooks.trace {
        let tensor = tensor();
        let shape = tensor.dims();
        // What can't be read back is left out: the run itself fails at its next step.
        if let Ok(values) = ops::read(tensor) {
            trace.record(name, shape, &values);
        }
    }
}
