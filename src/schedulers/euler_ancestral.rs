//! Euler's method with fresh noise after each step, as Diffusers' `scheduling_euler_ancestral_discrete.py` (after
//! k-diffusion's `sample_euler_ancestral`).

use burn::tensor::Tensor;
use serde_json::{Value, json};

use super::options::Options;
use super::prediction::{Prediction, in_f32};
use super::schedule::{NoiseSchedule, Spacing};
use super::sigmas::{SigmaSteps, TrainSigmas, spaced};
use super::{Class, Family, Scheduler, StepOutput, noise_like};
use crate::base::error::Result;
use crate::base::rng::Generators;

pub(super) const CLASS: Class =
    Class { name: "EulerAncestralDiscreteScheduler", family: Family::Discrete, defaults, arguments: &[], build };

fn defaults() -> Value {
    json!({
        "num_train_timesteps": 1000, "beta_start": 0.0001, "beta_end": 0.02, "beta_schedule": "linear", "trained_betas": null,
        "prediction_type": "epsilon", "timestep_spacing": "linspace", "steps_offset": 0, "rescale_betas_zero_snr": false,
    })
}

struct EulerAncestral {
    steps: SigmaSteps,
    prediction: Prediction,
}

fn build(options: &Options, steps: usize) -> Result<Box<dyn Scheduler>> {
    let train = TrainSigmas::new(&NoiseSchedule::with_some_signal(options)?)?;
    let prediction = Prediction::without_sample(options)?;
    let spacing: Spacing = options.get("timestep_spacing")?;
    let timesteps = spaced(options, steps)?;
    let sigmas = timesteps.iter().map(|timestep| train.at(*timestep)).chain([0.0]).collect();
    Ok(Box::new(EulerAncestral { steps: SigmaSteps::new(timesteps, sigmas, spacing)?, prediction }))
}

impl Scheduler for EulerAncestral {
    fn timesteps(&self) -> &[f64] {
        &self.steps.timesteps
    }

    fn init_noise_sigma(&self) -> f64 {
        self.steps.init_noise_sigma()
    }

    fn scale_model_input(&self, sample: Tensor<4>, i: usize) -> Tensor<4> {
        self.steps.scale_model_input(sample, i)
    }

    fn step(
        &mut self,
        model_output: Tensor<4>,
        i: usize,
        sample: Tensor<4>,
        generators: &mut Generators,
    ) -> Result<StepOutput> {
        let dtype = sample.dtype();
        let (model_output, sample) = (in_f32(model_output), in_f32(sample));
        let (sigma, next) = (self.steps.sigma(i), self.steps.sigma(i + 1));
        let original = self.steps.original(self.prediction, i).of(&sample, &model_output);
        // Down to where noise of `up` leads back to `next`: down^2 + up^2 = next^2.
        let down = next * next / sigma;
        let up = next * (1.0 - (next / sigma).powi(2)).sqrt();
        let mean = self.steps.follow(&sample, &original, i, down);
        // Drawn for the last step too, as Diffusers does, though it then counts for nothing.
        let prev_sample = mean + noise_like(&sample, generators) * up;
        Ok(StepOutput::new(prev_sample, original, dtype))
    }

    fn add_noise(&self, original: Tensor<4>, noise: Tensor<4>, i: usize) -> Tensor<4> {
        self.steps.add_noise(&original, &noise, i)
    }

    fn sigmas(&self) -> Vec<f64> {
        self.steps.sigmas.clone()
    }
}
