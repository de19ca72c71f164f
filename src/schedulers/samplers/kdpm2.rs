//! DPM2, a second-order sampler inspired by DPM-Solver-2, after Diffusers' `scheduling_k_dpm_2_discrete.py`
//! (k-diffusion's `sample_dpm_2`): algorithm 2 of arXiv 2206.00364 with the second call in the middle of the step.
//!
//! Every step but the last one takes two calls of the model: `timesteps` lists them all.

use burn::tensor::Tensor;
use serde_json::{Value, json};

use crate::base::error::Result;
use crate::schedulers::class::{ModelKind, SamplerClass};
use crate::schedulers::level::NoiseLevel;
use crate::schedulers::midpoint_levels::midpoint_levels;
use crate::schedulers::options::SchedulerOptions;
use crate::schedulers::stepper::{BuiltSampler, ModelCall, Stepper};

pub(super) const CLASS: SamplerClass =
    SamplerClass::new("KDPM2DiscreteScheduler", ModelKind::Discrete, defaults, build);

pub(super) fn defaults() -> Value {
    json!({
        "num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "linear",
        "trained_betas": null, "use_karras_sigmas": false, "use_exponential_sigmas": false, "use_beta_sigmas": false,
        "prediction_type": "epsilon", "timestep_spacing": "linspace", "steps_offset": 0,
    })
}

/// The sample that a step starts from, which its first call leaves to the second.
const START: &str = "start";

struct Kdpm2;

fn build(options: &SchedulerOptions, steps: usize) -> Result<BuiltSampler> {
    // In the middle of the logarithms.
    let levels = midpoint_levels(options, steps, true, |from, to| (from * to).sqrt())?;
    Ok(BuiltSampler::new(levels, Kdpm2))
}

impl Stepper for Kdpm2 {
    fn step(&self, call: &mut ModelCall<'_>) -> Result<Tensor<4>> {
        if call.begins_step() {
            call.history.keep(START, call.sample.clone());
            return Ok(call.follow(call.next_level().sigma()));
        }
        let [from, to] = call.levels.ends_of_step(call.i).map(NoiseLevel::sigma);
        Ok(call.history.take_from_first_call(START)? + call.derivative() * (to - from))
    }
}
