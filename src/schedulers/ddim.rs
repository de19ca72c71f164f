//! Denoising diffusion implicit models (arXiv 2010.02502), as Diffusers' `scheduling_ddim.py` with eta = 0.

use burn::tensor::Tensor;
use serde_json::{Value, json};

use super::options::Options;
use super::prediction::{Clip, Level, Mix, Prediction, in_f32};
use super::schedule::{NoiseSchedule, Spacing};
use super::{Class, Family, Scheduler, StepOutput};
use crate::error::Result;
use crate::rng::Generators;

pub(super) const CLASS: Class = Class { name: "DDIMScheduler", family: Family::Discrete, defaults, build };

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
    Ok(Box::new(Ddim { timesteps, levels, prediction, clip: Clip::new(options)? }))
}

impl Scheduler for Ddim {
    fn timesteps(&self) -> &[f64] {
        &self.timesteps
    }

    fn step(&mut self, model_output: Tensor<4>, i: usize, sample: Tensor<4>, _: &mut Generators) -> Result<StepOutput> {
        let dtype = sample.dtype();
        let (model_output, sample) = (in_f32(model_output), in_f32(sample));
        let [level, previous] = self.levels[i];
        // Equation 12; the noise is the model's, also when the clean sample is clipped.
        let original = self.clip.of(self.prediction.original(level).of(&sample, &model_output));
        let epsilon = self.prediction.epsilon(level).of(&sample, &model_output);
        let prev_sample = Mix { sample: previous.signal, other: previous.noise }.of(&original, &epsilon);
        Ok(StepOutput::new(prev_sample, original, dtype))
    }

    fn add_noise(&self, original: Tensor<4>, noise: Tensor<4>, i: usize) -> Tensor<4> {
        self.levels[i][0].add_noise(&original, &noise)
    }
}
