//! The denoise loop: noise becomes a sample, step by step. It exists once, for all tasks and families, and can be stepped from
//! outside.

use std::sync::Arc;
use std::time::{Duration, Instant};

use burn::tensor::{DType, Tensor};

use super::decode::preview;
use super::guidance::AppliedGuidance;
use super::image_conditioning::ImageConditioning;
use super::overflow::Overflow;
use super::resident::Resident;
use super::run::{Look, Step};
use super::run_context::RunContext;
use super::run_state::RunState;
use super::step_hook::{StepBegin, StepEnd, StepHook, StepResult};
use crate::base::error::{Error, Result};
use crate::base::rng::Generators;
use crate::base::stop::Outcome;
use crate::families::{Conditioning, Denoiser, DenoiserInput, Pace, Residuals};
use crate::ops;
use crate::schedulers::Scheduler;

/// A step that takes longer is cut up, so that a cancel doesn't have to wait for all of it. In steps as long as this, waiting
/// for the device after every block costs less than a fiftieth.
const LONG_STEP_SECS: f64 = 0.3;

/// The parts of a denoise loop that are the same in all steps.
pub(super) struct DenoiseSetup<'a> {
    pub(super) resident: &'a Resident,
    pub(super) denoiser: Arc<dyn Denoiser>,
    /// One for each sample; under guidance the negative ones come first.
    pub(super) conditioning: Conditioning,
    pub(super) guidance: AppliedGuidance,
    /// What the task adds.
    pub(super) image: ImageConditioning,
}

/// A denoise loop under way.
pub(super) struct Denoising<'a> {
    resident: &'a Resident,
    denoiser: Arc<dyn Denoiser>,
    conditioning: Conditioning,
    guidance: AppliedGuidance,
    /// What the denoiser reads after the samples.
    channels: Option<Tensor<4>>,
    hooks: Vec<Box<dyn StepHook>>,
    scheduler: Scheduler,
    /// `[batch, channels, height, width]`, f32, at the level of the next step.
    pub(super) samples: Tensor<4>,
    generators: Generators,
    /// Which of several drawn side by side it is, counted from 0.
    pub(super) variant: usize,
    /// The scheduler's step that the run began with.
    begin: usize,
    /// The next one.
    index: usize,
    /// The denoiser's idea of the finished samples in the last step.
    idea: Option<Tensor<4>>,
}

impl<'a> Denoising<'a> {
    /// Prepares a loop that begins with the scheduler's step `begin`.
    pub(super) fn new(
        setup: DenoiseSetup<'a>,
        scheduler: Scheduler,
        samples: Tensor<4>,
        generators: Generators,
        begin: usize,
    ) -> Self {
        let DenoiseSetup { resident, denoiser, conditioning, guidance, image } = setup;
        let ImageConditioning { channels, hooks } = image;
        let (variant, index, idea) = (0, begin, None);
        Self {
            resident,
            denoiser,
            conditioning,
            guidance,
            channels,
            hooks,
            scheduler,
            samples,
            generators,
            variant,
            begin,
            index,
            idea,
        }
    }

    /// Goes on with the scheduler's step `next`, the samples being at its level.
    pub(super) fn go_on_at(mut self, next: usize) -> Self {
        self.index = next;
        self
    }

    /// The number of steps that are done, and of all.
    pub(super) fn progress(&self) -> (usize, usize) {
        (self.index - self.begin, self.scheduler.timesteps().len() - self.begin)
    }

    /// Does the steps that are left, and gives the samples.
    ///
    /// # Errors
    /// It was cancelled; the device failed, or the numbers overflowed.
    pub(super) fn finish(mut self, context: &mut RunContext<'_>) -> Outcome<Tensor<4>> {
        let values: Vec<f32> = self.scheduler.timesteps().iter().skip(self.begin).map(|t| *t as f32).collect();
        context.record_values("timesteps", &[values.len()], &values);
        let mut pace = Pace::BlockByBlock;
        while self.index < self.scheduler.timesteps().len() {
            let began = Instant::now();
            self.step(pace, context)?;
            pace = pace_after(began.elapsed());
        }
        Ok(self.samples)
    }

