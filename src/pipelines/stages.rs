//! The stages that tasks are made of: check the size and the memory, encode the prompt, find the first step, draw. The loop is in
//! `denoise`, the end in `decode`.

use burn::tensor::Tensor;

use super::decode::decode;
use super::denoise::{DenoiseSetup, Denoising};
use super::guidance::AppliedGuidance;
use super::image_conditioning::ImageConditioning;
use super::memory::Wish;
use super::resident::Resident;
use super::rewind::FirstSamples;
use super::run::{Drawn, Phase};
use super::run_context::RunContext;
use super::run_start::RunStart;
use crate::base::error::{Error, Result};
use crate::base::rng::Generators;
use crate::base::stop::Outcome;
use crate::base::units::number_text;
use crate::content::request::{Request, SafetyMode, TaskKind, limits};
use crate::families::{Conditioning, ModelSpec, PromptPair};
use crate::ops;
use crate::schedulers::{Scheduler, SchedulerConfig, SchedulerKind};

/// Builds the sampler that the request asks for, or else the checkpoint's own.
///
/// # Errors
/// It isn't known here, or can't do what the request asks for.
pub(super) fn scheduler(config: &SchedulerConfig, request: &Request) -> Result<Scheduler> {
    let kind = request.sampling.scheduler.map_or_else(|| SchedulerKind::from_config(config), Ok)?;
    kind.build(config, request.sampling.steps, &request.sampling.options)
}

/// Refuses a size that the model can't draw.
///
/// # Errors
/// A side is no multiple of what the model needs: the message says which, and the nearest that is.
pub(super) fn check_size(spec: &ModelSpec, request: &Request) -> Result<()> {
    limits::validate_size(request.size, spec.size_multiple)
}

/// Encodes a request's prompts, one for each sample of its batch.
///
/// # Errors
/// It was cancelled, or the prompt can't be encoded.
pub(super) fn encode_prompts(
    resident: &Resident,
    request: &Request,
    guidance: AppliedGuidance,
) -> Outcome<Conditioning> {
    let negative = guidance.asks_twice().then_some(&*request.prompts.negative_prompt);
    let conditioning = resident.model().encode(PromptPair { positive: &request.prompts.prompt, negative });
    resident.done_with(&resident.stages().encode);
    ops::check_cancelled()?;
    Ok(conditioning?.for_batch(request.seeds.count))
}

/// A run that has encoded its prompt, and has yet to find what it begins with.
pub(super) struct Begun<'a> {
    pub(super) resident: &'a Resident,
    guidance: AppliedGuidance,
    conditioning: Conditioning,
    pub(super) scheduler: Scheduler,
    /// The first step.
    pub(super) begin: usize,
    pub(super) generators: Generators,
    /// What another run left, or this one before it was interrupted, to go on from.
    first: Option<FirstSamples>,
    safety: SafetyMode,
}

/// Makes sure that the request can be done, and encodes its prompt if its task has one.
///
/// # Errors
/// It won't fit, the sampler can't do it, or it was cancelled.
pub(super) fn begin<'a>(
    resident: &'a Resident,
    request: &Request,
    start: Option<RunStart>,
    context: &mut RunContext<'_>,
) -> Outcome<Begun<'a>> {
    let spec = resident.spec();
    check_size(spec, request)?;
    resident.make_room(&Wish::of(request))?;
    resident.shrink_tiles(start.as_ref().map_or(0, RunStart::failed_decodes));
    let mut scheduler = scheduler(&spec.scheduler_config, request)?;
    let first = start.map(|start| start.take_up(resident, &mut scheduler, request)).transpose()?;
    let is_denoised = first.as_ref().is_some_and(|first| first.next == scheduler.timesteps().len());
    let begin = first.as_ref().map_or_else(|| first_step(request, &scheduler), |first| Ok(first.begin))?;
    let guidance = AppliedGuidance::new(spec.guidance, &request.guidance);
    let mut conditioning = Conditioning::default();
    if request.start.task.kind().has_prompt() && !is_denoised {
        context.begin(Phase::Encoding);
        conditioning = encode_prompts(resident, request, guidance)?;
    }
    if let Some(text) = &conditioning.text {
        context.record("prompt_embeds", || text.clone());
    }
    let generators = Generators::per_image((0..request.seeds.count).map(|k| request.seed_of(k)));
    Ok(Begun { resident, guidance, conditioning, scheduler, begin, generators, first, safety: request.finish.safety })
}

