//! Euler's method (arXiv 2206.00364, algorithm 2 without churn), as Diffusers' `scheduling_euler_discrete.py`.

use burn::tensor::Tensor;
use serde::Deserialize;
use serde_json::{Value, json};

use super::options::Options;
use super::prediction::{Prediction, in_f32};
use super::schedule::{NoiseSchedule, Spacing};
use super::sigmas::{FinalSigma, SigmaSteps, TrainSigmas, round_to_f32, spaced};
use super::{Argument, Class, Family, Scheduler, StepOutput};
use crate::base::error::Result;
use crate::base::rng::Generators;

pub(super) const CLASS: Class = Class {
    name: "EulerDiscreteScheduler",
    family: Family::Discrete,
    defaults,
    arguments: &[Argument::Timesteps, Argument::SigmasAndEnd],
    build,
};

fn defaults() -> Value {
    json!({
        "num_train_timesteps": 1000, "beta_start": 0.0001, "beta_end": 0.02, "beta_schedule": "linear", "trained_betas": null,
        "prediction_type": "epsilon", "interpolation_type": "linear", "use_karras_sigmas": false,
        "use_exponential_sigmas": false, "use_beta_sigmas": false, "sigma_min": null, "sigma_max": null,
        "timestep_spacing": "linspace", "timestep_type": "discrete", "steps_offset": 0, "rescale_betas_zero_snr": false,
        "final_sigmas_type": "zero",
    })
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum InterpolationType {
    Linear,
    LogLinear,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum TimestepType {
    Discrete,
    Continuous,
}

struct Euler {
    steps: SigmaSteps,
    prediction: Prediction,
}

fn build(options: &Options, steps: usize) -> Result<Box<dyn Scheduler>> {
    let train = TrainSigmas::new(&NoiseSchedule::with_some_signal(options)?)?;
    let prediction = Prediction::new(options)?;
    let spacing: Spacing = options.get("timestep_spacing")?;
    let (mut timesteps, sigmas) = visited(options, &train, steps)?;
    if options.get::<TimestepType>("timestep_type")? == TimestepType::Continuous && prediction == Prediction::Velocity {
        if options.timesteps().is_some() {
            return Err(options.refuse("timestep_type", "the timesteps are given"));
        }
        timesteps = sigmas.iter().take(steps).map(|sigma| round_to_f32(0.25 * sigma.ln())).collect();
    }
    Ok(Box::new(Euler { steps: SigmaSteps::new(timesteps, sigmas, spacing)?, prediction }))
}

/// The timestep of each step, and its sigma with what the last one goes to.
fn visited(options: &Options, train: &TrainSigmas, steps: usize) -> Result<(Vec<f64>, Vec<f64>)> {
    if let Some([visited @ .., end]) = options.sigmas() {
        let visited: Vec<f64> = visited.iter().copied().map(round_to_f32).collect();
        let timesteps = visited.iter().map(|sigma| round_to_f32(train.timestep(*sigma))).collect();
        return Ok((timesteps, visited.into_iter().chain([*end]).collect()));
    }
    let timesteps = spaced(options, steps)?;
    let sigmas: Vec<f64> = match options.get("interpolation_type")? {
        InterpolationType::Linear => timesteps.iter().map(|timestep| train.at(*timestep)).collect(),
        InterpolationType::LogLinear => train.log_linear(steps + 1),
    };
    let (timesteps, mut sigmas) = train.spread(options, timesteps, sigmas)?;
    sigmas.push(match options.get("final_sigmas_type")? {
        FinalSigma::Zero => 0.0,
        FinalSigma::SigmaMin => train.min(),
    });
    Ok((timesteps, sigmas))
}

impl Scheduler for Euler {
    fn timesteps(&self) -> &[f64] {
        &self.steps.timesteps
    }

    fn init_noise_sigma(&self) -> f64 {
        self.steps.init_noise_sigma()
    }

    fn scale_model_input(&self, sample: Tensor<4>, i: usize) -> Tensor<4> {
        self.steps.scale_model_input(sample, i)
    }

    fn step(&mut self, model_output: Tensor<4>, i: usize, sample: Tensor<4>, _: &mut Generators) -> Result<StepOutput> {
        let dtype = sample.dtype();
        let (model_output, sample) = (in_f32(model_output), in_f32(sample));
        let next = self.steps.sigma(i + 1);
        let original = self.steps.original(self.prediction, i).of(&sample, &model_output);
        let prev_sample = self.steps.follow(&sample, &original, i, next);
        Ok(StepOutput::new(prev_sample, original, dtype))
    }

    fn add_noise(&self, original: Tensor<4>, noise: Tensor<4>, i: usize) -> Tensor<4> {
        self.steps.add_noise(&original, &noise, i)
    }

    fn sigmas(&self) -> Vec<f64> {
        self.steps.sigmas.clone()
    }
}
