//! iPNDM: the improved pseudo linear multistep method of the fourth order, after Diffusers' `scheduling_ipndm.py`
//! (v-diffusion's `iplms`).
//!
//! It is for models with a continuous time, from 1 down to 0, that predict v: a noise schedule and a `prediction_type`
//! have no effect. `trained_betas` is refused, since Diffusers uses them as the noise of the steps.

use burn::tensor::Tensor;
use serde_json::{Value, json};
use std::f32::consts::PI;

use crate::base::error::Result;
use crate::schedulers::class::{ModelKind, SamplerClass};
use crate::schedulers::level::NoiseLevel;
use crate::schedulers::levels::{NoiseLevels, Space};
use crate::schedulers::options::SchedulerOptions;
use crate::schedulers::prediction::Prediction;
use crate::schedulers::spacing::linspace_f32;
use crate::schedulers::stepper::{BuiltSampler, ModelCall, Stepper};

pub(super) const CLASS: SamplerClass =
    SamplerClass::new("IPNDMScheduler", ModelKind::ContinuousTime, defaults, build).keeping_history();

fn defaults() -> Value {
    json!({"num_train_timesteps": 1000, "trained_betas": null})
}

/// The Adams-Bashforth coefficients of the noises of the last steps, newest first.
const WEIGHTS: [&[f64]; 4] = [
    &[1.0],
    &[3.0 / 2.0, -1.0 / 2.0],
    &[23.0 / 12.0, -16.0 / 12.0, 5.0 / 12.0],
    &[55.0 / 24.0, -59.0 / 24.0, 37.0 / 24.0, -9.0 / 24.0],
];

struct Ipndm;

fn build(options: &SchedulerOptions, steps: usize) -> Result<BuiltSampler> {
    if options.get::<Option<Value>>("trained_betas")?.is_some() {
        return Err(options.refuse("trained_betas", "that is not supported"));
    }
    // In f32 throughout: so little signal is left at the start that a rounding of the noise shows in it.
    let times = linspace_f32(1.0, 0.0, steps + 1);
    let noises: Vec<f32> = times.iter().map(|time| (time * PI / 2.0).sin().powi(2)).collect();
    let signal = |noise: f32| (1.0 - noise * noise).sqrt();
    let timestep = |noise: &f32| f64::from(noise.atan2(signal(*noise)) / PI * 2.0);
    let timesteps = noises.iter().take(steps).map(timestep).collect();
    let levels = noises.iter().map(|&noise| NoiseLevel { signal: signal(noise).into(), noise: noise.into() }).collect();
    Ok(BuiltSampler::new(NoiseLevels::new(Space::Scheduled, Prediction::Velocity, timesteps, levels), Ipndm))
}

impl Stepper for Ipndm {
    fn step(&self, call: &mut ModelCall<'_>) -> Result<Tensor<4>> {
        let epsilon = call.epsilon();
        call.history.push(epsilon, WEIGHTS.len());
        let weights = WEIGHTS[call.history.outputs().len() - 1];
        let noise = call.history.add_outputs(call.sample.zeros_like(), weights.iter().copied());
        let from = call.level();
        // As Diffusers does, where there is no signal.
        let clean = (call.sample.clone() - noise.clone() * from.noise) / from.signal.max(1e-8);
        Ok(call.next_level().add_noise(&clean, &noise))
    }
}
