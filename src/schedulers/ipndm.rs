//! The improved pseudo linear multistep method of the fourth order, as Diffusers' `scheduling_ipndm.py` (after v-diffusion's
//! `iplms`).
//!
//! For models with a continuous time, from 1 down to 0, that predict v: a noise schedule and a `prediction_type` mean
//! nothing here. `trained_betas` is refused, since Diffusers takes them for the noise of the steps.

use std::collections::VecDeque;
use std::f32::consts::PI;

use burn::tensor::Tensor;
use serde_json::{Value, json};

use super::options::Options;
use super::prediction::{Level, Prediction, in_f32};
use super::schedule::linspace_f32;
use super::{Class, Family, Scheduler, StepOutput};
use crate::base::error::Result;
use crate::base::rng::Generators;

pub(super) const CLASS: Class =
    Class { name: "IPNDMScheduler", family: Family::ContinuousTime, defaults, arguments: &[], build };

fn defaults() -> Value {
    json!({"num_train_timesteps": 1000, "trained_betas": null})
}

/// The coefficients of Adams and Bashforth for the noises of the last steps, newest first.
const WEIGHTS: [&[f64]; 4] = [
    &[1.0],
    &[3.0 / 2.0, -1.0 / 2.0],
    &[23.0 / 12.0, -16.0 / 12.0, 5.0 / 12.0],
    &[55.0 / 24.0, -59.0 / 24.0, 37.0 / 24.0, -9.0 / 24.0],
];

struct Ipndm {
    timesteps: Vec<f64>,
    /// One a step, and what the last one goes to.
    levels: Vec<Level>,
    /// The noises of the last steps, newest first.
    noises: VecDeque<Tensor<4>>,
}

fn build(options: &Options, steps: usize) -> Result<Box<dyn Scheduler>> {
    if options.get::<Option<Value>>("trained_betas")?.is_some() {
        return Err(options.refuse("trained_betas", "that is not supported"));
    }
    // In f32 all the way: so little signal is left at first that a rounding of the noise shows in it.
    let times = linspace_f32(1.0, 0.0, steps + 1);
    let noises: Vec<f32> = times.iter().map(|time| (time * PI / 2.0).sin().powi(2)).collect();
    let signal = |noise: f32| (1.0 - noise * noise).sqrt();
    let timestep = |noise: &f32| f64::from(noise.atan2(signal(*noise)) / PI * 2.0);
    Ok(Box::new(Ipndm {
        timesteps: noises.iter().take(steps).map(timestep).collect(),
        levels: noises.iter().map(|&noise| Level { signal: signal(noise).into(), noise: noise.into() }).collect(),
        noises: VecDeque::new(),
    }))
}

impl Scheduler for Ipndm {
    fn timesteps(&self) -> &[f64] {
        &self.timesteps
    }

    fn step(&mut self, model_output: Tensor<4>, i: usize, sample: Tensor<4>, _: &mut Generators) -> Result<StepOutput> {
        let dtype = sample.dtype();
        let (model_output, sample) = (in_f32(model_output), in_f32(sample));
        let (from, to) = (self.levels[i], self.levels[i + 1]);
        let original = Prediction::Velocity.original(from).of(&sample, &model_output);
        self.noises.push_front(Prediction::Velocity.epsilon(from).of(&sample, &model_output));
        self.noises.truncate(WEIGHTS.len());
        let weights = WEIGHTS[self.noises.len() - 1];
        let noises = self.noises.iter().zip(weights);
        let noise = noises.fold(sample.zeros_like(), |sum, (noise, weight)| sum + noise.clone() * *weight);
        // Where there is no signal, Diffusers divides by this instead.
        let clean = (sample - noise.clone() * from.noise) / from.signal.max(1e-8);
        Ok(StepOutput::new(to.add_noise(&clean, &noise), original, dtype))
    }

    fn add_noise(&self, original: Tensor<4>, noise: Tensor<4>, i: usize) -> Tensor<4> {
        self.levels[i].add_noise(&original, &noise)
    }

    fn sigmas(&self) -> Vec<f64> {
        self.levels.iter().map(|level| level.sigma()).collect()
    }
}
