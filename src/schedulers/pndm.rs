//! Pseudo numerical methods for diffusion models (arXiv 2202.09778), as Diffusers' `scheduling_pndm.py`: linear multistep
//! (PLMS), after a Runge-Kutta warm-up unless `skip_prk_steps` is set.
//!
//! The UNet is called oftener than there are steps: once more for PLMS alone, 9 times more with the warm-up.

use burn::tensor::Tensor;
use serde_json::{Value, json};

use super::options::Options;
use super::prediction::{Level, Mix, Prediction, in_f32};
use super::schedule::{NoiseSchedule, Spacing};
use super::{Class, Family, Scheduler, StepOutput};
use crate::base::error::{Error, Result};
use crate::base::rng::Generators;

pub(super) const CLASS: Class =
    Class { name: "PNDMScheduler", family: Family::Discrete, defaults, arguments: &[], build };

fn defaults() -> Value {
    json!({
        "num_train_timesteps": 1000, "beta_start": 0.0001, "beta_end": 0.02, "beta_schedule": "linear", "trained_betas": null,
        "skip_prk_steps": false, "set_alpha_to_one": false, "prediction_type": "epsilon", "timestep_spacing": "leading",
        "steps_offset": 0,
    })
}

/// The steps of the warm-up, each of which calls the model this many times.
const ORDER: usize = 4;

struct Pndm {
    timesteps: Vec<f64>,
    levels: Vec<Level>,
    /// One a step, and what the last one goes to.
    sigmas: Vec<f64>,
    schedule: NoiseSchedule,
    /// The product of all 1 - beta before timestep 0.
    final_alpha_cumprod: f32,
    /// From one step to the next, in training timesteps.
    stride: usize,
    prediction: Prediction,
    /// How many of `timesteps` belong to the warm-up.
    warm_up: usize,
    /// Steps done since the start of the run, which need not be at index 0.
    counter: usize,
    /// The model's outputs that the multistep formulas look back on, oldest first.
    outputs: Vec<Tensor<4>>,
    /// The Runge-Kutta sum so far.
    sum: Option<Tensor<4>>,
    /// The sample that a step in several calls starts from.
    start: Option<Tensor<4>>,
}

fn build(options: &Options, steps: usize) -> Result<Box<dyn Scheduler>> {
    let schedule = NoiseSchedule::new(options)?;
    let prediction = Prediction::without_sample(options)?;
    let spacing: Spacing = options.get("timestep_spacing")?;
    let rounded: Vec<f64> = spacing.timesteps(options, steps)?.into_iter().map(f64::round_ties_even).collect();
    let stride = schedule.alphas_cumprod.len() / steps;
    let (timesteps, warm_up) = if options.flag("skip_prk_steps")? {
        (repeat_second(&rounded), 0)
    } else {
        let (warm_up, rest) = rounded
            .split_at_checked(ORDER - 1)
            .filter(|(_, rest)| !rest.is_empty())
            .ok_or_else(|| options.refuse("skip_prk_steps", "the Runge-Kutta warm-up takes at least 4 steps"))?;
        let mut timesteps = runge_kutta(warm_up, rest[0], stride);
        let count = timesteps.len();
        timesteps.extend(rest);
        (timesteps, count)
    };
    let levels = timesteps.iter().map(|&timestep| {
        let level = schedule.level(timestep)?;
        if level.signal > 0.0 { Ok(level) } else { Err(Error::new("PNDM needs some signal at every timestep")) }
    });
    let levels = levels.collect::<Result<_>>()?;
    let final_alpha_cumprod = if options.flag("set_alpha_to_one")? { 1.0 } else { schedule.alpha_cumprod(0.0)? };
    let steps = rounded.iter().map(|timestep| schedule.level(*timestep));
    let steps = steps.chain([Ok(Level::from_alpha_cumprod(final_alpha_cumprod))]);
    let sigmas = steps.map(|level| Ok(level?.sigma())).collect::<Result<_>>()?;
    Ok(Box::new(Pndm {
        timesteps,
        levels,
        sigmas,
        schedule,
        final_alpha_cumprod,
        stride,
        prediction,
        warm_up,
        counter: 0,
        outputs: Vec::new(),
        sum: None,
        start: None,
    }))
}

/// The second timestep is done twice.
fn repeat_second(timesteps: &[f64]) -> Vec<f64> {
    let (done_once, rest) = timesteps.split_at(timesteps.len().min(2));
    done_once.iter().chain(done_once.get(1)).chain(rest).copied().collect()
}

/// Each step of the warm-up calls the model at its start, twice in its middle and at its end, where the next one starts.
fn runge_kutta(starts: &[f64], end: f64, stride: usize) -> Vec<f64> {
    let ends = starts.iter().skip(1).chain([&end]);
    let step = |(&start, &end): (&f64, &f64)| {
        let middle = end + (stride / 2) as f64;
        [start, middle, middle, end]
    };
    starts.iter().zip(ends).flat_map(step).collect()
}

