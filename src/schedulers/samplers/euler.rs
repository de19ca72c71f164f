//! Euler's method (arXiv 2206.00364, algorithm 2 without churn), after Diffusers' `scheduling_euler_discrete.py`.

use burn::tensor::Tensor;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::base::error::Result;
use crate::schedulers::class::{Argument, ModelKind, SamplerClass};
use crate::schedulers::noise_schedule::NoiseSchedule;
use crate::schedulers::options::SchedulerOptions;
use crate::schedulers::prediction::Prediction;
use crate::schedulers::sigmas::{FinalSigma, TrainSigmas, round_to_f32, sigma_levels, spaced};
use crate::schedulers::spacing::Spacing;
use crate::schedulers::stepper::{BuiltSampler, ModelCall, Stepper};

pub(super) const CLASS: SamplerClass =
    SamplerClass::new("EulerDiscreteScheduler", ModelKind::Discrete, defaults, build)
        .taking(&[Argument::Timesteps, Argument::SigmasAndEnd]);

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

/// The Euler step. It works on any levels of samples that are `clean + sigma * normal`.
pub(super) struct Euler;

fn build(options: &SchedulerOptions, steps: usize) -> Result<BuiltSampler> {
    let train = TrainSigmas::new(&NoiseSchedule::with_some_signal(options)?)?;
    let prediction = Prediction::new(options)?;
    let spacing: Spacing = options.get("timestep_spacing")?;
    let (mut timesteps, sigmas) = visited(options, &train, steps)?;
    if options.get::<Option<TimestepType>>("timestep_type")? == Some(TimestepType::Continuous)
        && prediction == Prediction::Velocity
    {
        if options.timesteps().is_some() {
            return Err(options.refuse("timestep_type", "the timesteps are given"));
        }
        timesteps = sigmas.iter().take(steps).map(|sigma| round_to_f32(0.25 * sigma.ln())).collect();
    }
    Ok(BuiltSampler::new(sigma_levels(timesteps, &sigmas, spacing, prediction)?, Euler))
}

/// The timesteps of the steps, and their sigmas with the one that the last step goes to.
fn visited(options: &SchedulerOptions, train: &TrainSigmas, steps: usize) -> Result<(Vec<f64>, Vec<f64>)> {
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

impl Stepper for Euler {
    fn step(&self, call: &mut ModelCall<'_>) -> Result<Tensor<4>> {
        Ok(call.follow(call.next_level().sigma()))
    }
}
