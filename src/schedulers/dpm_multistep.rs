//! DPM-Solver (arXiv 2206.00927) and DPM-Solver++ (arXiv 2211.01095) as multistep methods of order 1 to 3, plain and
//! stochastic, as Diffusers' `scheduling_dpmsolver_multistep.py`.
//!
//! Limits: flow matching and variances that the model predicts are refused.

use burn::tensor::Tensor;
use serde_json::{Value, json};

use super::dpm_solver::{Algorithm, Exact, SolverType, refuse_what_we_lack};
use super::levels::{End, Levels, Rules, lambda_min};
use super::options::{MINUS_INFINITY, Options};
use super::prediction::{Clip, Conversion, Prediction, in_f32};
use super::schedule::BetaSchedule;
use super::{Argument, Class, Family, Scheduler, StepOutput, noise_like};
use crate::base::error::Result;
use crate::base::rng::Generators;

pub(super) const CLASS: Class = Class {
    name: "DPMSolverMultistepScheduler",
    family: Family::Discrete,
    defaults,
    arguments: &[Argument::WholeTimesteps],
    build,
};

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

pub(super) struct DpmSolverMultistep {
    steps: Levels,
    conversion: Conversion,
    algorithm: Algorithm,
    solver_type: SolverType,
    solver_order: usize,
    /// The last step is of first order.
    first_order_final: bool,
    /// And the one before it at most of second.
    second_order_before: bool,
    /// What the model said of the last steps, newest last: clean samples for DPM-Solver++, else noises.
    outputs: Vec<Tensor<4>>,
}

fn build(options: &Options, steps: usize) -> Result<Box<dyn Scheduler>> {
    let algorithm = options.get("algorithm_type")?;
    let end = End::new(options, End::TrainMin)?;
    let solver_order = options.get("solver_order")?;
    refuse_what_we_lack(options, algorithm, end, solver_order)?;
    if algorithm == Algorithm::SdeDpm && solver_order == 3 {
        return Err(options.refuse("solver_order", "sde-dpmsolver has orders 1 and 2 only"));
    }
    let rules = Rules {
        spacing: options.get("timestep_spacing")?,
        steps_offset: options.get("steps_offset")?,
        end,
        lambda_min: lambda_min(options)?,
        rounds: options.get::<BetaSchedule>("beta_schedule")? != BetaSchedule::SquaredcosCapV2,
        strictly: solver_order > 1,
    };
    let steps = Levels::new(options, steps, &rules)?;
    let conversion =
        Conversion { prediction: Prediction::new(options)?, clip: Clip::new(options)?, solves: algorithm.solves() };
    Ok(Box::new(DpmSolverMultistep::new(options, steps, conversion, algorithm, end)?))
}

impl DpmSolverMultistep {
    /// The sampler on these levels, with the rest of its options.
    ///
    /// # Errors
    /// An option is wrong.
    pub(super) fn new(
        options: &Options,
        steps: Levels,
        conversion: Conversion,
        algorithm: Algorithm,
        end: End,
    ) -> Result<Self> {
        let few = steps.timesteps.len() < 15;
        let lower_order_final = options.flag("lower_order_final")? && few;
        Ok(Self {
            steps,
            conversion,
            algorithm,
            solver_type: options.get("solver_type")?,
            solver_order: options.get("solver_order")?,
            first_order_final: options.flag("euler_at_final")? || lower_order_final || end == End::Zero,
            second_order_before: lower_order_final,
            outputs: Vec::new(),
        })
    }

    /// Which order step `i` is of, when there are as many outputs as the run has had steps.
    fn order(&self, i: usize) -> usize {
        let most = match self.steps.timesteps.len() - i {
            1 if self.first_order_final => 1,
            2 if self.second_order_before => 2.min(self.solver_order),
            _ => self.solver_order,
        };
        most.min(self.outputs.len())
    }

    /// The coefficients of the outputs, newest first, for step `i`.
    fn weights(&self, exact: &Exact, i: usize) -> Vec<f64> {
        let order = self.order(i);
        let first = exact.constant();
        if order == 1 || first == 0.0 {
            return vec![first];
        }
        // The distances in lambda of this step and the ones before it.
        let h = self.steps.lambda(i + 1) - self.steps.lambda(i);
        let h_0 = self.steps.lambda(i) - self.steps.lambda(i - 1);
        if order == 2 {
            let second = if self.solver_type == SolverType::Heun { exact.slope() } else { exact.midpoint() };
            let slope = second * h / h_0;
            return vec![first + slope, -slope];
        }
        let h_1 = self.steps.lambda(i - 1) - self.steps.lambda(i - 2);
        let (heun, third) = (exact.slope(), exact.bend(self.algorithm));
        let bend = (heun * h_0 + third * h) / (h_0 + h_1);
        let (slope_0, slope_1) = ((heun + bend) * h / h_0, -bend * h / h_1);
        vec![first + slope_0, slope_1 - slope_0, -slope_1]
    }
}

impl Scheduler for DpmSolverMultistep {
    fn timesteps(&self) -> &[f64] {
        &self.steps.timesteps
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
        let (from, to) = (self.steps.at(i), self.steps.at(i + 1));
        let (output, original) = self.conversion.of(&model_output, from, &sample);
        self.outputs.push(output);
        let surplus = self.outputs.len().saturating_sub(self.solver_order);
        self.outputs.drain(..surplus);

        let exact = self.algorithm.exact(from, to, self.steps.lambda(i + 1) - self.steps.lambda(i));
        let weights = self.weights(&exact, i);
        let outputs = self.outputs.iter().rev().zip(weights);
        let mut prev_sample =
            outputs.fold(sample.clone() * exact.sample, |sum, (output, weight)| sum + output.clone() * weight);
        if self.algorithm.is_stochastic() {
            prev_sample = prev_sample + noise_like(&sample, generators) * exact.noise;
        }
        Ok(StepOutput::new(prev_sample, original, dtype))
    }

    fn add_noise(&self, original: Tensor<4>, noise: Tensor<4>, i: usize) -> Tensor<4> {
        self.steps.at(i).add_noise(&original, &noise)
    }

    fn sigmas(&self) -> Vec<f64> {
        self.steps.sigmas()
    }
}
