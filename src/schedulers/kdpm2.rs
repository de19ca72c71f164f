//! The second-order sampler inspired by DPM-Solver-2 (k-diffusion's `sample_dpm_2`: algorithm 2 of arXiv 2206.00364 with the
//! second call in the middle of the step), as Diffusers' `scheduling_k_dpm_2_discrete.py`.
//!
//! Every step but the last one takes two calls of the model: `timesteps` lists them all.

use burn::tensor::Tensor;
use serde_json::{Value, json};

use super::options::Options;
use super::prediction::{Mix, Prediction, in_f32};
use super::schedule::{NoiseSchedule, Spacing};
use super::sigmas::{SigmaSteps, Spread, TrainSigmas, round_to_f32};
use super::{Class, Family, Scheduler, StepOutput, no_first_call};
use crate::base::error::Result;
use crate::base::rng::Generators;

pub(super) const CLASS: Class =
    Class { name: "KDPM2DiscreteScheduler", family: Family::Discrete, defaults, arguments: &[], build };

pub(super) fn defaults() -> Value {
    json!({
        "num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "linear",
        "trained_betas": null, "use_karras_sigmas": false, "use_exponential_sigmas": false, "use_beta_sigmas": false,
        "prediction_type": "epsilon", "timestep_spacing": "linspace", "steps_offset": 0,
    })
}

struct Kdpm2 {
    calls: Calls,
    prediction: Prediction,
    /// The sample that the present step starts from, until its second call.
    start: Option<Tensor<4>>,
}

/// The calls of such a sampler: the even ones start a step, the odd ones are in its middle.
pub(super) struct Calls {
    /// One a call, with the sigma that the model sees.
    pub(super) seen: SigmaSteps,
    /// Where each step starts, and where the last one goes.
    pub(super) steps: Vec<f64>,
}

impl Calls {
    /// The calls that the options ask for; a step that starts at the first sigma and goes to the second has its middle at
    /// `middle` of both. The timesteps of Karras sigmas may be rounded.
    ///
    /// # Errors
    /// An option is wrong.
    pub(super) fn new(options: &Options, steps: usize, rounds: bool, middle: fn(f64, f64) -> f64) -> Result<Self> {
        let train = TrainSigmas::new(&NoiseSchedule::new(options)?)?;
        let spacing: Spacing = options.get("timestep_spacing")?;
        let (starts, sigmas) = train.visited(options, steps)?;
        let rounds = rounds && Spread::new(options)? == Some(Spread::Karras);
        let starts = starts.into_iter().map(|timestep| if rounds { timestep.round_ties_even() } else { timestep });
        let sigmas: Vec<f64> = sigmas.into_iter().map(round_to_f32).collect();
        let middles: Vec<f64> = sigmas.windows(2).map(|pair| round_to_f32(middle(pair[0], pair[1]))).collect();

        let mut timesteps: Vec<f64> = Vec::new();
        let mut seen: Vec<f64> = Vec::new();
        for (i, (start, sigma)) in starts.zip(&sigmas).enumerate() {
            timesteps.push(start);
            seen.push(*sigma);
            if let Some(middle) = middles.get(i) {
                timesteps.push(round_to_f32(train.timestep(*middle)));
                seen.push(*middle);
            }
        }
        seen.push(0.0);
        let steps = sigmas.into_iter().chain([0.0]).collect();
        Ok(Self { seen: SigmaSteps::new(timesteps, seen, spacing)?, steps })
    }

    /// As Diffusers has it, with the noise that call `i` goes to where it is in the middle of a step.
    pub(super) fn add_noise(&self, original: &Tensor<4>, noise: &Tensor<4>, i: usize) -> Tensor<4> {
        Mix { sample: 1.0, other: self.steps[i.div_ceil(2)] }.of(original, noise)
    }

    /// Where the step of call `i` starts and where it goes.
    pub(super) fn ends(&self, i: usize) -> [f64; 2] {
        [self.steps[i / 2], self.steps[i / 2 + 1]]
    }
}

fn build(options: &Options, steps: usize) -> Result<Box<dyn Scheduler>> {
    let prediction = Prediction::without_sample(options)?;
    // In the middle of the logarithms.
    let calls = Calls::new(options, steps, true, |from, to| (from * to).sqrt())?;
    Ok(Box::new(Kdpm2 { calls, prediction, start: None }))
}

impl Scheduler for Kdpm2 {
    fn timesteps(&self) -> &[f64] {
        &self.calls.seen.timesteps
    }

    fn order(&self) -> usize {
        2
    }

    fn init_noise_sigma(&self) -> f64 {
        self.calls.seen.init_noise_sigma()
    }

    fn scale_model_input(&self, sample: Tensor<4>, i: usize) -> Tensor<4> {
        self.calls.seen.scale_model_input(sample, i)
    }

    fn step(&mut self, model_output: Tensor<4>, i: usize, sample: Tensor<4>, _: &mut Generators) -> Result<StepOutput> {
        let dtype = sample.dtype();
        let (model_output, sample) = (in_f32(model_output), in_f32(sample));
        let original = self.calls.seen.original(self.prediction, i).of(&sample, &model_output);
        let derivative = self.calls.seen.derivative(&sample, &original, i);
        let prev_sample = if i.is_multiple_of(2) {
            self.start = Some(sample.clone());
            sample + derivative * (self.calls.seen.sigma(i + 1) - self.calls.seen.sigma(i))
        } else {
            let [from, to] = self.calls.ends(i);
            self.start.take().ok_or_else(no_first_call)? + derivative * (to - from)
        };
        Ok(StepOutput::new(prev_sample, original, dtype))
    }

    fn add_noise(&self, original: Tensor<4>, noise: Tensor<4>, i: usize) -> Tensor<4> {
        self.calls.add_noise(&original, &noise, i)
    }

    fn sigmas(&self) -> Vec<f64> {
        self.calls.steps.clone()
    }
}
