//! UniPC (arXiv 2302.04867): a multistep predictor, and a corrector that takes the next call of the model into account,
//! as Diffusers' `scheduling_unipc_multistep.py`.
//!
//! Limits: orders above the third, flow matching and another solver as the predictor (`solver_p`) are refused.

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
    Class { name: "UniPCMultistepScheduler", family: Family::Discrete, defaults, arguments: &[], build };

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

/// The paper's B(h). DPM-Solver and DEIS have types of their own, which Diffusers reads as the second.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum SolverType {
    /// h.
    Bh1,
    /// exp(h) - 1.
    #[serde(alias = "midpoint", alias = "heun", alias = "logrho")]
    Bh2,
}

struct UniPc {
    steps: Levels,
    conversion: Conversion,
    solver_type: SolverType,
    solver_order: usize,
    lower_order_final: bool,
    /// After these steps nothing is corrected.
    disable_corrector: Vec<usize>,
    /// What the model said of the last steps, newest first.
    outputs: VecDeque<Tensor<4>>,
    /// The sample that the last step started from, and its order.
    last: Option<(Tensor<4>, usize)>,
}

/// The coefficients of a step.
struct Weights {
    sample: f64,
    /// Of the outputs, newest first.
    outputs: Vec<f64>,
    /// Of the output at the end of the step, which the corrector has.
    end: f64,
}

fn build(options: &Options, steps: usize) -> Result<Box<dyn Scheduler>> {
    let end = End::new(options, End::SpreadMin)?;
    let solver_order = options.get("solver_order")?;
    refuse_what_we_lack(options, end, solver_order)?;
    let rules = Rules {
        spacing: options.get("timestep_spacing")?,
        steps_offset: options.get("steps_offset")?,
        end,
        lambda_min: f64::NEG_INFINITY,
        rounds: true,
        strictly: solver_order > 1,
    };
    let prediction = Prediction::new(options)?;
    Ok(Box::new(UniPc {
        steps: Levels::new(options, steps, &rules)?,
        conversion: if options.get("predict_x0")? {
            Conversion { prediction, clip: Clip::new(options)?, solves: Solves::CleanSamples }
        } else {
            // Which Diffusers never thresholds.
            Conversion { prediction, clip: Clip::None, solves: Solves::Noises }
        },
        solver_type: options.get("solver_type")?,
        solver_order,
        lower_order_final: options.flag("lower_order_final")?,
        disable_corrector: options.get("disable_corrector")?,
        outputs: VecDeque::new(),
        last: None,
    }))
}

fn refuse_what_we_lack(options: &Options, end: End, order: usize) -> Result<()> {
    for key in ["use_flow_sigmas", "use_dynamic_shifting"] {
        if options.flag(key)? {
            return Err(options.refuse(key, "flow matching is not supported"));
        }
    }
    for key in ["solver_p", "shift_terminal"] {
        if options.get::<Option<Value>>(key)?.is_some() {
            return Err(options.refuse(key, "that is not supported"));
        }
    }
    if !(1..=3).contains(&order) {
        return Err(options.refuse("solver_order", "it must be 1, 2 or 3"));
    }
    // The last step goes an infinite distance in lambda.
    let finite = !options.get::<bool>("predict_x0")?
        || options.get::<SolverType>("solver_type")? == SolverType::Bh1
        || order > 1 && !options.flag("lower_order_final")?;
    if end == End::Zero && finite {
        let why = "predict_x0 = false, solver_type = bh1 and lower_order_final = false need sigma_min";
        return Err(options.refuse("final_sigmas_type", why));
    }
    Ok(())
}

impl UniPc {
    /// The coefficients of step `i` as an order of the predictor (UniP), or of the corrector (UniC), which knows the
    /// output at the end of the step.
    fn weights(&self, i: usize, order: usize, corrects: bool) -> Weights {
        let (from, to) = (self.steps.at(i), self.steps.at(i + 1));
        let distance = self.steps.lambda(i + 1) - self.steps.lambda(i);
        let (sample, scale, h) = match self.conversion.solves {
            Solves::CleanSamples => (to.noise / from.noise, to.signal, -distance),
            Solves::Noises => (to.signal / from.signal, to.noise, distance),
        };
        let growth = h.exp_m1();
        let b_h = if self.solver_type == SolverType::Bh1 { h } else { growth };
        // Where the other outputs are, from the start of the step in units of it: the earlier ones, then that of its end.
        let before = (1..order).map(|back| (self.steps.lambda(i - back) - self.steps.lambda(i)) / distance);
        let mut places: Vec<f64> = before.collect();
        if corrects {
            places.push(1.0);
        }
        let mut weights = Weights { sample, outputs: vec![-scale * growth], end: 0.0 };
        if distance == 0.0 {
            return weights;
        }
        // The simplest cases are not solved for: any value gives their order.
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

    /// The sample at the end of a step from the one at its start.
    fn update(&self, weights: &Weights, start: &Tensor<4>) -> Tensor<4> {
        let outputs = self.outputs.iter().zip(&weights.outputs);
        outputs.fold(start.clone() * weights.sample, |sum, (output, weight)| sum + output.clone() * *weight)
    }
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

impl Scheduler for UniPc {
    fn timesteps(&self) -> &[f64] {
        &self.steps.timesteps
    }

    fn step(&mut self, model_output: Tensor<4>, i: usize, sample: Tensor<4>, _: &mut Generators) -> Result<StepOutput> {
        let dtype = sample.dtype();
        let (model_output, mut sample) = (in_f32(model_output), in_f32(sample));
        let (output, original) = self.conversion.of(&model_output, self.steps.at(i), &sample);
        if let (Some((start, order)), Some(before)) = (self.last.take(), i.checked_sub(1))
            && !self.disable_corrector.contains(&before)
        {
            let weights = self.weights(before, order, true);
            sample = self.update(&weights, &start) + output.clone() * weights.end;
        }
        self.outputs.push_front(output);
        self.outputs.truncate(self.solver_order);
        let left = if self.lower_order_final { self.steps.timesteps.len() - i } else { self.solver_order };
        let order = self.outputs.len().min(left);
        let prev_sample = self.update(&self.weights(i, order, false), &sample);
        self.last = Some((sample, order));
        Ok(StepOutput::new(prev_sample, original, dtype))
    }

    fn add_noise(&self, original: Tensor<4>, noise: Tensor<4>, i: usize) -> Tensor<4> {
        self.steps.at(i).add_noise(&original, &noise)
    }

    fn sigmas(&self) -> Vec<f64> {
        self.steps.sigmas()
    }
}
