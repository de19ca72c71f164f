//! Euler's method with fresh noise after each step, after Diffusers' `scheduling_euler_ancestral_discrete.py`
//! (k-diffusion's `sample_euler_ancestral`).

use burn::tensor::Tensor;
use serde_json::{Value, json};

use crate::base::error::Result;
use crate::schedulers::class::{ModelKind, SamplerClass};
use crate::schedulers::level::down_and_up;
use crate::schedulers::noise_schedule::NoiseSchedule;
use crate::schedulers::options::SchedulerOptions;
use crate::schedulers::prediction::Prediction;
use crate::schedulers::sigmas::{TrainSigmas, sigma_levels, spaced};
use crate::schedulers::spacing::Spacing;
use crate::schedulers::stepper::{BuiltSampler, ModelCall, Stepper};

pub(super) const CLASS: SamplerClass =
    SamplerClass::new("EulerAncestralDiscreteScheduler", ModelKind::Discrete, defaults, build);

fn defaults() -> Value {
    json!({
        "num_train_timesteps": 1000, "beta_start": 0.0001, "beta_end": 0.02, "beta_schedule": "linear", "trained_betas": null,
        "prediction_type": "epsilon", "timestep_spacing": "linspace", "steps_offset": 0, "rescale_betas_zero_snr": false,
    })
}

struct EulerAncestral;

fn build(options: &SchedulerOptions, steps: usize) -> Result<BuiltSampler> {
    let train = TrainSigmas::new(&NoiseSchedule::with_some_signal(options)?)?;
    let prediction = Prediction::without_sample(options)?;
    let spacing: Spacing = options.get("timestep_spacing")?;
    let timesteps = spaced(options, steps)?;
    let sigmas: Vec<f64> = timesteps.iter().map(|timestep| train.at(*timestep)).chain([0.0]).collect();
    Ok(BuiltSampler::new(sigma_levels(timesteps, &sigmas, spacing, prediction)?, EulerAncestral))
}

impl Stepper for EulerAncestral {
    fn step(&self, call: &mut ModelCall<'_>) -> Result<Tensor<4>> {
        let (down, up) = down_and_up(call.level().sigma(), call.next_level().sigma());
        // Drawn for the last step too, as in Diffusers, where it has no effect.
        Ok(call.follow(down) + call.noise() * up)
    }
}
