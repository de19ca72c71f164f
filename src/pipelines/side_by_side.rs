//! One picture drawn in several ways at once: other samplers, step counts or guidance from the same noise and prompt, which
//! is encoded once. What is furthest behind does the next step, so that all of them are seen coming together.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::conditioning::Conditioning;
use super::decode::decode;
use super::denoise::{Denoising, pace_after};
use super::guidance::{Guidance, Guided};
use super::memory::Wish;
use super::stable_diffusion::StableDiffusion;
use super::{Drawn, Hooks, Phase, Run, latents, stages};
use crate::base::error::{Error, Result};
use crate::base::rng::Generators;
use crate::content::request::{Request, Task};

/// Draws every request's picture, telling `on_drawn` of each with its place among the requests as soon as it is finished.
/// `false`: it was cancelled.
pub(super) fn run(
    model: &StableDiffusion,
    requests: &[Request],
    mut hooks: Hooks<'_>,
    on_drawn: &mut dyn FnMut(usize, Drawn) -> Result<()>,
) -> Result<bool> {
    let first = check(requests)?;
    for request in requests {
        request.validate()?;
    }
    let strongest = requests.iter().map(|request| request.guidance.scale).fold(0.0, f64::max);
    let all = first.clone().with(|request| request.guidance.scale = strongest);
    // A step is of one picture at a time.
    model.make_room(&Wish { side_by_side: true, ..Wish::of(&all) })?;
    let scheduler = |request| stages::scheduler(&model.scheduler_config, request);
    let schedulers = requests.iter().map(scheduler).collect::<Result<Vec<_>>>()?;

    (hooks.on_phase)(Phase::Encoding);
    let embeds = stages::encode_prompt(model, &all, Guidance::of(&all), hooks.cancel)?;
    let Some(prompt_embeds) = embeds else { return Ok(false) };
    let with_negative = prompt_embeds.dims()[0];
    if hooks.cancel.is_cancelled() {
        return Ok(false);
    }

    (hooks.on_phase)(Phase::Denoising);
    let Some(unet) = model.part(&model.parts.unet, hooks.cancel)? else { return Ok(false) };
    let mut waiting = Vec::new();
    for (variant, (request, scheduler)) in requests.iter().zip(schedulers).enumerate() {
        let guidance = Guidance::of(request);
        let embeds = prompt_embeds.clone();
        let prompt_embeds = if guidance.is_on() { embeds } else { embeds.narrow(0, with_negative - 1, 1) };
        // A generator of its own each: the noise that a sampler draws on its way is then what it draws alone.
        let mut generators = Generators::per_image([request.seeds.first]);
        let samples = latents::noise(model, request, &mut generators) * scheduler.init_noise_sigma();
        let model =
            Guided { model, unet: Arc::clone(&unet), prompt_embeds, guidance, conditioning: Conditioning::default() };
        waiting.push(Denoising { variant, ..Denoising::new(model, scheduler, samples, generators, 0) });
    }
    let mut longest = Duration::MAX;
    while let Some(next) = furthest_behind(&waiting) {
        let began = Instant::now();
        let Some(denoising) = waiting.get_mut(next) else { break };
        if !denoising.step(pace_after(longest), &mut hooks)? {
            return Ok(false);
        }
        longest = began.elapsed();
        let (done, of) = denoising.progress();
        if done == of {
            let finished = waiting.swap_remove(next);
            match decode(model, &finished.samples, first.finish.safety, &mut hooks)? {
                Run::Done(pictures) => {
                    pictures.into_iter().try_for_each(|picture| on_drawn(finished.variant, picture))?;
                }
                Run::Cancelled => return Ok(false),
            }
        }
    }
    Ok(true)
}

/// The first request, if all of them begin with the same noise and prompt.
fn check(requests: &[Request]) -> Result<&Request> {
    let Some(first) = requests.first() else { return Err(Error::new("There is nothing to compare")) };
    let alike = |other: &Request| {
        let same = Request { sampling: other.sampling.clone(), guidance: other.guidance.clone(), ..first.clone() };
        same == *other
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
fn furthest_behind(all: &[Denoising<Guided<'_>>]) -> Option<usize> {
    let share = |denoising: &Denoising<Guided<'_>>| {
        let (done, of) = denoising.progress();
        (done as f64 / of.max(1) as f64, denoising.variant)
    };
    let places = all.iter().enumerate().map(|(place, denoising)| (share(denoising), place));
    places.min_by(|(a, _), (b, _)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))).map(|(_, place)| place)
}
