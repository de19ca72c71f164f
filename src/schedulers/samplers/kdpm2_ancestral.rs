//! DPM2 with fresh noise after each step, after Diffusers' `scheduling_k_dpm_2_ancestral_discrete.py` (k-diffusion's
//! `sample_dpm_2_ancestral`).
//!
//! Limits: Diffusers computes the sigma that a step goes down to as a difference of squares in f32. Where one step
//! spans most of the schedule (two steps in all), few of its digits are left, and pictures differ from ours by about
//! 1e-5.

use burn::tensor::Tensor;

use super::kdpm2::defaults;
use crate::base::error::Result;
use crate::schedulers::class::{ModelKind, SamplerClass};
use crate::schedulers::level::{NoiseLevel, down_and_up};
use crate::schedulers::midpoint_levels::midpoint_levels;
use crate::schedulers::options::SchedulerOptions;
use crate::schedulers::stepper::{BuiltSampler, ModelCall, Stepper};

pub(super) const CLASS: SamplerClass =
    SamplerClass::new("KDPM2AncestralDiscreteScheduler", ModelKind::Discrete, defaults, build);

/// The sample that a step starts from, which its first call leaves to the second.
const START: &str = "start";

struct Kdpm2Ancestral;

fn build(options: &SchedulerOptions, steps: usize) -> Result<BuiltSampler> {
    // The step goes down to to^2 / from. In the logarithm, the end of the step is in the middle between that and its
    // start.
    let levels = midpoint_levels(options, steps, true, |_, to| to)?;
    Ok(BuiltSampler::new(levels, Kdpm2Ancestral))
}

impl Stepper for Kdpm2Ancestral {
    fn step(&self, call: &mut ModelCall<'_>) -> Result<Tensor<4>> {
        if call.begins_step() {
            call.history.keep(START, call.sample.clone());
            return Ok(call.follow(call.next_level().sigma()));
        }
        let [from, to] = call.levels.ends_of_step(call.i).map(NoiseLevel::sigma);
        let (down, up) = down_and_up(from, to);
        let (derivative, noise) = (call.derivative(), call.noise());
        Ok(call.history.take_from_first_call(START)? + derivative * (down - from) + noise * up)
    }
}
