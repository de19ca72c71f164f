//! DDPM: denoising diffusion probabilistic models (arXiv 2006.11239), after Diffusers' `scheduling_ddpm.py`.
//!
//! Limits: variances that the model predicts (`learned`, `learned_range`) are refused, and so is `fixed_large_log`,
//! which gives NaN in Diffusers.

use burn::tensor::Tensor;
use serde::Deserialize;
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
    SamplerClass::new("DDPMScheduler", ModelKind::Discrete, defaults, build).taking(&[Argument::WholeTimesteps]);

fn defaults() -> Value {
    json!({
        "num_train_timesteps": 1000, "beta_start": 0.0001, "beta_end": 0.02, "beta_schedule": "linear", "trained_betas": null,
        "variance_type": "fixed_small", "clip_sample": true, "prediction_type": "epsilon", "thresholding": false,
        "dynamic_thresholding_ratio": 0.995, "clip_sample_range": 1.0, "sample_max_value": 1.0,
        "timestep_spacing": "leading", "steps_offset": 0, "rescale_betas_zero_snr": false,
    })
}

/// The amount of noise that a step adds (arXiv 2006.11239, section 3.2).
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
enum Variance {
    /// The log form gives the same: it only takes the root by way of the logarithm.
    #[serde(rename = "fixed_small", alias = "fixed_small_log")]
    Small,
    #[serde(rename = "fixed_large")]
    Large,
}

struct Ddpm {
    steps: Vec<DdpmStep>,
}

/// The coefficients of one step.
struct DdpmStep {
    /// Those of the sample and of the predicted clean sample (equation 7).
    mean: Mix,
    /// That of the noise; no noise is drawn for timestep 0.
    deviation: Option<f64>,
}

fn build(options: &SchedulerOptions, steps: usize) -> Result<BuiltSampler> {
    let schedule = NoiseSchedule::new(options)?;
    let prediction = Prediction::new(options)?;
    // None of Diffusers' rules for a variance applies to null, which leaves the small one.
    let variance = options.get::<Option<Variance>>("variance_type")?.unwrap_or(Variance::Small);
    let timesteps = whole_timesteps(options, steps)?;
    let alphas = timesteps.iter().map(|&timestep| schedule.alpha_cumprod(timestep)).collect::<Result<Vec<_>>>()?;
    let steps = timesteps.iter().enumerate().map(|(i, &timestep)| {
        let (alpha, alpha_prev) = (alphas[i], alphas.get(i + 1).copied().unwrap_or(1.0));
        let deviation = (timestep > 0.0).then(|| deviation(alpha, alpha_prev, variance));
        DdpmStep { mean: mean(alpha, alpha_prev), deviation }
    });
    let steps = steps.collect();
    let mut levels = schedule.levels(&timesteps, prediction)?;
    levels.push(NoiseLevel::from_alpha_cumprod(1.0));
    let levels = NoiseLevels::new(Space::Scheduled, prediction, timesteps, levels).clipped(Clip::new(options)?);
    Ok(BuiltSampler::new(levels, Ddpm { steps }))
}

/// The mean of equation 7, computed in f32 as in Diffusers: between neighbouring timesteps, 1 - alpha keeps few of its
/// digits, which shows in the picture.
fn mean(alpha: f32, alpha_prev: f32) -> Mix {
    let current_alpha = alpha / alpha_prev;
    Mix {
        sample: f64::from(current_alpha.sqrt() * (1.0 - alpha_prev) / (1.0 - alpha)),
        other: f64::from(alpha_prev.sqrt() * (1.0 - current_alpha) / (1.0 - alpha)),
    }
}

/// The standard deviation of the added noise, computed in f32 as [`mean`] is.
fn deviation(alpha: f32, alpha_prev: f32, variance: Variance) -> f64 {
    let current_beta = 1.0 - alpha / alpha_prev;
    let variance = match variance {
        // Never 0, so that its logarithm is finite.
        Variance::Small => ((1.0 - alpha_prev) / (1.0 - alpha) * current_beta).max(1e-20),
        Variance::Large => current_beta,
    };
    f64::from(variance.sqrt())
}

impl Stepper for Ddpm {
    fn step(&self, call: &mut ModelCall<'_>) -> Result<Tensor<4>> {
        let DdpmStep { mean, deviation } = &self.steps[call.i];
        let mean = mean.of(&call.sample, &call.original);
        Ok(match deviation {
            Some(deviation) => mean + call.noise() * *deviation,
            None => mean,
        })
    }
}
