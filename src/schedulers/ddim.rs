//! Denoising diffusion implicit models (arXiv 2010.02502), as Diffusers' `scheduling_ddim.py`.
//!
//! Limits: of a step from noise alone (`rescale_betas_zero_snr`) with `eta` = 1 nothing of the model's noise is left; what
//! Diffusers keeps of it is a rounding of f32, 2e-4 of it.

use burn::tensor::Tensor;
use serde_json::{Value, json};

use super::options::Options;
use super::prediction::{Clip, Level, Mix, Prediction, in_f32};
use super::schedule::{NoiseSchedule, Spacing};
use super::{Argument, Class, Family, Scheduler, StepOutput, noise_like};
use crate::base::error::Result;
use crate::base::rng::Generators;

pub(super) const CLASS: Class =
    Class { name: "DDIMScheduler", family: Family::Discrete, defaults, arguments: &[Argument::Eta], build };

fn defaults() -> Value {
    json!({
        "num_train_timesteps": 1000, "beta_start": 0.0001, "beta_end": 0.02, "beta_schedule": "linear", "trained_betas": null,
        "clip_sample": true, "set_alpha_to_one": true, "steps_offset": 0, "prediction_type": "epsilon",
        "thresholding": false, "dynamic_thresholding_ratio": 0.995, "clip_sample_range": 1.0, "sample_max_value": 1.0,
        "timestep_spacing": "leading", "rescale_betas_zero_snr": false,
    })
}

struct Ddim {
    timesteps: Vec<f64>,
    /// The level of each step, and the one it goes to.
    levels: Vec<[Level; 2]>,
    /// How much of each step's noise is fresh, 0 to 1.
    eta: f64,
    prediction: Prediction,
    clip: Clip,
}

fn build(options: &Options, steps: usize) -> Result<Box<dyn Scheduler>> {
    let schedule = NoiseSchedule::new(options)?;
    let prediction = Prediction::new(options)?;
    let spacing: Spacing = options.get("timestep_spacing")?;
    let timesteps: Vec<f64> = spacing.timesteps(options, steps)?.into_iter().map(f64::round_ties_even).collect();
    let stride = (schedule.alphas_cumprod.len() / steps) as f64;
    let last = if options.flag("set_alpha_to_one")? { Level::from_alpha_cumprod(1.0) } else { schedule.level(0.0)? };
    let levels = timesteps.iter().map(|&timestep| {
        let level = schedule.level(timestep)?;
        prediction.check(level)?;
        let previous = timestep - stride;
        Ok([level, if previous >= 0.0 { schedule.level(previous)? } else { last }])
    });
    let levels = levels.collect::<Result<_>>()?;
    Ok(Box::new(Ddim { timesteps, levels, eta: options.eta(), prediction, clip: Clip::new(options)? }))
}

/// Equation 16 for eta = 1: the standard deviation of the noise that makes a step one of DDPM.
fn deviation(from: Level, to: Level) -> f64 {
    let kept = (from.signal / to.signal).powi(2);
    to.noise / from.noise * (1.0 - kept).max(0.0).sqrt()
}

impl Scheduler for Ddim {
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
        let [level, previous] = self.levels[i];
        // Equation 12; the noise is the model's, also when the clean sample is clipped.
        let original = self.clip.of(self.prediction.original(level).of(&sample, &model_output));
        let epsilon = self.prediction.epsilon(level).of(&sample, &model_output);
        let fresh = self.eta * deviation(level, previous);
        let kept = (previous.noise * previous.noise - fresh * fresh).max(0.0).sqrt();
        let mut prev_sample = Mix { sample: previous.signal, other: kept }.of(&original, &epsilon);
        if self.eta > 0.0 {
            // Drawn for the last step too, as Diffusers does, though it may then count for nothing.
            prev_sample = prev_sample + noise_like(&sample, generators) * fresh;
        }
        Ok(StepOutput::new(prev_sample, original, dtype))
    }

    fn add_noise(&self, original: Tensor<4>, noise: Tensor<4>, i: usize) -> Tensor<4> {
        self.levels[i][0].add_noise(&original, &noise)
    }

    fn sigmas(&self) -> Vec<f64> {
        let end = self.levels.last().map(|[_, end]| end);
        self.levels.iter().map(|[level, _]| level).chain(end).map(|level| level.sigma()).collect()
    }
}
