//! Euler's method for EDM's own models (arXiv 2206.00364, algorithm 2 without churn), as Diffusers'
//! `scheduling_edm_euler.py`.

use burn::tensor::Tensor;
use serde_json::{Value, json};

use super::edm::EdmSteps;
use super::levels::End;
use super::options::Options;
use super::prediction::in_f32;
use super::{Class, Family, Scheduler, StepOutput};
use crate::base::error::Result;
use crate::base::rng::Generators;

pub(super) const CLASS: Class =
    Class { name: "EDMEulerScheduler", family: Family::Edm, defaults, arguments: &[], build };

fn defaults() -> Value {
    json!({
        "sigma_min": 0.002, "sigma_max": 80.0, "sigma_data": 0.5, "sigma_schedule": "karras", "num_train_timesteps": 1000,
        "prediction_type": "epsilon", "rho": 7.0, "final_sigmas_type": "zero",
    })
}

struct EdmEuler {
    steps: EdmSteps,
}

fn build(options: &Options, steps: usize) -> Result<Box<dyn Scheduler>> {
    Ok(Box::new(EdmEuler { steps: EdmSteps::new(options, steps, End::new(options, End::SpreadMin)?, false)? }))
}

impl Scheduler for EdmEuler {
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
        let (from, to) = (self.steps.sigmas[i], self.steps.sigmas[i + 1]);
        let original = self.steps.original(i).of(&sample, &model_output);
        let derivative = (sample.clone() - original.clone()) / from;
        Ok(StepOutput::new(sample + derivative * (to - from), original, dtype))
    }

    fn add_noise(&self, original: Tensor<4>, noise: Tensor<4>, i: usize) -> Tensor<4> {
        self.steps.add_noise(&original, &noise, i)
    }

    fn sigmas(&self) -> Vec<f64> {
        self.steps.sigmas.clone()
    }
}
