//! SA-Solver (arXiv 2309.05019): a stochastic Adams method, a multistep predictor and a corrector that takes the next call
//! of the model into account, as Diffusers' `scheduling_sasolver.py`.
//!
//! Noise is fresh (the paper's tau = 1) from timestep 200 to 800 and none elsewhere, as with Diffusers' own `tau_func`.
//! It is drawn for each step, also where it counts for nothing.
//!
//! Limits: orders above the third, flow matching, another `tau_func` and variances that the model predicts are refused.

use std::collections::VecDeque;

use burn::tensor::Tensor;
use serde::Deserialize;
use serde_json::{Value, json};

use super::levels::{End, Levels, Rules, lagrange, lambda_min};
use super::options::{MINUS_INFINITY, Options};
use super::prediction::{Clip, Conversion, Level, Prediction, Solves, in_f32};
use super::schedule::NoiseSchedule;
use super::{Class, Family, Scheduler, StepOutput, noise_like};
use crate::base::error::Result;
use crate::base::rng::Generators;

pub(super) const CLASS: Class =
    Class { name: "SASolverScheduler", family: Family::Discrete, defaults, arguments: &[], build };

fn defaults() -> Value {
    json!({
        "num_train_timesteps": 1000, "beta_start": 0.0001, "beta_end": 0.02, "beta_schedule": "linear", "trained_betas": null,
        "predictor_order": 2, "corrector_order": 2, "prediction_type": "epsilon", "tau_func": null, "thresholding": false,
        "dynamic_thresholding_ratio": 0.995, "sample_max_value": 1.0, "algorithm_type": "data_prediction",
        "lower_order_final": true, "use_karras_sigmas": false, "use_exponential_sigmas": false, "use_beta_sigmas": false,
        "use_flow_sigmas": false, "flow_shift": 1.0, "lambda_min_clipped": MINUS_INFINITY, "variance_type": null,
        "timestep_spacing": "linspace", "steps_offset": 0,
    })
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Algorithm {
    DataPrediction,
    NoisePrediction,
}

struct SaSolver {
    steps: Levels,
    /// The model's own levels at the timesteps, which noise is added by, in Diffusers too: with Karras sigmas and the like
    /// they are not quite those of the steps.
    trained: Vec<Level>,
    conversion: Conversion,
    predictor_order: usize,
    corrector_order: usize,
    lower_order_final: bool,
    /// What the model said of the last steps, newest first.
    outputs: VecDeque<Tensor<4>>,
    last: Option<Last>,
}

/// What the corrector needs of the step before.
struct Last {
    start: Tensor<4>,
    noise: Tensor<4>,
    order: usize,
}

fn build(options: &Options, steps: usize) -> Result<Box<dyn Scheduler>> {
    refuse_what_we_lack(options)?;
    let solves = match options.get("algorithm_type")? {
        Algorithm::DataPrediction => Solves::CleanSamples,
        Algorithm::NoisePrediction => Solves::Noises,
    };
    if options.flag("thresholding")? && solves == Solves::Noises {
        return Err(options.refuse("thresholding", "this sampler has it for data_prediction only"));
    }
    let rules = Rules {
        spacing: options.get("timestep_spacing")?,
        steps_offset: options.get("steps_offset")?,
        end: End::SpreadMin,
        lambda_min: lambda_min(options)?,
        rounds: true,
        strictly: true,
    };
    let steps = Levels::new(options, steps, &rules)?;
    let schedule = NoiseSchedule::new(options)?;
    let trained = steps.timesteps.iter().map(|timestep| schedule.level(*timestep));
    Ok(Box::new(SaSolver {
        trained: trained.collect::<Result<_>>()?,
        steps,
        conversion: Conversion { prediction: Prediction::new(options)?, clip: Clip::new(options)?, solves },
        predictor_order: order(options, "predictor_order")?,
        corrector_order: order(options, "corrector_order")?,
        lower_order_final: options.flag("lower_order_final")?,
        outputs: VecDeque::new(),
        last: None,
    }))
}

fn order(options: &Options, key: &str) -> Result<usize> {
    let order = options.get(key)?;
    if (1..=3).contains(&order) { Ok(order) } else { Err(options.refuse(key, "it must be 1, 2 or 3")) }
}

fn refuse_what_we_lack(options: &Options) -> Result<()> {
    if options.flag("use_flow_sigmas")? {
        return Err(options.refuse("use_flow_sigmas", "flow matching is not supported"));
    }
    if options.get::<Option<Value>>("tau_func")?.is_some() {
        return Err(options.refuse("tau_func", "that is not supported"));
    }
    if matches!(options.get::<Option<String>>("variance_type")?.as_deref(), Some("learned" | "learned_range")) {
        return Err(options.refuse("variance_type", "variances that the model predicts are not supported"));
    }
    Ok(())
}

/// The coefficients of a step.
struct Weights {
    sample: f64,
    /// Of the outputs, newest first.
    outputs: Vec<f64>,
    noise: f64,
}

impl SaSolver {
    /// The coefficients of step `i` as an order of the predictor, or of the corrector, which has the output at the end of
    /// the step as the newest one: the integrals of the polynomial through the outputs (the paper's equations 14 and 17).
    fn weights(&self, i: usize, order: usize, corrects: bool) -> Weights {
        let (from, to) = (self.steps.at(i), self.steps.at(i + 1));
        let h = self.steps.lambda(i + 1) - self.steps.lambda(i);
        let tau = if (200.0..=800.0).contains(&self.steps.timesteps[i]) { 1.0 } else { 0.0 };
        let both = 1.0 + tau * tau;
        // The exponent in the integrals, and what they are multiplied by.
        let (growth, scale, sample, noise) = match self.conversion.solves {
            Solves::CleanSamples => {
                let noise = to.noise * (1.0 - (-2.0 * tau * tau * h).exp()).sqrt();
                (both, both * to.signal, (-tau * tau * h).exp() * to.noise / from.noise, noise)
            }
            Solves::Noises => {
                let noise = tau * to.noise * (2.0 * h).exp_m1().sqrt();
                (-1.0, -both * to.noise, to.signal / from.signal, noise)
            }
        };
        let newest = if corrects { i + 1 } else { i };
        // From the end of the step.
        let place = |back: usize| self.steps.lambda(newest - back) - self.steps.lambda(i + 1);
        let places: Vec<f64> = (0..order).map(place).collect();
        let mut outputs = lagrange(&places, &moments(growth, h, order));
        // A term of a higher order, which upstream adds for the sake of few steps.
        if let (Solves::CleanSamples, [first, second]) = (self.conversion.solves, outputs.as_mut_slice())
            && h > 0.0
        {
            let rest = (h * growth - 1.0 + (-growth * h).exp()) / (growth * growth);
            let more = if corrects {
                h / 2.0 - rest / h
            } else {
                (h * h / 2.0 - rest) / (self.steps.lambda(i) - self.steps.lambda(i - 1))
            };
            *first += more;
            *second -= more;
        }
        for weight in &mut outputs {
            *weight *= scale;
        }
        Weights { sample, outputs, noise }
    }

    /// The sample at the end of a step from the one at its start.
    fn update(&self, weights: &Weights, start: &Tensor<4>, noise: &Tensor<4>) -> Tensor<4> {
        let start = start.clone() * weights.sample + noise.clone() * weights.noise;
        let outputs = self.outputs.iter().zip(&weights.outputs);
        outputs.fold(start, |sum, (output, weight)| sum + output.clone() * *weight)
    }
}

/// The integrals of 1, x, x^2 ... times `exp(growth * x)` from -h to 0.
fn moments(growth: f64, h: f64, count: usize) -> Vec<f64> {
    let start = (-growth * h).exp();
    let (mut before, mut at_start) = ((1.0 - start) / growth, start);
    let next = |power: usize| {
        let moment = before;
        at_start *= -h;
        before = -(at_start + power as f64 * moment) / growth;
        moment
    };
    (1..=count).map(next).collect()
}

impl Scheduler for SaSolver {
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
        let (model_output, mut sample) = (in_f32(model_output), in_f32(sample));
        let (output, original) = self.conversion.of(&model_output, self.steps.at(i), &sample);
        self.outputs.push_front(output);
        if let (Some(last), Some(before)) = (self.last.take(), i.checked_sub(1)) {
            sample = self.update(&self.weights(before, last.order, true), &last.start, &last.noise);
        }
        self.outputs.truncate(self.predictor_order.max(self.corrector_order));

        let left = if self.lower_order_final { self.steps.timesteps.len() - i } else { self.predictor_order };
        let predictor = self.predictor_order.min(left).min(self.outputs.len());
        let left = if self.lower_order_final { left + 1 } else { self.corrector_order };
        let corrector = self.corrector_order.min(left).min(self.outputs.len() + 1);
        let noise = noise_like(&sample, generators);
        let prev_sample = self.update(&self.weights(i, predictor, false), &sample, &noise);
        self.last = Some(Last { start: sample, noise, order: corrector });
        Ok(StepOutput::new(prev_sample, original, dtype))
    }

    fn add_noise(&self, original: Tensor<4>, noise: Tensor<4>, i: usize) -> Tensor<4> {
        self.trained[i].add_noise(&original, &noise)
    }

    fn sigmas(&self) -> Vec<f64> {
        self.steps.sigmas()
    }
}
