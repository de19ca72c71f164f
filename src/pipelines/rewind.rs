//! Going on from the middle of another run: what its samples were, and where the steps of another sampler take them up.
//!
//! The samples and the generators of the last run are kept after each step, on the device, so that going on costs nothing; any
//! other run is drawn again up to there. Limits: a sampler that remembers earlier steps begins its history anew. Runs whose samples
//! would take more than [`MOST_KEPT_BYTES`] are kept after every second step, or third, and so on.

use burn::tensor::{DType, Device, Tensor, TensorData};

use super::memory::{MOST_KEPT_BYTES, kept_bytes};
use super::step_hook::{StepHook, StepResult};
use crate::base::error::{Error, Result};
use crate::base::rng::Generators;
use crate::base::stop::Outcome;
use crate::content::request::Request;
use crate::ops;
use crate::schedulers::Scheduler;

/// Levels of noise that differ by less, relatively, are the same.
const SAME: f64 = 1e-4;

/// A run after one of its steps.
#[derive(Clone)]
pub(super) struct KeptStep {
    /// Steps that are done.
    step: usize,
    /// The sampler's own number of the step that comes next.
    next: usize,
    samples: Tensor<4>,
    pred_original_sample: Tensor<4>,
    generators: Generators,
}

impl KeptStep {
    fn of(step: &StepResult<'_>) -> Self {
        Self {
            step: step.progress.0,
            next: step.next,
            samples: step.samples.clone(),
            pred_original_sample: step.pred_original_sample.clone(),
            generators: step.generators.clone(),
        }
    }
}

/// The steps that are kept of the last run.
pub(super) struct Trail {
    pub(super) request: Request,
    /// Steps that were done.
    pub(super) steps: usize,
    kept: Vec<KeptStep>,
}

impl Trail {
    pub(super) fn new(request: &Request) -> Self {
        Self { request: request.clone(), steps: 0, kept: Vec::new() }
    }

    /// The model's idea of the finished picture after a step, or after the last one before it that was kept.
    pub(super) fn look(&self, step: usize) -> Option<&Tensor<4>> {
        let kept = self.kept.iter().rev().find(|kept| kept.step <= step).or(self.kept.first())?;
        Some(&kept.pred_original_sample)
    }

    /// The kept step of a number, counted from 1.
    pub(super) fn get(&self, step: usize) -> Option<KeptStep> {
        self.kept.iter().find(|kept| kept.step == step).cloned()
    }
}

impl StepHook for Trail {
    fn step_done(&mut self, step: &StepResult<'_>) -> Outcome<()> {
        let (done, of) = step.progress;
        self.steps = done;
        let bytes = kept_bytes(step.samples.dims().iter().product::<usize>() as u64, of as u64);
        let stride = bytes.div_ceil(MOST_KEPT_BYTES).max(1);
        if (done as u64).is_multiple_of(stride) {
            self.kept.push(KeptStep::of(step));
        }
        Ok(())
    }
}

/// Takes one step of a run.
pub(super) struct StepCatcher {
    step: usize,
    /// The step, once it is done.
    pub(super) caught: Option<KeptStep>,
}

impl StepCatcher {
    /// Waits for a step, counted from 1.
    pub(super) fn new(step: usize) -> Self {
        Self { step, caught: None }
    }
}

impl StepHook for StepCatcher {
    fn step_done(&mut self, step: &StepResult<'_>) -> Outcome<()> {
        if step.progress.0 == self.step {
            self.caught = Some(KeptStep::of(step));
        }
        Ok(())
    }
}

/// The point of another run from which a run goes on, and that run's sampler.
pub(super) struct BranchPoint {
    kept: KeptStep,
    scheduler: Scheduler,
    seed: u64,
}

/// The samples that a run begins with in place of its own.
pub(super) struct FirstSamples {
    pub(super) samples: Tensor<4>,
    pub(super) generators: Generators,
    /// The sampler's step that the run began with.
    pub(super) begin: usize,
    /// The sampler's step that comes next: another one where the run was interrupted.
    pub(super) next: usize,
}

impl BranchPoint {
    /// Goes on after a step of a run, whose sampler this is.
    ///
    /// # Errors
    /// Nothing is left to be drawn after it.
    pub(super) fn new(kept: KeptStep, scheduler: Scheduler, from: &Request) -> Result<Self> {
        if kept.next >= scheduler.timesteps().len() {
            return Err(Error::new(format!("After step {} nothing is left to be drawn", kept.step))
                .advise("Go on from an earlier step"));
        }
        Ok(Self { kept, scheduler, seed: from.seeds.first })
    }

    /// Takes the samples up with another sampler, at the step whose level of noise is nearest to theirs. Where it isn't the same,
    /// they come there as by DDIM (arXiv 2010.02502, equation 12 without noise), with what the model last made of them.
    ///
    /// # Errors
    /// The device failed.
    pub(super) fn take_up(self, scheduler: &mut Scheduler, request: &Request) -> Result<FirstSamples> {
        let Self { kept, scheduler: left, seed } = self;
        // The same seed goes on with the noise that the other run would have drawn next, another one with its own.
        let seeds = (0..request.seeds.count).map(|k| request.seed_of(k));
        let is_same = request.seeds.count == 1 && request.seeds.first == seed;
        let generators = if is_same { kept.generators } else { Generators::per_image(seeds) };
        let [_, channels, height, width] = kept.samples.dims();
        let batch = |samples: Tensor<4>| samples.expand([request.seeds.count, channels, height, width]);
        let (samples, clean) = (batch(kept.samples), batch(kept.pred_original_sample));
        let (signal, noise) = level(&left, kept.next)?;
        let entries = scheduler.entries().into_iter();
        let levels = entries.map(|step| Ok((step, level(scheduler, step)?))).collect::<Result<Vec<_>>>()?;
        let apart = |to: (f64, f64)| ((to.1 / to.0) / (noise / signal)).ln().abs();
        let nearest = levels.into_iter().min_by(|(_, a), (_, b)| apart(*a).total_cmp(&apart(*b)));
        let (begin, to) = nearest.ok_or_else(|| Error::new("The sampler has no steps"))?;
        let is_there = |from: f64, to: f64| (from - to).abs() <= SAME * from.abs();
        let samples = if is_there(signal, to.0) && is_there(noise, to.1) {
            samples
        } else if apart(to) <= SAME {
            samples * (to.0 / signal)
        } else {
            let normal = (samples - clean.clone() * signal) / noise;
            clean * to.0 + normal * to.1
        };
        scheduler.take_up(begin);
        Ok(FirstSamples { samples, generators, begin, next: begin })
    }
}

/// Measures how much signal and how much noise samples have before a step.
fn level(scheduler: &Scheduler, step: usize) -> Result<(f64, f64)> {
    let number =
        |value: f32| Tensor::<4>::from_data(TensorData::new(vec![value], [1; 4]), (&Device::flex(), DType::F32));
    let of = |signal, noise| -> Result<f64> {
        let values = ops::read(scheduler.add_noise(&number(signal), &number(noise), step))?;
        Ok(values.first().copied().map_or(0.0, f64::from))
    };
    // Where no signal is left the least there is stands for it, as in the samplers.
    Ok((of(1.0, 0.0)?.max(f64::from(f32::MIN_POSITIVE)), of(0.0, 1.0)?))
}
