//! The linear multistep method of Adams and Bashforth over unequal steps in sigma, as Diffusers'
//! `scheduling_lms_discrete.py` (after k-diffusion's `sample_lms`), of its default order.
//!
//! Limits: `sigma_min` and `sigma_max` carried along from another class bound the Karras sigmas, too; Diffusers' own LMS
//! only heeds them for the exponential and the beta ones.

use std::collections::VecDeque;

use burn::tensor::Tensor;
use serde_json::{Value, json};

use super::options::Options;
use super::prediction::{Prediction, in_f32};
use super::schedule::NoiseSchedule;
use super::sigmas::{SigmaSteps, TrainSigmas};
use super::{Class, Family, Scheduler, StepOutput};
use crate::base::error::Result;
use crate::base::rng::Generators;

pub(super) const CLASS: Class =
    Class { name: "LMSDiscreteScheduler", family: Family::Discrete, defaults, arguments: &[], build };

fn defaults() -> Value {
    json!({
        "num_train_timesteps": 1000, "beta_start": 0.0001, "beta_end": 0.02, "beta_schedule": "linear", "trained_betas": null,
        "use_karras_sigmas": false, "use_exponential_sigmas": false, "use_beta_sigmas": false,
        "prediction_type": "epsilon", "timestep_spacing": "linspace", "steps_offset": 0,
    })
}

/// How many derivatives a step looks at.
const ORDER: usize = 4;

struct Lms {
    steps: SigmaSteps,
    prediction: Prediction,
    /// Newest first.
    derivatives: VecDeque<Tensor<4>>,
}

fn build(options: &Options, steps: usize) -> Result<Box<dyn Scheduler>> {
    let train = TrainSigmas::new(&NoiseSchedule::new(options)?)?;
    let (timesteps, mut sigmas) = train.visited(options, steps)?;
    if !sigmas.is_sorted_by(|a, b| a > b) {
        return Err(options.refuse_steps(steps));
    }
    sigmas.push(0.0);
    Ok(Box::new(Lms {
        steps: SigmaSteps::new(timesteps, sigmas, options.get("timestep_spacing")?)?,
        prediction: Prediction::new(options)?,
        derivatives: VecDeque::new(),
    }))
}

impl Lms {
    /// The coefficient of the derivative `back` steps before step `i`: the integral, over step `i`, of the Lagrange
    /// polynomial that is 1 there and 0 at the other derivatives.
    ///
    /// Gauss's rule of two nodes is exact for a cubic, so this is what Diffusers' quadrature comes close to.
    fn coefficient(&self, i: usize, back: usize) -> f64 {
        let at = |back: usize| self.steps.sigma(i - back);
        let others = || (0..ORDER.min(i + 1)).filter(|other| *other != back);
        let polynomial =
            |sigma: f64| others().map(|other| (sigma - at(other)) / (at(back) - at(other))).product::<f64>();
        let (from, to) = (self.steps.sigma(i), self.steps.sigma(i + 1));
        let (middle, half) = (f64::midpoint(from, to), (to - from) / 2.0);
        let node = half / 3.0_f64.sqrt();
        half * (polynomial(middle - node) + polynomial(middle + node))
    }
}

impl Scheduler for Lms {
    fn timesteps(&self) -> &[f64] {
        &self.steps.timesteps
    }

    fn init_noise_sigma(&self) -> f64 {
        self.steps.init_noise_sigma()
    }

    fn scale_model_input(&self, sample: Tensor<4>, i: usize) -> Tensor<4> {
        self.steps.scale_model_input(sample, i)
    }

    fn step(&mut self, model_output: Tensor<4>, i: usize, sample: Tensor<4>, _: &mut Generators) -> Result<StepOutput> {
        let dtype = sample.dtype();
        let (model_output, sample) = (in_f32(model_output), in_f32(sample));
        let original = self.steps.original(self.prediction, i).of(&sample, &model_output);
        self.derivatives.push_front(self.steps.derivative(&sample, &original, i));
        self.derivatives.truncate(ORDER);
        // A run that starts later has fewer derivatives than coefficients at first; Diffusers leaves those out, too.
        let derivatives = self.derivatives.iter().take(i + 1).enumerate();
        let prev_sample =
            derivatives.fold(sample, |sum, (back, derivative)| sum + derivative.clone() * self.coefficient(i, back));
        Ok(StepOutput::new(prev_sample, original, dtype))
    }

    fn add_noise(&self, original: Tensor<4>, noise: Tensor<4>, i: usize) -> Tensor<4> {
        self.steps.add_noise(&original, &noise, i)
    }

    fn sigmas(&self) -> Vec<f64> {
        self.steps.sigmas.clone()
    }
}