    /// Does the next step, and tells of it.
    ///
    /// # Errors
    /// As [`Self::finish`].
    pub(super) fn step(&mut self, pace: Pace, context: &mut RunContext<'_>) -> Outcome<()> {
        let Some(&timestep) = self.scheduler.timesteps().get(self.index) else { return Ok(()) };
        let output = self.predict(timestep, pace)?;
        let step = self.scheduler.step(output, self.index, self.samples.clone(), &mut self.generators)?;
        self.index += 1;
        let (progress, next) = (self.progress(), self.index);
        let end = StepEnd { scheduler: &self.scheduler, next, progress };
        self.samples =
            self.hooks.iter_mut().try_fold(step.prev_sample, |samples, hook| hook.after_step(&end, samples))?;
        // Reading waits for the device. Else the whole run would be queued at once: no progress to show, nothing to cancel.
        let is_finite =
            is_finite(&self.samples).map_err(|cause| Error::new("The device failed during a step").caused_by(cause))?;
        // What was interrupted means nothing.
        ops::check_cancelled()?;
        if !is_finite {
            return Err(self.overflow().into());
        }
        self.idea = Some(step.pred_original_sample.clone());
        self.tell(&step.pred_original_sample, context)?;
        ops::check_cancelled()
    }

    /// Asks the denoiser, and applies the guidance.
    fn predict(&mut self, timestep: f64, pace: Pace) -> Outcome<Tensor<4>> {
        let mut sample = self.samples.clone();
        if self.resident.spec().scales_noise {
            sample = self.scheduler.scale_model_input(sample, self.index);
        }
        if let Some(channels) = &self.channels {
            sample = Tensor::cat(vec![sample, channels.clone()], 1);
        }
        if self.guidance.asks_twice() {
            sample = Tensor::cat(vec![sample.clone(), sample], 0);
        }
        let guidance = self.guidance.embedded();
        let mut residuals = Residuals::default();
        let begin = StepBegin { sample, timestep, conditioning: &self.conditioning };
        self.hooks.iter_mut().try_for_each(|hook| hook.before_step(&begin, &mut residuals))?;
        let StepBegin { sample, timestep, conditioning } = begin;
        let residuals = &residuals;
        let input = DenoiserInput { sample, timestep, conditioning, guidance, residuals, pace };
        let output = self.denoiser.predict(input)?;
        Ok(self.guidance.apply(output.cast(DType::F32)))
    }

    /// Tells of the step that was done last.
    fn tell(&self, pred_original_sample: &Tensor<4>, context: &mut RunContext<'_>) -> Outcome<()> {
        let (done, of) = self.progress();
        let index = done.saturating_sub(1);
        context.record(&format!("latents_{index}"), || self.samples.clone());
        context.watch(&StepResult {
            progress: (done, of),
            next: self.index,
            generators: &self.generators,
            samples: &self.samples,
            pred_original_sample,
        })?;
        let mut decode = || preview(self.resident, pred_original_sample);
        let map = self.resident.codec().sketch();
        let mut sketch = map.map(|map| move || Ok(map.draw(pred_original_sample)?));
        let mut state = || RunState::take(&self.scheduler, &self.generators, &self.samples, self.begin, self.index);
        context.tell(Step {
            variant: self.variant,
            index,
            of,
            decode: &mut decode,
            sketch: sketch.as_mut().map(|sketch| sketch as &mut Look<'_>),
            state: Some(&mut state),
        })
    }

    /// The last step gave no numbers any more. What was there before it is kept as a picture.
    fn overflow(&self) -> Error {
        // A look that fails as well has nothing to add.
        let image = self.idea.as_ref().and_then(|idea| preview(self.resident, idea).ok());
        let (step, of) = self.progress();
        Error::new(format!("Step {step} of {of} came out as NaN"))
            .caused_by(Overflow { variant: self.variant, image })
            .advise("Try --dtype f32, another sampler or a lower guidance scale")
    }
}

/// Checks that all values are finite, by few numbers read back: sums are infinite or NaN if one of the values is, or if they
/// are so large that nothing is to be had of them.
///
/// By halves, since a GPU spends seconds on tuning its reductions for every new size (`Tensor::sum`). On the software
/// rasteriser this takes 0.7 ms a step for 64 x 64 latents and 0.9 ms for 128 x 128, on the CPU 0.005 ms and 0.01 ms.
fn is_finite(samples: &Tensor<4>) -> Result<bool> {
    /// Reading so many numbers back takes no longer than one.
    const FEW: usize = 1024;
    let mut count = samples.dims().iter().product::<usize>();
    let mut sums: Tensor<1> = samples.clone().reshape([count]);
    while count > FEW && count.is_multiple_of(2) {
        count /= 2;
        sums = sums.clone().narrow(0, 0, count) + sums.narrow(0, count, count);
    }
    Ok(ops::read(sums)?.into_iter().all(f32::is_finite))
}

/// Chooses the pace of the step after one that took this long.
pub(super) fn pace_after(step: Duration) -> Pace {
    if step.as_secs_f64() > LONG_STEP_SECS { Pace::BlockByBlock } else { Pace::AtOnce }
}
