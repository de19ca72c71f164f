//! Multistep sampling of latent consistency models (arXiv 2310.04378), as Diffusers' `scheduling_lcm.py`.
//!
//! Limits: the steps are a selection of the `original_inference_steps` that the model was distilled on, and there can't be
//! more of them. `timestep_spacing`, `steps_offset` and `set_alpha_to_one` mean nothing here, nor do they in Diffusers.

use burn::tensor::Tensor;
use serde_json::{Value, json};

use super::options::Options;
use super::prediction::{Clip, Level, Mix, Prediction, in_f32};
use super::schedule::NoiseSchedule;
use super::{Argument, Class, Family, Scheduler, StepOutput, noise_like};
use crate::base::error::Result;
use crate::base::rng::Generators;

pub(super) const CLASS: Class =
    Class { name: "LCMScheduler", family: Family::Discrete, defaults, arguments: &[Argument::WholeTimesteps], build };

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
    timesteps: Vec<f64>,
    levels: Vec<Level>,
    prediction: Prediction,
    clip: Clip,
    timestep_scaling: f64,
}

fn build(options: &Options, steps: usize) -> Result<Box<dyn Scheduler>> {
    let schedule = NoiseSchedule::new(options)?;
    let prediction = Prediction::new(options)?;
    let timesteps = distilled(options, schedule.alphas_cumprod.len(), steps)?;
    let levels = timesteps.iter().map(|&timestep| {
        let level = schedule.level(timestep)?;
        prediction.check(level)?;
        Ok(level)
    });
    let levels = levels.collect::<Result<_>>()?;
    let timestep_scaling = options.get("timestep_scaling")?;
    Ok(Box::new(Lcm { timesteps, levels, prediction, clip: Clip::new(options)?, timestep_scaling }))
}

/// The listed timesteps, or `steps` of those that the model was distilled on, high to low.
///
/// # Errors
/// There are fewer of those.
pub(super) fn distilled(options: &Options, train: usize, steps: usize) -> Result<Vec<f64>> {
    let original: usize = options.get("original_inference_steps")?;
    if original > train {
        return Err(options.refuse("original_inference_steps", "the model was trained on fewer timesteps"));
    }
    if let Some(listed) = options.timesteps() {
        return Ok(listed.to_vec());
    }
    if steps > original {
        return Err(options.refuse("original_inference_steps", &format!("it allows no more steps, and not {steps}")));
    }
    let distance = original as f64 / steps as f64;
    let skipped = (0..steps).map(|i| (i as f64 * distance).floor() as usize);
    Ok(skipped.map(|skipped| ((original - skipped) * (train / original) - 1) as f64).collect())
}

impl Lcm {
    /// The coefficients of the sample and of the predicted clean one: at timestep 0 the sample is the clean one (the
    /// paper's equation 9).
    fn boundary(&self, i: usize) -> Mix {
        let timestep = self.timesteps[i] * self.timestep_scaling;
        let square = timestep * timestep + SIGMA_DATA * SIGMA_DATA;
        Mix { sample: SIGMA_DATA * SIGMA_DATA / square, other: timestep / square.sqrt() }
    }
}

impl Scheduler for Lcm {
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
        let original = self.clip.of(self.prediction.original(self.levels[i]).of(&sample, &model_output));
        let denoised = self.boundary(i).of(&sample, &original);
        let prev_sample = match self.levels.get(i + 1) {
            Some(next) => next.add_noise(&denoised, &noise_like(&sample, generators)),
            None => denoised.clone(),
        };
        Ok(StepOutput::new(prev_sample, denoised, dtype))
    }

    fn add_noise(&self, original: Tensor<4>, noise: Tensor<4>, i: usize) -> Tensor<4> {
        self.levels[i].add_noise(&original, &noise)
    }

    fn sigmas(&self) -> Vec<f64> {
        self.levels.iter().map(|level| level.sigma()).chain([0.0]).collect()
    }
}
