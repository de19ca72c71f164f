//! DPM++ 2M and its relatives: DPM-Solver (arXiv 2206.00927) and DPM-Solver++ (arXiv 2211.01095) as multistep methods
//! of order 1 to 3, plain and stochastic, after Diffusers' `scheduling_dpmsolver_multistep.py`.
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
use crate::schedulers::noise_schedule::BetaSchedule;
use crate::schedulers::options::SchedulerOptions;
use crate::schedulers::prediction::Prediction;
use crate::schedulers::solver_levels::{LastLevel, SolverRules, lambda_min, solver_levels};
use crate::schedulers::stepper::{BuiltSampler, ModelCall, Stepper};

pub(super) const CLASS: SamplerClass =
    SamplerClass::new("DPMSolverMultistepScheduler", ModelKind::Discrete, defaults, build)
        .taking(&[Argument::WholeTimesteps])
        .keeping_history();

fn defaults() -> Value {
    json!({
        "num_train_timesteps": 1000, "beta_start": 0.0001, "beta_end": 0.02, "beta_schedule": "linear", "trained_betas": null,
        "solver_order": 2, "prediction_type": "epsilon", "thresholding": false, "dynamic_thresholding_ratio": 0.995,
        "sample_max_value": 1.0, "algorithm_type": "dpmsolver++", "solver_type": "midpoint", "lower_order_final": true,
        "euler_at_final": false, "use_karras_sigmas": false, "use_exponential_sigmas": false, "use_beta_sigmas": false,
        "use_lu_lambdas": false, "use_flow_sigmas": false, "flow_shift": 1.0, "final_sigmas_type": "zero",
        "lambda_min_clipped": MINUS_INFINITY, "variance_type": null, "timestep_spacing": "linspace", "steps_offset": 0,
        "rescale_betas_zero_snr": false, "use_dynamic_shifting": false, "time_shift_type": "exponential",
    })
}

/// The multistep step of DPM-Solver. It works on any levels that have a signal-to-noise ratio.
pub(super) struct DpmMultistep {
    algorithm: DpmAlgorithm,
    solver_type: DpmSolverType,
    solver_order: usize,
    /// Whether the last step is of first order.
    first_order_final: bool,
    /// Whether the step before it is at most of second order.
    second_order_before: bool,
}

fn build(options: &SchedulerOptions, steps: usize) -> Result<BuiltSampler> {
    let algorithm = options.get("algorithm_type")?;
    let end = LastLevel::new(options, LastLevel::TrainMin)?;
    let solver_order = refuse_what_we_lack(options, algorithm, end)?;
    if algorithm == DpmAlgorithm::SdeDpm && solver_order == 3 {
        return Err(options.refuse("solver_order", "sde-dpmsolver has orders 1 and 2 only"));
    }
    let rules = SolverRules {
        rounds: options.get::<BetaSchedule>("beta_schedule")? != BetaSchedule::SquaredcosCapV2,
        ..SolverRules::new(options, end, lambda_min(options)?, solver_order > 1)?
    };
    let levels = solver_levels(options, steps, &rules, Prediction::new(options)?)?.clipped(Clip::new(options)?);
    let stepper = DpmMultistep::new(options, levels.count(), algorithm, end)?;
    Ok(BuiltSampler::new(levels, stepper))
}

impl DpmMultistep {
    /// Makes the step for a run of `steps` steps, with the rest of its options.
    ///
    /// # Errors
    /// An option is wrong.
    pub(super) fn new(
        options: &SchedulerOptions,
        steps: usize,
        algorithm: DpmAlgorithm,
        end: LastLevel,
    ) -> Result<Self> {
        let lower_order_final = options.flag("lower_order_final") && steps < 15;
        Ok(Self {
            algorithm,
            solver_type: options.get("solver_type")?,
            solver_order: options.order("solver_order")?,
            first_order_final: options.flag("euler_at_final") || lower_order_final || end == LastLevel::Zero,
            second_order_before: lower_order_final,
        })
    }

    /// The order of a step that has `left` steps to go, itself included, and `known` outputs.
    fn order(&self, left: usize, known: usize) -> usize {
        let most = match left {
            1 if self.first_order_final => 1,
            2 if self.second_order_before => 2.min(self.solver_order),
            _ => self.solver_order,
        };
        most.min(known)
    }

    /// The coefficients of the outputs, newest first, for step `i` of this order.
    fn weights(&self, levels: &NoiseLevels, exact: &ExactStep, i: usize, order: usize) -> Vec<f64> {
        let first = exact.constant();
        if order == 1 || first == 0.0 {
            return vec![first];
        }
        // The distances in lambda of this step and the ones before it.
        let h = levels.lambda(i + 1) - levels.lambda(i);
        let h_0 = levels.lambda(i) - levels.lambda(i - 1);
        if order == 2 {
            let second = if self.solver_type == DpmSolverType::Heun { exact.slope() } else { exact.midpoint() };
            let slope = second * h / h_0;
            return vec![first + slope, -slope];
        }
        let h_1 = levels.lambda(i - 1) - levels.lambda(i - 2);
        let (heun, third) = (exact.slope(), exact.bend(self.algorithm));
        let bend = (heun * h_0 + third * h) / (h_0 + h_1);
        let (slope_0, slope_1) = ((heun + bend) * h / h_0, -bend * h / h_1);
        vec![first + slope_0, slope_1 - slope_0, -slope_1]
    }
}

impl Stepper for DpmMultistep {
    fn step(&self, call: &mut ModelCall<'_>) -> Result<Tensor<4>> {
        let output = call.solved(self.algorithm.solves());
        call.history.push(output, self.solver_order);
        let (i, levels) = (call.i, call.levels);
        let exact = self.algorithm.exact(levels, i, i + 1);
        let order = self.order(levels.count() - i, call.history.outputs().len());
        let weights = self.weights(levels, &exact, i, order);
        let prev_sample = call.history.add_outputs(call.sample.clone() * exact.sample, weights);
        Ok(if self.algorithm.is_stochastic() { prev_sample + call.noise() * exact.noise } else { prev_sample })
    }
}
