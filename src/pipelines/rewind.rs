//! Going on from the middle of another run: what its samples were, and where the steps of another sampler take them up.
//!
//! The samples and the generators of the last run are kept after each step, on the device, so that going on costs nothing; any
//! other run is drawn again up to there. Limits: a sampler that remembers earlier steps begins its history anew. Runs whose samples
//! would take more than [`MOST_BYTES`] are kept after every second step, or third, and so on.

use std::ops::ControlFlow;

use burn::tensor::{DType, Device, Tensor, TensorData};

use super::{DiffusionPipeline, Hooks, Step};
use crate::base::error::{Error, Result};
use crate::base::rng::Generators;
use crate::content::request::{Branch, Request};
use crate::ops::read;
use crate::schedulers::Scheduler;

/// What the samples of a run may take.
const MOST_BYTES: usize = 256 << 20;

/// Levels of noise that differ by less, relatively, are the same.
const SAME: f64 = 1e-4;

/// A run after one of its steps.
#[derive(Clone)]
pub(super) struct Mark {
    /// Steps that are done.
    step: usize,
    /// The sampler's own number of the step that comes next.
    next: usize,
    samples: Tensor<4>,
    pred_original_sample: Tensor<4>,
    generators: Generators,
}

impl Mark {
    fn of(step: &Step<'_>) -> Self {
        Self {
            step: step.index + 1,
            next: step.next,
            samples: step.latents.clone(),
            pred_original_sample: step.pred_original_sample.clone(),
            generators: step.generators.clone(),
        }
    }
}

/// What is kept of the last run.
pub(super) struct Trail {
    pub(super) request: Request,
    /// Steps that were done.
    pub(super) steps: usize,
    marks: Vec<Mark>,
}

impl Trail {
    pub(super) fn new(request: &Request) -> Self {
        Self { request: request.clone(), steps: 0, marks: Vec::new() }
    }

    /// Keeps what it can of a step.
    pub(super) fn keep(&mut self, step: &Step<'_>) {
        self.steps = step.index + 1;
        let bytes = 2 * size_of::<f32>() * step.latents.dims().iter().product::<usize>();
        let stride = (bytes * step.of).div_ceil(MOST_BYTES).max(1);
        if self.steps.is_multiple_of(stride) {
            self.marks.push(Mark::of(step));
        }
    }

    /// The model's idea of the finished picture after a step, or after the last one before it that was kept.
    pub(super) fn look(&self, step: usize) -> Option<&Tensor<4>> {
        let mark = self.marks.iter().rev().find(|mark| mark.step <= step).or(self.marks.first())?;
        Some(&mark.pred_original_sample)
    }

    fn mark(&self, step: usize) -> Option<Mark> {
        self.marks.iter().find(|mark| mark.step == step).cloned()
    }
}

/// Where a run goes on: what another one left, and its sampler.
pub(super) struct Start {
    mark: Mark,
    scheduler: Scheduler,
    seed: u64,
}

/// What a run begins with in place of its own beginning.
pub(super) struct Place {
    pub(super) samples: Tensor<4>,
    pub(super) generators: Generators,
    /// The sampler's step.
    pub(super) begin: usize,
}

impl DiffusionPipeline {
    /// What the other run left: kept, or drawn again. `None` when cancelled.
    ///
    /// # Errors
    /// The other run can't be drawn, or has no such step, or nothing is left to do after it.
    pub(super) fn start(&self, branch: &Branch, hooks: &mut Hooks<'_>) -> Result<Option<Start>> {
        let scheduler = self.build_scheduler(&branch.from)?;
        let kept = self.with_trail(|trail| trail.filter(|trail| trail.request == branch.from)?.mark(branch.step));
        let mark = if let Some(mark) = kept {
            mark
        } else {
            let mut found = None;
            let on_step = &mut *hooks.on_step;
            let mut stopping = |step: Step<'_>| {
                if step.index + 1 == branch.step {
                    found = Some(Mark::of(&step));
                }
                let is_over = found.is_some();
                let flow = on_step(step);
                if is_over { ControlFlow::Break(()) } else { flow }
            };
            let (on_phase, cancel) = (&mut *hooks.on_phase, hooks.cancel);
            self.run(&branch.from, Hooks { on_phase, on_step: &mut stopping, cancel, trace: None })?;
            if cancel.is_cancelled() {
                return Ok(None);
            }
            let Some(mark) = found else {
                return Err(Error::new(format!("There is no step {} to go on from", branch.step)));
            };
            mark
        };
        if mark.next >= scheduler.timesteps().len() {
            return Err(Error::new(format!("After step {} nothing is left to be drawn", branch.step))
                .advise("Go on from an earlier step"));
        }
        Ok(Some(Start { mark, scheduler, seed: branch.from.seeds.first }))
    }
}

impl Start {
    /// Where another sampler takes the samples up: at the step whose level of noise is nearest to theirs. Where it isn't the same,
    /// they come there as by DDIM (arXiv 2010.02502, equation 12 without noise), with what the model last made of them.
    ///
    /// # Errors
    /// The device failed.
    pub(super) fn place(self, scheduler: &mut Scheduler, request: &Request) -> Result<Place> {
        let Self { mark, scheduler: left, seed } = self;
        // The same seed goes on with the noise that the other run would have drawn next, another one with its own.
        let seeds = (0..request.seeds.count).map(|k| request.seed_of(k));
        let is_same = request.seeds.count == 1 && request.seeds.first == seed;
        let generators = if is_same { mark.generators } else { Generators::per_image(seeds) };
        let [_, channels, height, width] = mark.samples.dims();
        let batch = |samples: Tensor<4>| samples.expand([request.seeds.count, channels, height, width]);
        let (samples, clean) = (batch(mark.samples), batch(mark.pred_original_sample));
        let (signal, noise) = level(&left, mark.next)?;
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
        Ok(Place { samples, generators, begin })
    }
}

/// How much signal and how much noise samples have before a step.
fn level(scheduler: &Scheduler, step: usize) -> Result<(f64, f64)> {
    let number =
        |value: f32| Tensor::<4>::from_data(TensorData::new(vec![value], [1; 4]), (&Device::flex(), DType::F32));
    let of = |signal, noise| -> Result<f64> {
        let values = read(scheduler.add_noise(number(signal), number(noise), step))?;
        Ok(values.first().copied().map_or(0.0, f64::from))
    };
    // Where no signal is left the least there is stands for it, as in the samplers.
    Ok((of(1.0, 0.0)?.max(f64::from(f32::MIN_POSITIVE)), of(0.0, 1.0)?))
}
