//! The diffusion exponential integrator sampler (arXiv 2204.13902) in its log-rho form, as Diffusers'
//! `scheduling_deis_multistep.py`.
//!
//! Limits: flow matching is refused. In many steps of the third order Diffusers' coefficients lose digits in f32: 50 steps
//! end 1e-4 from what it gives with its sigmas in f64, and from ours.

use std::collections::VecDeque;

use burn::tensor::Tensor;
use serde::Deserialize;
use serde_json::{Value, json};

use super::levels::{End, Levels, Rules, lagrange};
use super::options::Options;
use super::prediction::{Clip, Conversion, Prediction, Solves, in_f32};
use super::{Class, Family, Scheduler, StepOutput};
use crate::base::error::Result;
use crate::base::rng::Generators;

pub(super) const CLASS: Class =
    Class { name: "DEISMultistepScheduler", family: Family::Discrete, defaults, arguments: &[], build };

fn defaults() -> Value {
    json!({
        "num_train_timesteps": 1000, "beta_start": 0.0001, "beta_end": 0.02, "beta_schedule": "linear", "trained_betas": null,
        "solver_order": 2, "prediction_type": "epsilon", "thresholding": false, "dynamic_thresholding_ratio": 0.995,
        "sample_max_value": 1.0, "algorithm_type": "deis", "solver_type": "logrho", "lower_order_final": true,
        "use_karras_sigmas": false, "use_exponential_sigmas": false, "use_beta_sigmas": false, "use_flow_sigmas": false,
        "flow_shift": 1.0, "timestep_spacing": "linspace", "steps_offset": 0, "use_dynamic_shifting": false,
        "time_shift_type": "exponential",
    })
}

/// There is one; those of DPM-Solver stand for it.
#[derive(Deserialize)]
enum Algorithm {
    #[serde(rename = "deis", alias = "dpmsolver", alias = "dpmsolver++")]
    Deis,
}

/// There is one; those of DPM-Solver and UniPC stand for it.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum SolverType {
    #[serde(rename = "logrho", alias = "midpoint", alias = "heun", alias = "bh1", alias = "bh2")]
    LogRho,
}

struct Deis {
    steps: Levels,
    conversion: Conversion,
    solver_order: usize,
    /// The last steps are of lower orders.
    lower_order_final: bool,
    /// The noises of the last steps, newest first.
    outputs: VecDeque<Tensor<4>>,
}

fn build(options: &Options, steps: usize) -> Result<Box<dyn Scheduler>> {
    let Algorithm::Deis = options.get("algorithm_type")?;
    let SolverType::LogRho = options.get("solver_type")?;
    for key in ["use_flow_sigmas", "use_dynamic_shifting"] {
        if options.flag(key)? {
            return Err(options.refuse(key, "flow matching is not supported"));
        }
    }
    let solver_order = options.get("solver_order")?;
    if !(1..=3).contains(&solver_order) {
        return Err(options.refuse("solver_order", "it must be 1, 2 or 3"));
    }
    let rules = Rules {
        spacing: options.get("timestep_spacing")?,
        steps_offset: options.get("steps_offset")?,
        end: End::SpreadMin,
        lambda_min: f64::NEG_INFINITY,
        rounds: true,
        strictly: solver_order > 1,
    };
    let steps = Levels::new(options, steps, &rules)?;
    let few = steps.timesteps.len() < 15;
    Ok(Box::new(Deis {
        steps,
        conversion: Conversion {
            prediction: Prediction::new(options)?,
            clip: Clip::new(options)?,
            solves: Solves::Noises,
        },
        solver_order,
        lower_order_final: options.flag("lower_order_final")? && few,
        outputs: VecDeque::new(),
    }))
}

impl Deis {
    /// How many outputs step `i` takes into account.
    fn order(&self, i: usize) -> usize {
        let left = self.steps.timesteps.len() - i;
        let most = if self.lower_order_final { left.min(self.solver_order) } else { self.solver_order };
        most.min(self.outputs.len())
    }

    /// The coefficients of the noises for step `i`, newest first: the integrals, over sigma, of the polynomials in its
    /// logarithm that are 1 at one of them and 0 at the others (the paper's equation 15, with rho for sigma).
    fn weights(&self, i: usize) -> Vec<f64> {
        let log_sigma = |at: usize| self.steps.lambda(i) - self.steps.lambda(at);
        let end = log_sigma(i + 1);
        // Of 1, x and x^2 times exp(x), from the start of the step, which is at 0.
        let moments = [end.exp_m1(), end.exp() * (end - 1.0) + 1.0, end.exp() * (end * end - 2.0 * end + 2.0) - 2.0];
        let places: Vec<f64> = (0..self.order(i)).map(|back| log_sigma(i - back)).collect();
        let from = self.steps.at(i);
        let scale = self.steps.at(i + 1).signal * from.noise / from.signal;
        lagrange(&places, &moments).into_iter().map(|weight| weight * scale).collect()
    }
}

impl Scheduler for Deis {
    fn timesteps(&self) -> &[f64] {
        &self.steps.timesteps
    }

    fn step(&mut self, model_output: Tensor<4>, i: usize, sample: Tensor<4>, _: &mut Generators) -> Result<StepOutput> {
        let dtype = sample.dtype();
        let (model_output, sample) = (in_f32(model_output), in_f32(sample));
        let (from, to) = (self.steps.at(i), self.steps.at(i + 1));
        let (output, original) = self.conversion.of(&model_output, from, &sample);
        self.outputs.push_front(output);
        self.outputs.truncate(self.solver_order);
        let outputs = self.outputs.iter().zip(self.weights(i));
        let prev_sample =
            outputs.fold(sample * (to.signal / from.signal), |sum, (output, weight)| sum + output.clone() * weight);
        Ok(StepOutput::new(prev_sample, original, dtype))
    }

    fn add_noise(&self, original: Tensor<4>, noise: Tensor<4>, i: usize) -> Tensor<4> {
        self.steps.at(i).add_noise(&original, &noise)
    }

    fn sigmas(&self) -> Vec<f64> {
        self.steps.sigmas()
    }
}
