//! One picture drawn in several ways at once: other samplers, step counts or guidance from the same noise and prompt, which
//! is encoded once. What is furthest behind does the next step, so that all of them are seen coming together.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::decode::decode;
use super::denoise::{DenoiseSetup, Denoising, pace_after};
use super::guidance::AppliedGuidance;
use super::image_conditioning::ImageConditioning;
use super::memory::Wish;
use super::resident::Resident;
use super::run::{Drawn, Phase};
use super::run_context::RunContext;
use super::{latents, stages};
use crate::base::error::{Error, Result};
use crate::base::rng::Generators;
use crate::base::stop::Outcome;
use crate::content::request::{Request, Task, Valid};

/// Draws every request's picture. `on_drawn` takes each with its place among the requests, as soon as it is finished.
///
/// # Errors
/// The requests don't begin alike or can't be drawn, it was cancelled, or what `on_drawn` says.
pub(super) fn run(
    resident: &Resident,
    requests: &[Valid<Request>],
    context: &mut RunContext<'_>,
    on_drawn: &mut dyn FnMut(usize, Drawn) -> Outcome<()>,
) -> Outcome<()> {
    let first = check(requests)?;
    let spec = resident.spec();
    stages::check_size(spec, first)?;
    let strongest = requests.iter().map(|request| request.guidance.scale).fold(0.0, f64::max);
    let all = first.clone().with(|request| request.guidance.scale = strongest);
    // A step is of one picture at a time.
    resident.make_room(&Wish { side_by_side: true, kept_steps: 0, ..Wish::of(&all) })?;
    let scheduler = |request: &Valid<Request>| stages::scheduler(&spec.scheduler_config, request);
    let schedulers = requests.iter().map(scheduler).collect::<Result<Vec<_>>>()?;

    context.begin(Phase::Encoding);
    let conditioning = stages::encode_prompts(resident, &all, AppliedGuidance::new(spec.guidance, &all.guidance))?;

    context.begin(Phase::Denoising);
    let denoiser = resident.model().denoiser()?;
    let mut waiting = Vec::new();
    for (variant, (request, scheduler)) in requests.iter().zip(schedulers).enumerate() {
        let guidance = AppliedGuidance::new(spec.guidance, &request.guidance);
        let conditioning = if guidance.asks_twice() { conditioning.clone() } else { conditioning.positive() };
        // A generator of its own each: the noise that a sampler draws on its way is then what it draws alone.
        let mut generators = Generators::per_image([request.seeds.first]);
        let noise_scale = if spec.scales_noise { scheduler.init_noise_sigma() } else { 1.0 };
        let samples = latents::noise(resident, request, &mut generators) * noise_scale;
        let (denoiser, image) = (Arc::clone(&denoiser), ImageConditioning::default());
        let setup = DenoiseSetup { resident, denoiser, conditioning, guidance, image };
        let mut denoising = Denoising::new(setup, scheduler, samples, generators, 0);
        denoising.variant = variant;
        waiting.push(denoising);
    }
    let mut longest = Duration::MAX;
    while let Some(next) = furthest_behind(&waiting) {
        let began = Instant::now();
        let Some(denoising) = waiting.get_mut(next) else { break };
        denoising.step(pace_after(longest), context)?;
        longest = began.elapsed();
        let (done, of) = denoising.progress();
        if done == of {
            let finished = waiting.swap_remove(next);
            let pictures = decode(resident, &finished.samples, first.finish.safety, context)?;
            pictures.into_iter().try_for_each(|picture| on_drawn(finished.variant, picture))?;
        }
    }
    Ok(())
}

/// The first request, if all of them begin with the same noise and prompt.
fn check(requests: &[Valid<Request>]) -> Result<&Request> {
    let Some(first) = requests.first() else { return Err(Error::new("There is nothing to compare")) };
    let alike = |other: &Valid<Request>| {
        let same =
            Request { sampling: other.sampling.clone(), guidance: other.guidance.clone(), ..Request::clone(first) };
        same == **other
    };
    if first.seeds.count != 1
        || first.start.task != Task::TextToImage
        || first.start.branch.is_some()
        || !requests.iter().all(alike)
    {
        return Err(Error::new("What is compared must begin alike, with words, the same seed and the same size"));
    }
    Ok(first)
}

/// The one that has done the smallest share of its steps.
fn furthest_behind(all: &[Denoising<'_>]) -> Option<usize> {
    let share = |denoising: &Denoising<'_>| {
        let (done, of) = denoising.progress();
        (done as f64 / of.max(1) as f64, denoising.variant)
    };
    let places = all.iter().enumerate().map(|(place, denoising)| (share(denoising), place));
    places.min_by(|(a, _), (b, _)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))).map(|(_, place)| place)
}
