//! DPM-Solver (arXiv 2206.00927) and DPM-Solver++ (arXiv 2211.01095) as singlestep methods of order 1 to 3, plain and
//! stochastic, as Diffusers' `scheduling_dpmsolver_singlestep.py`: DPM++ 2S.
//!
//! Each call of the model is a step here, as it is in Diffusers: of every two (or three) calls the last one steps anew from
//! where the first one did, with the outputs of them all. Timesteps are spread evenly whatever the checkpoint says.
//!
//! Limits: flow matching and variances that the model predicts are refused.

use std::collections::VecDeque;

use burn::tensor::Tensor;
use serde_json::{Value, json};

use super::dpm_solver::{Algorithm, Exact, SolverType, refuse_what_we_lack};
use super::levels::{End, Levels, Rules, lambda_min};
use super::options::{MINUS_INFINITY, Options};
use super::prediction::{Clip, Conversion, Prediction, Solves, in_f32};
use super::schedule::Spacing;
use super::{Argument, Class, Family, Scheduler, StepOutput, noise_like};
use crate::base::error::Result;
use crate::base::rng::Generators;

pub(super) const CLASS: Class = Class {
    name: "DPMSolverSinglestepScheduler",
    family: Family::Discrete,
    defaults,
    arguments: &[Argument::WholeTimesteps],
    build,
};

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

struct DpmSolverSinglestep {
    steps: Levels,
    conversion: Conversion,
    algorithm: Algorithm,
    solver_type: SolverType,
    solver_order: usize,
    /// The last call is a step of its own, though it could end one of full order.
    first_order_final: bool,
    /// What the model said of the last calls, newest first: clean samples for DPM-Solver++, else noises.
    outputs: VecDeque<Tensor<4>>,
    /// The sample that the present step starts from.
    start: Option<Tensor<4>>,
}

fn build(options: &Options, steps: usize) -> Result<Box<dyn Scheduler>> {
    let algorithm: Algorithm = options.get("algorithm_type")?;
    let end = End::new(options, End::TrainMin)?;
    let solver_order = options.get("solver_order")?;
    refuse_what_we_lack(options, algorithm, end, solver_order)?;
    if algorithm == Algorithm::SdeDpm {
        return Err(options.refuse("algorithm_type", "this sampler has dpmsolver, dpmsolver++ and sde-dpmsolver++"));
    }
    if options.flag("thresholding")? && algorithm.solves() == Solves::Noises {
        return Err(options.refuse("thresholding", "this sampler has it for dpmsolver++ only"));
    }
    let rules = Rules {
        spacing: Spacing::Linspace,
        steps_offset: 0,
        end,
        lambda_min: lambda_min(options)?,
        rounds: true,
        strictly: solver_order > 1,
    };
    Ok(Box::new(DpmSolverSinglestep {
        steps: Levels::new(options, steps, &rules)?,
        conversion: Conversion {
            prediction: Prediction::new(options)?,
            clip: Clip::new(options)?,
            solves: algorithm.solves(),
        },
        algorithm,
        solver_type: options.get("solver_type")?,
        solver_order,
        first_order_final: end == End::Zero || options.flag("lower_order_final")? && steps.is_multiple_of(solver_order),
        outputs: VecDeque::new(),
        start: None,
    }))
}

impl DpmSolverSinglestep {
    /// How many calls of the model the step so far consists of, with call `i`.
    fn order(&self, i: usize) -> usize {
        let is_last = i + 1 == self.steps.timesteps.len();
        let order = if is_last && self.first_order_final { 1 } else { i % self.solver_order + 1 };
        // A run may start at a later call, which then is the first one of its step.
        order.min(self.outputs.len())
    }

    /// The coefficients of the outputs, newest first, for a step that call `i` is the last of.
    fn weights(&self, exact: &Exact, i: usize, order: usize) -> Vec<f64> {
        let first = exact.constant();
        if order == 1 {
            return vec![first];
        }
        // The distances in lambda from where the step starts.
        let from_start = |at: usize| self.steps.lambda(at) - self.steps.lambda(i + 1 - order);
        let h = from_start(i + 1);
        let r_0 = from_start(i) / h;
        let heun = self.solver_type == SolverType::Heun;
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

impl Scheduler for DpmSolverSinglestep {
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
        let (output, original) = self.conversion.of(&model_output, self.steps.at(i), &sample);
        self.outputs.push_front(output);
        self.outputs.truncate(self.solver_order);

        let order = self.order(i);
        let start = match self.start.take() {
            Some(start) if order > 1 => start,
            _ => sample,
        };
        let (from, to) = (i + 1 - order, i + 1);
        let h = self.steps.lambda(to) - self.steps.lambda(from);
        let exact = self.algorithm.exact(self.steps.at(from), self.steps.at(to), h);
        let outputs = self.outputs.iter().zip(self.weights(&exact, i, order));
        let mut prev_sample =
            outputs.fold(start.clone() * exact.sample, |sum, (output, weight)| sum + output.clone() * weight);
        if self.algorithm.is_stochastic() {
            prev_sample = prev_sample + noise_like(&start, generators) * exact.noise;
        }
        self.start = Some(start);
        Ok(StepOutput::new(prev_sample, original, dtype))
    }

    fn add_noise(&self, original: Tensor<4>, noise: Tensor<4>, i: usize) -> Tensor<4> {
        self.steps.at(i).add_noise(&original, &noise)
    }

    fn sigmas(&self) -> Vec<f64> {
        self.steps.sigmas()
    }
}
