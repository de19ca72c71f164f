//! DPM++ SDE, after Diffusers' `scheduling_dpmsolver_sde.py` (k-diffusion's `sample_dpmpp_sde`): a step of the
//! stochastic DPM-Solver++ to the middle and, with the model's output there, one over the whole.
//!
//! Every step but the last one takes two calls of the model: `timesteps` lists them all. The noise of both belongs to
//! one Brownian path over sigma. In Diffusers, torchsde's tree makes it from a seed of its own; here it comes from the
//! picture's generator, two draws for each step, so that pictures are of the same kind as Diffusers' but not the same.
//!
//! Limits: `noise_sampler_seed` is refused.

use burn::tensor::Tensor;
use serde_json::{Value, json};

use super::kdpm2;
use crate::base::error::Result;
use crate::schedulers::class::{ModelKind, SamplerClass};
use crate::schedulers::level::{Mix, NoiseLevel, down_and_up};
use crate::schedulers::midpoint_levels::midpoint_levels;
use crate::schedulers::options::SchedulerOptions;
use crate::schedulers::stepper::{BuiltSampler, ModelCall, Stepper};

pub(super) const CLASS: SamplerClass = SamplerClass::new("DPMSolverSDEScheduler", ModelKind::Discrete, defaults, build);

fn defaults() -> Value {
    let mut defaults = kdpm2::defaults();
    defaults["noise_sampler_seed"] = json!(null);
    defaults
}

/// What the first call of a step leaves to the second: the sample that the step starts from, and the noise of its first
/// half.
const START: &str = "start";
const NOISE: &str = "noise";

struct DpmSde;

fn build(options: &SchedulerOptions, steps: usize) -> Result<BuiltSampler> {
    if options.get::<Option<Value>>("noise_sampler_seed")?.is_some() {
        return Err(options.refuse("noise_sampler_seed", "the noise is that of the picture's seed"));
    }
    // In the middle of the logarithms.
    let levels = midpoint_levels(options, steps, false, |from, to| (from * to).sqrt())?;
    Ok(BuiltSampler::new(levels, DpmSde))
}

impl Stepper for DpmSde {
    fn step(&self, call: &mut ModelCall<'_>) -> Result<Tensor<4>> {
        let [from, end] = call.levels.ends_of_step(call.i).map(NoiseLevel::sigma);
        if end == 0.0 {
            return Ok(call.original.clone());
        }
        let noise = call.noise();
        let (start, to, noise) = if call.begins_step() {
            call.history.keep(START, call.sample.clone());
            call.history.keep(NOISE, noise.clone());
            (call.sample.clone(), call.next_level().sigma(), noise)
        } else {
            let start = call.history.take_from_first_call(START)?;
            let first = call.history.take_from_first_call(NOISE)?;
            // The noise of the whole path, from those of its halves.
            let middle = call.level().sigma();
            let part = |above: f64, below: f64| ((above - below) / (from - end)).sqrt();
            (start, end, Mix { sample: part(from, middle), other: part(middle, end) }.of(&first, &noise))
        };
        let (down, up) = down_and_up(from, to);
        let mean = Mix { sample: down / from, other: 1.0 - down / from }.of(&start, &call.original);
        Ok(mean + noise * up)
    }
}
