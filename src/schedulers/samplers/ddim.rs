//! DDIM: denoising diffusion implicit models (arXiv 2010.02502), after Diffusers' `scheduling_ddim.py`.
//!
//! Limits: a step from pure noise (`rescale_betas_zero_snr`) with `eta` = 1 keeps nothing of the model's noise;
//! Diffusers keeps 2e-4 of it, an f32 rounding error.

use burn::tensor::Tensor;
use serde_json::{Value, json};

use crate::base::error::Result;
use crate::schedulers::class::{Argument, ModelKind, SamplerClass};
use crate::schedulers::clip::Clip;
use crate::schedulers::level::{Mix, NoiseLevel};
use crate::schedulers::levels::{NoiseLevels, Space};
use crate::schedulers::noise_schedule::NoiseSchedule;
use crate::schedulers::options::SchedulerOptions;
use crate::schedulers::prediction::Prediction;
use crate::schedulers::spacing::whole_timesteps;
use crate::schedulers::stepper::{BuiltSampler, ModelCall, Stepper};

pub(super) const CLASS: SamplerClass =
    SamplerClass::new("DDIMScheduler", ModelKind::Discrete, defaults, build).taking(&[Argument::Eta]);

fn defaults() -> Value {
    json!({
        "num_train_timesteps": 1000, "beta_start": 0.0001, "beta_end": 0.02, "beta_schedule": "linear", "trained_betas": null,
        "clip_sample": true, "set_alpha_to_one": true, "steps_offset": 0, "prediction_type": "epsilon",
        "thresholding": false, "dynamic_thresholding_ratio": 0.995, "clip_sample_range": 1.0, "sample_max_value": 1.0,
        "timestep_spacing": "leading", "rescale_betas_zero_snr": false,
    })
}

struct Ddim {
    /// The level that each step goes to.
    targets: Vec<NoiseLevel>,
    /// The share of fresh noise in each step's noise, 0 to 1.
    eta: f64,
}

fn build(options: &SchedulerOptions, steps: usize) -> Result<BuiltSampler> {
    let schedule = NoiseSchedule::new(options)?;
    let prediction = Prediction::new(options)?;
    let timesteps = whole_timesteps(options, steps)?;
    let stride = (schedule.alphas_cumprod.len() / steps) as f64;
    let last =
        if options.flag("set_alpha_to_one") { NoiseLevel::from_alpha_cumprod(1.0) } else { schedule.level(0.0)? };
    let mut levels = schedule.levels(&timesteps, prediction)?;
    let target = |timestep: &f64| {
        let previous = timestep - stride;
        if previous >= 0.0 { schedule.level(previous) } else { Ok(last) }
    };
    let targets = timesteps.iter().map(target).collect::<Result<Vec<_>>>()?;
    levels.extend(targets.last());
    let levels = NoiseLevels::new(Space::Scheduled, prediction, timesteps, levels).clipped(Clip::new(options)?);
    Ok(BuiltSampler::new(levels, Ddim { targets, eta: options.eta() }))
}

/// The standard deviation of the noise that makes a step equal to one of DDPM: equation 16 for eta = 1.
fn deviation(from: NoiseLevel, to: NoiseLevel) -> f64 {
    let kept = (from.signal / to.signal).powi(2);
    to.noise / from.noise * (1.0 - kept).max(0.0).sqrt()
}

impl Stepper for Ddim {
    fn step(&self, call: &mut ModelCall<'_>) -> Result<Tensor<4>> {
        let (level, target) = (call.level(), self.targets[call.i]);
        let fresh = self.eta * deviation(level, target);
        let kept = (target.noise * target.noise - fresh * fresh).max(0.0).sqrt();
        // Equation 12. The noise is the model's, even when the clean sample is clipped.
        let prev_sample = Mix { sample: target.signal, other: kept }.of(&call.original, &call.epsilon());
        if self.eta > 0.0 {
            // Drawn for the last step too, as in Diffusers, where it may have no effect.
            return Ok(prev_sample + call.noise() * fresh);
        }
        Ok(prev_sample)
    }
}
