//! UniPC (arXiv 2302.04867), after Diffusers' `scheduling_unipc_multistep.py`: a multistep predictor, and a corrector
//! that takes the next call of the model into account.
//!
//! Limits: orders above the third, flow matching and another solver as the predictor (`solver_p`) are refused.

use burn::tensor::Tensor;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::base::error::Result;
use crate::schedulers::class::{ModelKind, SamplerClass};
use crate::schedulers::clip::Clip;
use crate::schedulers::history::StepHistory;
use crate::schedulers::lagrange::lagrange;
use crate::schedulers::levels::NoiseLevels;
use crate::schedulers::options::SchedulerOptions;
use crate::schedulers::prediction::Prediction;
use crate::schedulers::solver_levels::{LastLevel, SolverRules, solver_levels};
use crate::schedulers::stepper::{BuiltSampler, ModelCall, Solves, Stepper};

pub(super) const CLASS: SamplerClass =
    SamplerClass::new("UniPCMultistepScheduler", ModelKind::Discrete, defaults, build).keeping_history();

fn defaults() -> Value {
    json!({
        "num_train_timesteps": 1000, "beta_start": 0.0001, "beta_end": 0.02, "beta_schedule": "linear", "trained_betas": null,
        "solver_order": 2, "prediction_type": "epsilon", "thresholding": false, "dynamic_thresholding_ratio": 0.995,
        "sample_max_value": 1.0, "predict_x0": true, "solver_type": "bh2", "lower_order_final": true,
        "disable_corrector": [], "solver_p": null, "use_karras_sigmas": false, "use_exponential_sigmas": false,
        "use_beta_sigmas": false, "use_flow_sigmas": false, "flow_shift": 1.0, "timestep_spacing": "linspace",
        "steps_offset": 0, "final_sigmas_type": "zero", "rescale_betas_zero_snr": false, "use_dynamic_shifting": false,
        "time_shift_type": "exponential", "sigma_min": null, "sigma_max": null, "shift_terminal": null,
    })
}

/// The option `solver_type`: the paper's B(h). Diffusers reads the types of DPM-Solver and DEIS as the second.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum UniPcSolverType {
    /// h.
    Bh1,
    /// exp(h) - 1.
    #[serde(alias = "midpoint", alias = "heun", alias = "logrho")]
    Bh2,
}

/// What a step leaves to the corrector: the sample that it started from, and its order.
const START: &str = "start";
const ORDER: &str = "order";

struct UniPc {
    solves: Solves,
    solver_type: UniPcSolverType,
    solver_order: usize,
    lower_order_final: bool,
    /// The steps after which nothing is corrected.
    disable_corrector: Vec<usize>,
}

/// The coefficients of a step.
struct UniPcWeights {
    sample: f64,
    /// Those of the outputs, newest first.
    outputs: Vec<f64>,
    /// That of the output at the end of the step, which the corrector has.
    end: f64,
}

fn build(options: &SchedulerOptions, steps: usize) -> Result<BuiltSampler> {
    let end = LastLevel::new(options, LastLevel::SpreadMin)?;
    let solver_order = options.order("solver_order")?;
    refuse_what_we_lack(options, end, solver_order)?;
    let rules = SolverRules::new(options, end, f64::NEG_INFINITY, solver_order > 1)?;
    let levels = solver_levels(options, steps, &rules, Prediction::new(options)?)?;
    let (levels, solves) = if options.flag("predict_x0") {
        (levels.clipped(Clip::new(options)?), Solves::CleanSamples)
    } else {
        // Diffusers never thresholds here.
        (levels, Solves::Noises)
    };
    let stepper = UniPc {
        solves,
        solver_type: options.get("solver_type")?,
        solver_order,
        lower_order_final: options.flag("lower_order_final"),
        disable_corrector: options.get("disable_corrector")?,
    };
    Ok(BuiltSampler::new(levels, stepper))
}

