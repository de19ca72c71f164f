//! Denoising diffusion probabilistic models (arXiv 2006.11239), as Diffusers' `scheduling_ddpm.py`.
//!
//! Limits: variances that the model predicts (`learned`, `learned_range`) are refused, and so is `fixed_large_log`, which
//! gives NaN in Diffusers.

use burn::tensor::Tensor;
use serde::Deserialize;
use serde_json::{Value, json};

use super::options::Options;
use super::prediction::{Clip, Level, Mix, Prediction, in_f32};
use super::schedule::{NoiseSchedule, Spacing};
use super::{Argument, Class, Family, Scheduler, StepOutput, noise_like};
use crate::base::error::Result;
use crate::base::rng::Generators;

pub(super) const CLASS: Class =
    Class { name: "DDPMScheduler", family: Family::Discrete, defaults, arguments: &[Argument::WholeTimesteps], build };

fn defaults() -> Value {
    json!({
        "num_train_timesteps": 1000, "beta_start": 0.0001, "beta_end": 0.02, "beta_schedule": "linear", "trained_betas": null,
        "variance_type": "fixed_small", "clip_sample": true, "prediction_type": "epsilon", "thresholding": false,
        "dynamic_thresholding_ratio": 0.995, "clip_sample_range": 1.0, "sample_max_value": 1.0,
        "timestep_spacing": "leading", "steps_offset": 0, "rescale_betas_zero_snr": false,
    })
}

/// How much noise a step adds (arXiv 2006.11239, section 3.2).
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
enum Variance {
    /// The log form only takes the root by way of the logarithm.
    #[serde(rename = "fixed_small", alias = "fixed_small_log")]
    Small,
    #[serde(rename = "fixed_large")]
    Large,
}

struct Ddpm {
    timesteps: Vec<f64>,
    steps: Vec<Step>,
    prediction: Prediction,
    clip: Clip,
}

/// The coefficients of one step.
struct Step {
    level: Level,
    /// Of the sample and of the predicted clean sample (equation 7).
    mean: Mix,
    /// Of the noise; no noise is drawn for timestep 0.
    deviation: Option<f64>,
}

fn build(options: &Options, steps: usize) -> Result<Box<dyn Scheduler>> {
    let schedule = NoiseSchedule::new(options)?;
    let prediction = Prediction::new(options)?;
    let variance = options.get("variance_type")?;
    let spacing: Spacing = options.get("timestep_spacing")?;
    let timesteps: Vec<f64> = spacing.timesteps(options, steps)?.into_iter().map(f64::round_ties_even).collect();
    let alphas = timesteps.iter().map(|&timestep| schedule.alpha_cumprod(timestep)).collect::<Result<Vec<_>>>()?;
    let steps = timesteps.iter().enumerate().map(|(i, &timestep)| {
        let (alpha, alpha_prev) = (alphas[i], alphas.get(i + 1).copied().unwrap_or(1.0));
        let level = Level::from_alpha_cumprod(alpha);
        prediction.check(level)?;
        let deviation = (timestep > 0.0).then(|| deviation(alpha, alpha_prev, variance));
        Ok(Step { level, mean: mean(alpha, alpha_prev), deviation })
    });
    let steps = steps.collect::<Result<_>>()?;
    Ok(Box::new(Ddpm { timesteps, steps, prediction, clip: Clip::new(options)? }))
}

/// Equation 7. In f32, as Diffusers has it: between neighbouring timesteps, 1 - alpha keeps few digits of it, and those
/// show in the picture.
fn mean(alpha: f32, alpha_prev: f32) -> Mix {
    let current_alpha = alpha / alpha_prev;
    Mix {
        sample: f64::from(current_alpha.sqrt() * (1.0 - alpha_prev) / (1.0 - alpha)),
        other: f64::from(alpha_prev.sqrt() * (1.0 - current_alpha) / (1.0 - alpha)),
    }
}

/// In f32, as [`mean`].
fn deviation(alpha: f32, alpha_prev: f32, variance: Variance) -> f64 {
    let current_beta = 1.0 - alpha / alpha_prev;
    let variance = match variance {
        // Never 0, so that its logarithm is finite.
        Variance::Small => ((1.0 - alpha_prev) / (1.0 - alpha) * current_beta).max(1e-20),
        Variance::Large => current_beta,
    };
    f64::from(variance.sqrt())
}

impl Scheduler for Ddpm {
    fn timesteps(&self) -> &[f64] {
        &self.timesteps
    }

    fn step(
        &mut self,
        model_output: Tensor<4>,
        i: usize,
        sample: Tensor<4>,
        generators: &mut Generators,
    ) -> Result<StepOutput> {
        let dtype = sample.dtype();
        let (model_output, sample) = (in_f32(model_output), in_f32(sample));
        let step = &self.steps[i];
        let original = self.clip.of(self.prediction.original(step.level).of(&sample, &model_output));
        let mut prev_sample = step.mean.of(&sample, &original);
        if let Some(deviation) = step.deviation {
            prev_sample = prev_sample + noise_like(&sample, generators) * deviation;
        }
        Ok(StepOutput::new(prev_sample, original, dtype))
    }

    fn add_noise(&self, original: Tensor<4>, noise: Tensor<4>, i: usize) -> Tensor<4> {
        self.steps[i].level.add_noise(&original, &noise)
    }

    fn sigmas(&self) -> Vec<f64> {
        self.steps.iter().map(|step| step.level.sigma()).chain([0.0]).collect()
    }
}