impl Pndm {
    /// One call of the Runge-Kutta warm-up (equation 13 of the paper).
    fn step_prk(&mut self, output: Tensor<4>, i: usize, sample: Tensor<4>) -> Result<Tensor<4>> {
        let half = if self.counter.is_multiple_of(2) { self.stride / 2 } else { 0 };
        let previous = self.timesteps[i] - half as f64;
        let from = self.timesteps[self.counter / ORDER * ORDER];
        let output = match self.counter % ORDER {
            0 => {
                self.sum = Some(output.clone() / 6.0);
                self.outputs.push(output.clone());
                self.start = Some(sample.clone());
                output
            }
            1 | 2 => {
                self.sum = self.sum.take().map(|sum| sum + output.clone() / 3.0);
                output
            }
            _ => match self.sum.take() {
                Some(sum) => sum + output / 6.0,
                None => output,
            },
        };
        let start = self.start.clone().unwrap_or(sample);
        self.transfer(&start, from, previous, &output)
    }

    /// One step of the linear multistep method (equation 12 of the paper).
    fn step_plms(&mut self, output: Tensor<4>, i: usize, sample: Tensor<4>) -> Result<Tensor<4>> {
        let (mut from, mut sample) = (self.timesteps[i], sample);
        let mut previous = from - self.stride as f64;
        // The second call does the first step again, from the same sample: its output is for the end of that step.
        let again = self.counter == 1;
        if again {
            (from, previous) = (from + self.stride as f64, from);
            sample = self.start.take().unwrap_or(sample);
        } else {
            self.outputs.push(output.clone());
            let surplus = self.outputs.len().saturating_sub(ORDER);
            self.outputs.drain(..surplus);
        }
        if self.counter == 0 {
            self.start = Some(sample.clone());
        }
        let output = match self.outputs.as_slice() {
            [first] if again => (output + first.clone()) / 2.0,
            [e1, e0] => (e0.clone() * 3.0 - e1.clone()) / 2.0,
            [e2, e1, e0] => (e0.clone() * 23.0 - e1.clone() * 16.0 + e2.clone() * 5.0) / 12.0,
            [e3, e2, e1, e0] => (e0.clone() * 55.0 - e1.clone() * 59.0 + e2.clone() * 37.0 - e3.clone() * 9.0) / 24.0,
            _ => output,
        };
        self.transfer(&sample, from, previous, &output)
    }

    /// Equation 11 of the paper: the sample at timestep `previous`, from the one at `from` and the noise in it.
    fn transfer(&self, sample: &Tensor<4>, from: f64, previous: f64, output: &Tensor<4>) -> Result<Tensor<4>> {
        let alpha = self.schedule.alpha_cumprod(from)?;
        let alpha_prev =
            if previous < 0.0 { self.final_alpha_cumprod } else { self.schedule.alpha_cumprod(previous)? };
        let epsilon = self.prediction.epsilon(Level::from_alpha_cumprod(alpha)).of(sample, output);
        let (alpha, alpha_prev) = (f64::from(alpha), f64::from(alpha_prev));
        let divisor = alpha * (1.0 - alpha_prev).sqrt() + (alpha * (1.0 - alpha) * alpha_prev).sqrt();
        let transfer = Mix { sample: (alpha_prev / alpha).sqrt(), other: (alpha - alpha_prev) / divisor };
        Ok(transfer.of(sample, &epsilon))
    }
}

impl Scheduler for Pndm {
    fn timesteps(&self) -> &[f64] {
        &self.timesteps
    }

    fn step(&mut self, model_output: Tensor<4>, i: usize, sample: Tensor<4>, _: &mut Generators) -> Result<StepOutput> {
        let dtype = sample.dtype();
        let (model_output, sample) = (in_f32(model_output), in_f32(sample));
        let original = self.prediction.original(self.levels[i]).of(&sample, &model_output);
        let prev_sample = if self.counter < self.warm_up {
            self.step_prk(model_output, i, sample)?
        } else {
            self.step_plms(model_output, i, sample)?
        };
        self.counter += 1;
        Ok(StepOutput::new(prev_sample, original, dtype))
    }

    fn add_noise(&self, original: Tensor<4>, noise: Tensor<4>, i: usize) -> Tensor<4> {
        self.levels[i].add_noise(&original, &noise)
    }

    fn entries(&self) -> Vec<usize> {
        // Within the warm-up a step is four calls; without one, the second timestep is there twice.
        let first_after = if self.warm_up > 0 { self.warm_up } else { 2 };
        (0..1).chain(first_after..self.timesteps.len()).collect()
    }

    fn take_up(&mut self, i: usize) {
        if i > 0 {
            // No warm-up, and no step that is done again.
            self.counter = self.warm_up.max(2);
        }
    }

    fn sigmas(&self) -> Vec<f64> {
        self.sigmas.clone()
    }
}