fn refuse_what_we_lack(options: &SchedulerOptions, end: LastLevel, order: usize) -> Result<()> {
    options.refuse_flow_matching(&["use_flow_sigmas", "use_dynamic_shifting"])?;
    for key in ["solver_p", "shift_terminal"] {
        if options.get::<Option<Value>>(key)?.is_some() {
            return Err(options.refuse(key, "that is not supported"));
        }
    }
    // The last step goes an infinite distance in lambda.
    let finite = !options.flag("predict_x0")
        || options.get::<UniPcSolverType>("solver_type")? == UniPcSolverType::Bh1
        || order > 1 && !options.flag("lower_order_final");
    if end == LastLevel::Zero && finite {
        let why = "predict_x0 = false, solver_type = bh1 and lower_order_final = false need sigma_min";
        return Err(options.refuse("final_sigmas_type", why));
    }
    Ok(())
}

impl UniPc {
    /// The coefficients of step `i` for this order of the predictor (UniP), or of the corrector (UniC), which knows the
    /// output at the end of the step.
    fn weights(&self, levels: &NoiseLevels, i: usize, order: usize, corrects: bool) -> UniPcWeights {
        let (from, to) = (levels.at(i), levels.at(i + 1));
        let distance = levels.lambda(i + 1) - levels.lambda(i);
        let (sample, scale, h) = match self.solves {
            Solves::CleanSamples => (to.noise / from.noise, to.signal, -distance),
            Solves::Noises => (to.signal / from.signal, to.noise, distance),
        };
        let growth = h.exp_m1();
        let b_h = if self.solver_type == UniPcSolverType::Bh1 { h } else { growth };
        // The places of the other outputs, from the start of the step and in units of it: the earlier ones, then that
        // of its end.
        let before = (1..order).map(|back| (levels.lambda(i - back) - levels.lambda(i)) / distance);
        let mut places: Vec<f64> = before.collect();
        if corrects {
            places.push(1.0);
        }
        let mut weights = UniPcWeights { sample, outputs: vec![-scale * growth], end: 0.0 };
        if distance == 0.0 {
            return weights;
        }
        // The simplest cases need no solution: any value gives their order.
        let rhos = if places.len() == 1 && order <= 2 && (order == 1 || !corrects) {
            vec![0.5]
        } else {
            lagrange(&places, &moments(h, b_h, places.len()))
        };
        for (back, (rho, place)) in (1..).zip(rhos.iter().zip(&places)) {
            let weight = -scale * b_h * rho / place;
            weights.outputs[0] -= weight;
            if back < order {
                weights.outputs.push(weight);
            } else {
                weights.end = weight;
            }
        }
        weights
    }
}

/// The sample at the end of a step from the one at its start.
fn update(history: &StepHistory, weights: &UniPcWeights, start: &Tensor<4>) -> Tensor<4> {
    history.add_outputs(start.clone() * weights.sample, weights.outputs.iter().copied())
}

/// The right-hand side of theorem 3.1: `n! phi_n(h) h / B(h)` for n from 1, where phi_0 is exp.
fn moments(h: f64, b_h: f64, count: usize) -> Vec<f64> {
    let (mut phi, mut factorial) = (h.exp_m1() / h - 1.0, 1.0);
    let next = |n: usize| {
        let moment = phi * factorial / b_h;
        factorial *= (n + 1) as f64;
        phi = phi / h - 1.0 / factorial;
        moment
    };
    (1..=count).map(next).collect()
}

impl Stepper for UniPc {
    fn step(&self, call: &mut ModelCall<'_>) -> Result<Tensor<4>> {
        let (i, levels) = (call.i, call.levels);
        let output = call.solved(self.solves);
        let mut sample = call.sample.clone();
        if let (Some(start), Some(before)) = (call.history.take(START), i.checked_sub(1))
            && !self.disable_corrector.contains(&before)
        {
            let order = call.history.count(ORDER).min(call.history.outputs().len());
            let weights = self.weights(levels, before, order, true);
            sample = update(call.history, &weights, &start) + output.clone() * weights.end;
        }
        call.history.push(output, self.solver_order);
        let left = if self.lower_order_final { levels.count() - i } else { self.solver_order };
        let order = call.history.outputs().len().min(left);
        let prev_sample = update(call.history, &self.weights(levels, i, order, false), &sample);
        call.history.keep(START, sample);
        call.history.set_count(ORDER, order);
        Ok(prev_sample)
    }
}
