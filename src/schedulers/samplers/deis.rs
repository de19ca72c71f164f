//! DEIS: the diffusion exponential integrator sampler (arXiv 2204.13902) in its log-rho form, after Diffusers'
//! `scheduling_deis_multistep.py`.
//!
//! Limits: flow matching is refused. Over many steps of the third order, Diffusers' coefficients lose digits in f32:
//! its result after 50 steps is 1e-4 away from ours, and from its own with sigmas in f64.

use burn::tensor::Tensor;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::base::error::Result;
use crate::schedulers::class::{ModelKind, SamplerClass};
use crate::schedulers::clip::Clip;
use crate::schedulers::lagrange::lagrange;
use crate::schedulers::levels::NoiseLevels;
use crate::schedulers::options::SchedulerOptions;
use crate::schedulers::prediction::Prediction;
use crate::schedulers::solver_levels::{LastLevel, SolverRules, solver_levels};
use crate::schedulers::stepper::{BuiltSampler, ModelCall, Solves, Stepper};

pub(super) const CLASS: SamplerClass =
    SamplerClass::new("DEISMultistepScheduler", ModelKind::Discrete, defaults, build).keeping_history();

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

/// The option `algorithm_type`: there is one algorithm, and DPM-Solver's names are read as it.
#[derive(Deserialize)]
enum DeisAlgorithm {
    #[serde(rename = "deis", alias = "dpmsolver", alias = "dpmsolver++")]
    Deis,
}

/// The option `solver_type`: there is one, and the names of DPM-Solver and UniPC are read as it.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum DeisSolverType {
    #[serde(rename = "logrho", alias = "midpoint", alias = "heun", alias = "bh1", alias = "bh2")]
    LogRho,
}

struct Deis {
    solver_order: usize,
    /// Whether the last steps are of lower orders.
    lower_order_final: bool,
}

fn build(options: &SchedulerOptions, steps: usize) -> Result<BuiltSampler> {
    let DeisAlgorithm::Deis = options.get("algorithm_type")?;
    let DeisSolverType::LogRho = options.get("solver_type")?;
    options.refuse_flow_matching(&["use_flow_sigmas", "use_dynamic_shifting"])?;
    let solver_order = options.order("solver_order")?;
    let rules = SolverRules::new(options, LastLevel::SpreadMin, f64::NEG_INFINITY, solver_order > 1)?;
    let levels = solver_levels(options, steps, &rules, Prediction::new(options)?)?.clipped(Clip::new(options)?);
    let lower_order_final = options.flag("lower_order_final") && levels.count() < 15;
    Ok(BuiltSampler::new(levels, Deis { solver_order, lower_order_final }))
}

impl Deis {
    /// The coefficients of the `known` noises for step `i`, newest first: the integrals, over sigma, of the polynomials
    /// in its logarithm that are 1 at one of them and 0 at the others (the paper's equation 15, with rho for sigma).
    fn weights(&self, levels: &NoiseLevels, i: usize, known: usize) -> Vec<f64> {
        let most = if self.lower_order_final { (levels.count() - i).min(self.solver_order) } else { self.solver_order };
        let log_sigma = |at: usize| levels.lambda(i) - levels.lambda(at);
        let end = log_sigma(i + 1);
        // The integrals of 1, x and x^2 times exp(x), from the start of the step, which is at 0.
        let moments = [end.exp_m1(), end.exp() * (end - 1.0) + 1.0, end.exp() * (end * end - 2.0 * end + 2.0) - 2.0];
        let places: Vec<f64> = (0..most.min(known)).map(|back| log_sigma(i - back)).collect();
        let from = levels.at(i);
        let scale = levels.at(i + 1).signal * from.noise / from.signal;
        lagrange(&places, &moments).into_iter().map(|weight| weight * scale).collect()
    }
}

impl Stepper for Deis {
    fn step(&self, call: &mut ModelCall<'_>) -> Result<Tensor<4>> {
        let output = call.solved(Solves::Noises);
        call.history.push(output, self.solver_order);
        let weights = self.weights(call.levels, call.i, call.history.outputs().len());
        let start = call.sample.clone() * (call.next_level().signal / call.level().signal);
        Ok(call.history.add_outputs(start, weights))
    }
}
