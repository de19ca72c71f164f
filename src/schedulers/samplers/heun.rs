//! Heun's method (arXiv 2206.00364, algorithm 1 without churn), after Diffusers' `scheduling_heun_discrete.py`.
//!
//! Every step but the last one takes two calls of the model: `timesteps` lists them all.

use burn::tensor::Tensor;
use serde_json::{Value, json};

use crate::base::error::Result;
use crate::schedulers::class::{Argument, ModelKind, SamplerClass};
use crate::schedulers::clip::Clip;
use crate::schedulers::level::NoiseLevel;
use crate::schedulers::noise_schedule::NoiseSchedule;
use crate::schedulers::options::SchedulerOptions;
use crate::schedulers::prediction::Prediction;
use crate::schedulers::sigmas::{TrainSigmas, round_to_f32, sigma_levels};
use crate::schedulers::stepper::{BuiltSampler, ModelCall, Stepper};

pub(super) const CLASS: SamplerClass =
    SamplerClass::new("HeunDiscreteScheduler", ModelKind::Discrete, defaults, build).taking(&[Argument::Timesteps]);

fn defaults() -> Value {
    json!({
        "num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "linear",
        "trained_betas": null, "prediction_type": "epsilon", "use_karras_sigmas": false, "use_exponential_sigmas": false,
        "use_beta_sigmas": false, "clip_sample": false, "clip_sample_range": 1.0, "timestep_spacing": "linspace",
        "steps_offset": 0,
    })
}

/// What the first call of a step leaves to the second: the sample that the step starts from, and the derivative there.
const START: &str = "start";
const DERIVATIVE: &str = "derivative";

struct Heun;

fn build(options: &SchedulerOptions, steps: usize) -> Result<BuiltSampler> {
    let train = TrainSigmas::new(&NoiseSchedule::new(options)?)?;
    let (timesteps, sigmas) = train.visited(options, steps)?;
    // Even calls begin a step, odd ones are at its end.
    let mut calls = twice_but_the_first(&sigmas);
    calls.push(0.0);
    let timesteps = twice_but_the_first(&timesteps);
    let levels = sigma_levels(timesteps, &calls, options.get("timestep_spacing")?, Prediction::new(options)?)?;
    let steps = sigmas.into_iter().chain([0.0]).map(|sigma| NoiseLevel::of_full_signal(round_to_f32(sigma))).collect();
    Ok(BuiltSampler::new(levels.in_steps(2, steps).clipped(Clip::new(options)?), Heun))
}

/// One value for each call: two calls make a step, but the last step has only one.
fn twice_but_the_first(values: &[f64]) -> Vec<f64> {
    let twice = values.iter().skip(1).flat_map(|value| [*value; 2]);
    values.iter().take(1).copied().chain(twice).collect()
}

impl Stepper for Heun {
    fn step(&self, call: &mut ModelCall<'_>) -> Result<Tensor<4>> {
        let derivative = call.derivative();
        if call.begins_step() {
            call.history.keep(START, call.sample.clone());
            call.history.keep(DERIVATIVE, derivative.clone());
            return Ok(call.sample.clone() + derivative * (call.next_level().sigma() - call.level().sigma()));
        }
        let start = call.history.take_from_first_call(START)?;
        let first = call.history.take_from_first_call(DERIVATIVE)?;
        let fall = call.level().sigma() - call.levels.at(call.i - 1).sigma();
        Ok(start + (first + derivative) / 2.0 * fall)
    }
}