/// Finds the first step of a run of the request's strength (`get_timesteps` of Diffusers' image-to-image pipelines). A sampler with
/// more calls of the model than steps has some left where the strength is too small for a step, and draws with those; the
/// inpainting pipeline alone refuses that.
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
    let is_enough = done > 0 || request.start.task.kind() != TaskKind::Inpaint;
    if is_enough && begin < scheduler.timesteps().len() {
        return Ok(begin);
    }
    // The product may be a hair below the whole number.
    let least = (1..=1000).map(|thousandth| f64::from(thousandth) / 1000.0).find(|s| (steps as f64 * s) as usize > 0);
    let (strength, least) = (number_text(strength), least.unwrap_or(1.0));
    Err(Error::new(format!("A strength of {strength} is too small: of {steps} steps, none would be done"))
        .advise(format!("Choose a strength of {least} or more, or more steps")))
}

impl Begun<'_> {
    /// The factor that noise is multiplied by to make the first samples.
    pub(super) fn noise_scale(&self) -> f64 {
        if self.resident.spec().scales_noise { self.scheduler.init_noise_sigma() } else { 1.0 }
    }

    /// Denoises what the run begins with, and makes pictures of it.
    ///
    /// # Errors
    /// It was cancelled, a component can't be loaded, the device failed, or the numbers overflowed.
    pub(super) fn draw(
        self,
        samples: Tensor<4>,
        image: ImageConditioning,
        context: &mut RunContext<'_>,
    ) -> Outcome<Vec<Drawn>> {
        let resident = self.resident;
        // The picture that it begins with is encoded.
        resident.done_with(&resident.stages().code);
        let Self { guidance, conditioning, scheduler, begin, generators, first, safety, .. } = self;
        let FirstSamples { samples, generators, begin, next } =
            first.unwrap_or(FirstSamples { samples, generators, begin, next: begin });
        let latents = if next < scheduler.timesteps().len() {
            context.begin(Phase::Denoising);
            let denoiser = resident.model().denoiser()?;
            context.record("initial_latents", || samples.clone());
            let setup = DenoiseSetup { resident, denoiser, conditioning, guidance, image };
            let drawn = Denoising::new(setup, scheduler, samples, generators, begin).go_on_at(next).finish(context);
            resident.done_with(&resident.stages().denoise);
            drawn?
        } else {
            samples
        };
        context.begin(Phase::Decoding);
        decode(resident, &latents, safety, context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::request::{Inpaint, Sampling, Task};

    #[test]
    fn a_strength_too_small_for_a_step_draws_with_the_calls_that_a_sampler_has_beyond_its_steps() {
        let first = |name: &str, steps: usize, task: Task| {
            let kind = SchedulerKind::from_name(name).expect("a sampler");
            let config = serde_json::json!({ "_class_name": kind.class_name(), "skip_prk_steps": true });
            let config: SchedulerConfig = serde_json::from_value(config).expect("a map");
            let sampling = Sampling { scheduler: Some(kind), steps, ..Sampling::default() };
            let mut request = Request { sampling, ..Request::default() };
            request.start.task = task;
            first_step(&request, &scheduler(&config, &request).expect("a scheduler"))
        };
        let image = |strength| Task::ImageToImage { image: "a.png".into(), strength };
        assert_eq!(first("pndm", 10, image(0.05)).expect("one call is left"), 10);
        assert_eq!(first("pndm", 10, image(0.25)).expect("two steps"), 8);
        let inpaint = Task::Inpaint(Box::new(Inpaint { strength: 0.05, ..Inpaint::default() }));
        for refused in [first("pndm", 10, inpaint), first("ddim", 10, image(0.05)), first("heun", 10, image(0.05))] {
            let error = refused.expect_err("no step is left").to_string();
            assert!(error.contains("of 10 steps, none would be done"), "{error}");
        }
    }
}
