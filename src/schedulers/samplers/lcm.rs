//! LCM: multistep sampling of latent consistency models (arXiv 2310.04378), after Diffusers' `scheduling_lcm.py`.
//!
//! Limits: the steps are a selection of the `original_inference_steps` that the model was distilled on, and there can't
//! be more of them. As in Diffusers, `timestep_spacing`, `steps_offset` and `set_alpha_to_one` have no effect.

use burn::tensor::Tensor;
use serde_json::{Value, json};

use crate::base::error::Result;
use crate::schedulers::class::{Argument, ModelKind, SamplerClass};
use crate::schedulers::clip::Clip;
use crate::schedulers::distilled::distilled;
use crate::schedulers::level::{Mix, NoiseLevel};
use crate::schedulers::levels::{NoiseLevels, Space};
use crate::schedulers::noise_schedule::NoiseSchedule;
use crate::schedulers::options::SchedulerOptions;
use crate::schedulers::prediction::Prediction;
use crate::schedulers::stepper::{BuiltSampler, ModelCall, Stepper};

pub(super) const CLASS: SamplerClass =
    SamplerClass::new("LCMScheduler", ModelKind::Discrete, defaults, build).taking(&[Argument::WholeTimesteps]);

pub(super) fn defaults() -> Value {
    json!({
        "num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
        "trained_betas": null, "original_inference_steps": 50, "clip_sample": false, "clip_sample_range": 1.0,
        "set_alpha_to_one": true, "steps_offset": 0, "prediction_type": "epsilon", "thresholding": false,
        "dynamic_thresholding_ratio": 0.995, "sample_max_value": 1.0, "timestep_spacing": "leading",
        "timestep_scaling": 10.0, "rescale_betas_zero_snr": false,
    })
}

/// The standard deviation of clean samples that the boundary condition assumes.
const SIGMA_DATA: f64 = 0.5;

struct Lcm {
    timestep_scaling: f64,
}

fn build(options: &SchedulerOptions, steps: usize) -> Result<BuiltSampler> {
    let schedule = NoiseSchedule::new(options)?;
    let prediction = Prediction::new(options)?;
    let timesteps = distilled(options, schedule.alphas_cumprod.len(), steps)?;
    let mut levels = schedule.levels(&timesteps, prediction)?;
    levels.push(NoiseLevel::from_alpha_cumprod(1.0));
    let levels = NoiseLevels::new(Space::Scheduled, prediction, timesteps, levels).clipped(Clip::new(options)?);
    Ok(BuiltSampler::new(levels, Lcm { timestep_scaling: options.get("timestep_scaling")? }))
}

impl Lcm {
    /// The coefficients of the sample and of the predicted clean one. At timestep 0, the sample is the clean one (the
    /// paper's equation 9).
    fn boundary(&self, timestep: f64) -> Mix {
        let timestep = timestep * self.timestep_scaling;
        let square = timestep * timestep + SIGMA_DATA * SIGMA_DATA;
        Mix { sample: SIGMA_DATA * SIGMA_DATA / square, other: timestep / square.sqrt() }
    }
}

impl Stepper for Lcm {
    fn step(&self, call: &mut ModelCall<'_>) -> Result<Tensor<4>> {
        if call.i + 1 == call.levels.count() {
            return Ok(call.original.clone());
        }
        let noise = call.noise();
        Ok(call.next_level().add_noise(&call.original, &noise))
    }

    fn original(&self, levels: &NoiseLevels, i: usize, sample: &Tensor<4>, model_output: &Tensor<4>) -> Tensor<4> {
        self.boundary(levels.timesteps()[i]).of(sample, &levels.original(i, sample, model_output))
    }
}
