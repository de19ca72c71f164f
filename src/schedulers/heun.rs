//! Heun's method (arXiv 2206.00364, algorithm 1 without churn), as Diffusers' `scheduling_heun_discrete.py`.
//!
//! Every step but the last one takes two calls of the model: `timesteps` lists them all.

use burn::tensor::Tensor;
use serde_json::{Value, json};

use super::options::Options;
use super::prediction::{Clip, Prediction, in_f32};
use super::schedule::NoiseSchedule;
use super::sigmas::{SigmaSteps, TrainSigmas};
use super::{Argument, Class, Family, Scheduler, StepOutput, no_first_call, twice_but_the_first};
use crate::base::error::Result;
use crate::base::rng::Generators;

pub(super) const CLASS: Class = Class {
    name: "HeunDiscreteScheduler",
    family: Family::Discrete,
    defaults,
    arguments: &[Argument::Timesteps],
    build,
};

fn defaults() -> Value {
    json!({
        "num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "linear",
        "trained_betas": null, "prediction_type": "epsilon", "use_karras_sigmas": false, "use_exponential_sigmas": false,
        "use_beta_sigmas": false, "clip_sample": false, "clip_sample_range": 1.0, "timestep_spacing": "linspace",
        "steps_offset": 0,
    })
}

struct Heun {
    /// One a call: the even ones start a step, the odd ones are at its end.
    calls: SigmaSteps,
    prediction: Prediction,
    clip: Clip,
    /// The sample that the present step starts from, and the derivative there, until its second call.
    first: Option<(Tensor<4>, Tensor<4>)>,
}

fn build(options: &Options, steps: usize) -> Result<Box<dyn Scheduler>> {
    let train = TrainSigmas::new(&NoiseSchedule::new(options)?)?;
    let (timesteps, sigmas) = train.visited(options, steps)?;
    let mut sigmas = twice_but_the_first(&sigmas);
    sigmas.push(0.0);
    Ok(Box::new(Heun {
        calls: SigmaSteps::new(twice_but_the_first(&timesteps), sigmas, options.get("timestep_spacing")?)?,
        prediction: Prediction::new(options)?,
        clip: Clip::new(options)?,
        first: None,
    }))
}

impl Scheduler for Heun {
    fn timesteps(&self) -> &[f64] {
        &self.calls.timesteps
    }

    fn order(&self) -> usize {
        2
    }

    fn init_noise_sigma(&self) -> f64 {
        self.calls.init_noise_sigma()
    }

    fn scale_model_input(&self, sample: Tensor<4>, i: usize) -> Tensor<4> {
        self.calls.scale_model_input(sample, i)
    }

    fn step(&mut self, model_output: Tensor<4>, i: usize, sample: Tensor<4>, _: &mut Generators) -> Result<StepOutput> {
        let dtype = sample.dtype();
        let (model_output, sample) = (in_f32(model_output), in_f32(sample));
        let original = self.clip.of(self.calls.original(self.prediction, i).of(&sample, &model_output));
        let derivative = self.calls.derivative(&sample, &original, i);
        let prev_sample = if i.is_multiple_of(2) {
            self.first = Some((sample.clone(), derivative.clone()));
            sample + derivative * (self.calls.sigma(i + 1) - self.calls.sigma(i))
        } else {
            let (start, first) = self.first.take().ok_or_else(no_first_call)?;
            start + (first + derivative) / 2.0 * (self.calls.sigma(i) - self.calls.sigma(i - 1))
        };
        Ok(StepOutput::new(prev_sample, original, dtype))
    }

    fn add_noise(&self, original: Tensor<4>, noise: Tensor<4>, i: usize) -> Tensor<4> {
        self.calls.add_noise(&original, &noise, i)
    }

    fn sigmas(&self) -> Vec<f64> {
        let mut sigmas = self.calls.sigmas.clone();
        sigmas.dedup();
        sigmas
    }
}
