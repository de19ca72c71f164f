//! DPM++ 2S and its relatives: DPM-Solver (arXiv 2206.00927) and DPM-Solver++ (arXiv 2211.01095) as singlestep methods
//! of order 1 to 3, plain and stochastic, after Diffusers' `scheduling_dpmsolver_singlestep.py`.
//!
//! Each call of the model counts as a step, as in Diffusers: the last one of every two (or three) calls steps again
//! from where the first one did, with the outputs of all of them. Timesteps are spread evenly, whatever the checkpoint
//! says.
//!
//! Limits: flow matching and variances that the model predicts are refused.

use burn::tensor::Tensor;
use serde_json::{Value, json};

use crate::base::error::Result;
use crate::schedulers::class::{Argument, ModelKind, SamplerClass};
use crate::schedulers::clip::Clip;
use crate::schedulers::config::MINUS_INFINITY;
use crate::schedulers::dpm_solver::{DpmAlgorithm, DpmSolverType, ExactStep, refuse_what_we_lack};
use crate::schedulers::levels::NoiseLevels;
use crate::schedulers::options::SchedulerOptions;
use crate::schedulers::prediction::Prediction;
use crate::schedulers::solver_levels::{LastLevel, SolverRules, lambda_min, solver_levels};
use crate::schedulers::spacing::Spacing;
use crate::schedulers::stepper::{BuiltSampler, ModelCall, Solves, Stepper};

pub(super) const CLASS: SamplerClass =
    SamplerClass::new("DPMSolverSinglestepScheduler", ModelKind::Discrete, defaults, build)
        .taking(&[Argument::WholeTimesteps]);

fn defaults() -> Value {
    json!({
        "num_train_timesteps": 1000, "beta_start": 0.0001, "beta_end": 0.02, "beta_schedule": "linear", "trained_betas": null,
        "solver_order": 2, "prediction_type": "epsilon", "thresholding": false, "dynamic_thresholding_ratio": 0.995,
        "sample_max_value": 1.0, "algorithm_type": "dpmsolver++", "solver_type": "midpoint", "lower_order_final": false,
        "use_karras_sigmas": false, "use_exponential_sigmas": false, "use_beta_sigmas": false, "use_flow_sigmas": false,
        "flow_shift": 1.0, "final_sigmas_type": "zero", "lambda_min_clipped": MINUS_INFINITY, "variance_type": null,
        "use_dynamic_shifting": false, "time_shift_type": "exponential",
    })
}

/// The sample that a step starts from, which its first call leaves to the others.
const START: &str = "start";

struct DpmSinglestep {
    algorithm: DpmAlgorithm,
    solver_type: DpmSolverType,
    solver_order: usize,
    /// Whether the last call is a step of its own, even where it could end one of full order.
    first_order_final: bool,
}

fn build(options: &SchedulerOptions, steps: usize) -> Result<BuiltSampler> {
    let algorithm: DpmAlgorithm = options.get("algorithm_type")?;
    let end = LastLevel::new(options, LastLevel::TrainMin)?;
    let solver_order = refuse_what_we_lack(options, algorithm, end)?;
    if algorithm == DpmAlgorithm::SdeDpm {
        return Err(options.refuse("algorithm_type", "this sampler has dpmsolver, dpmsolver++ and sde-dpmsolver++"));
    }
    if options.flag("thresholding") && algorithm.solves() == Solves::Noises {
        return Err(options.refuse("thresholding", "this sampler has it for dpmsolver++ only"));
    }
    let rules = SolverRules {
        spacing: Spacing::Linspace,
        steps_offset: 0,
        end,
        lambda_min: lambda_min(options)?,
        rounds: true,
        strictly: solver_order > 1,
    };
    let levels = solver_levels(options, steps, &rules, Prediction::new(options)?)?.clipped(Clip::new(options)?);
    let ends_with_a_full_step = steps.is_multiple_of(solver_order);
    Ok(BuiltSampler::new(
        levels,
        DpmSinglestep {
            algorithm,
            solver_type: options.get("solver_type")?,
            solver_order,
            first_order_final: end == LastLevel::Zero || options.flag("lower_order_final") && ends_with_a_full_step,
        },
    ))
}

impl DpmSinglestep {
    /// The number of calls that the step consists of up to call `i` of `count`, where `known` outputs are remembered.
    fn order(&self, i: usize, count: usize, known: usize) -> usize {
        let order = if i + 1 == count && self.first_order_final { 1 } else { i % self.solver_order + 1 };
        // A run may start at a later call, which is then the first one of its step.
        order.min(known)
    }

    /// The coefficients of the outputs, newest first, for a step that ends with call `i`.
    fn weights(&self, levels: &NoiseLevels, exact: &ExactStep, i: usize, order: usize) -> Vec<f64> {
        let first = exact.constant();
        if order == 1 {
            return vec![first];
        }
        // The distances in lambda from where the step starts.
        let from_start = |at: usize| levels.lambda(at) - levels.lambda(i + 1 - order);
        let h = from_start(i + 1);
        let r_0 = from_start(i) / h;
        let heun = self.solver_type == DpmSolverType::Heun;
        if order == 2 {
            let slope = if heun { exact.slope() } else { exact.midpoint() } / r_0;
            return vec![slope, first - slope];
        }
        if !heun {
            let slope = exact.slope() / r_0;
            return vec![slope, 0.0, first - slope];
        }
        let r_1 = from_start(i - 1) / h;
        let (slope, bend) = (exact.slope(), 2.0 * exact.bend(self.algorithm));
        let newest = (bend - slope * r_1) / (r_0 - r_1) / r_0;
        let middle = (slope * r_0 - bend) / (r_0 - r_1) / r_1;
        vec![newest, middle, first - newest - middle]
    }
}

impl Stepper for DpmSinglestep {
    fn step(&self, call: &mut ModelCall<'_>) -> Result<Tensor<4>> {
        let output = call.solved(self.algorithm.solves());
        call.history.push(output, self.solver_order);
        let (i, levels) = (call.i, call.levels);
        let order = self.order(i, levels.count(), call.history.outputs().len());
        let start = match call.history.take(START) {
            Some(start) if order > 1 => start,
            _ => call.sample.clone(),
        };
        let exact = self.algorithm.exact(levels, i + 1 - order, i + 1);
        let weights = self.weights(levels, &exact, i, order);
        let prev_sample = call.history.add_outputs(start.clone() * exact.sample, weights);
        call.history.keep(START, start);
        Ok(if self.algorithm.is_stochastic() { prev_sample + call.noise() * exact.noise } else { prev_sample })
    }
}
