//! SA-Solver (arXiv 2309.05019), after Diffusers' `scheduling_sasolver.py`: a stochastic Adams method with a multistep
//! predictor and a corrector that takes the next call of the model into account.
//!
//! Fresh noise is added (the paper's tau = 1) from timestep 200 to 800 only, as by Diffusers' default `tau_func`. It is
//! drawn for every step, even where it has no effect.
//!
//! Limits: orders above the third, flow matching, another `tau_func` and variances that the model predicts are refused.

use burn::tensor::Tensor;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::base::error::Result;
use crate::schedulers::class::{ModelKind, SamplerClass};
use crate::schedulers::clip::Clip;
use crate::schedulers::config::MINUS_INFINITY;
use crate::schedulers::history::StepHistory;
use crate::schedulers::lagrange::lagrange;
use crate::schedulers::levels::NoiseLevels;
use crate::schedulers::noise_schedule::NoiseSchedule;
use crate::schedulers::options::SchedulerOptions;
use crate::schedulers::prediction::Prediction;
use crate::schedulers::solver_levels::{LastLevel, SolverRules, lambda_min, solver_levels};
use crate::schedulers::stepper::{BuiltSampler, ModelCall, Solves, Stepper};

pub(super) const CLASS: SamplerClass =
    SamplerClass::new("SASolverScheduler", ModelKind::Discrete, defaults, build).keeping_history();

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
enum SaAlgorithm {
    DataPrediction,
    NoisePrediction,
}

/// What a step leaves to the corrector: the sample that it started from, its noise, and the corrector's order.
const START: &str = "start";
const NOISE: &str = "noise";
const ORDER: &str = "order";

struct SaSolver {
    solves: Solves,
    predictor_order: usize,
    corrector_order: usize,
    lower_order_final: bool,
}

fn build(options: &SchedulerOptions, steps: usize) -> Result<BuiltSampler> {
    refuse_what_we_lack(options)?;
    let solves = match options.get("algorithm_type")? {
        SaAlgorithm::DataPrediction => Solves::CleanSamples,
        SaAlgorithm::NoisePrediction => Solves::Noises,
    };
    if options.flag("thresholding") && solves == Solves::Noises {
        return Err(options.refuse("thresholding", "this sampler has it for data_prediction only"));
    }
    let rules = SolverRules::new(options, LastLevel::SpreadMin, lambda_min(options)?, true)?;
    let levels = solver_levels(options, steps, &rules, Prediction::new(options)?)?.clipped(Clip::new(options)?);
    // As in Diffusers, noise is added up to the model's own levels at the timesteps, which differ a little from those
    // of the steps with Karras sigmas and the like.
    let schedule = NoiseSchedule::new(options)?;
    let trained = levels.timesteps().iter().map(|timestep| schedule.level(*timestep)).collect::<Result<_>>()?;
    let stepper = SaSolver {
        solves,
        predictor_order: options.order("predictor_order")?,
        corrector_order: options.order("corrector_order")?,
        lower_order_final: options.flag("lower_order_final"),
    };
    Ok(BuiltSampler::new(levels.noised_to(trained), stepper))
}

fn refuse_what_we_lack(options: &SchedulerOptions) -> Result<()> {
    options.refuse_flow_matching(&["use_flow_sigmas"])?;
    options.refuse_learned_variance()?;
    if options.get::<Option<Value>>("tau_func")?.is_some() {
        return Err(options.refuse("tau_func", "that is not supported"));
    }
    Ok(())
}

/// The coefficients of a step.
struct SaWeights {
    sample: f64,
    /// Those of the outputs, newest first.
    outputs: Vec<f64>,
    noise: f64,
}

impl SaSolver {
    /// The coefficients of step `i` for this order of the predictor, or of the corrector, whose newest output is that
    /// at the end of the step: the integrals of the polynomial through the outputs (the paper's equations 14 and 17).
    fn weights(&self, levels: &NoiseLevels, i: usize, order: usize, corrects: bool) -> SaWeights {
        let (from, to) = (levels.at(i), levels.at(i + 1));
        let h = levels.lambda(i + 1) - levels.lambda(i);
        let tau = if (200.0..=800.0).contains(&levels.timesteps()[i]) { 1.0 } else { 0.0 };
        let both = 1.0 + tau * tau;
        // The exponent in the integrals, and their factor.
        let (growth, scale, sample, noise) = match self.solves {
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
        // The distance from the end of the step.
        let place = |back: usize| levels.lambda(newest - back) - levels.lambda(i + 1);
        let places: Vec<f64> = (0..order).map(place).collect();
        let mut outputs = lagrange(&places, &moments(growth, h, order));
        // A term of a higher order, which Diffusers adds for runs of few steps.
        if let (Solves::CleanSamples, [first, second]) = (self.solves, outputs.as_mut_slice())
            && h > 0.0
        {
            let rest = (h * growth - 1.0 + (-growth * h).exp()) / (growth * growth);
            let more = if corrects {
                h / 2.0 - rest / h
            } else {
                (h * h / 2.0 - rest) / (levels.lambda(i) - levels.lambda(i - 1))
            };
            *first += more;
            *second -= more;
        }
        for weight in &mut outputs {
            *weight *= scale;
        }
        SaWeights { sample, outputs, noise }
    }
}

/// The sample at the end of a step from the one at its start.
fn update(history: &StepHistory, weights: &SaWeights, start: &Tensor<4>, noise: &Tensor<4>) -> Tensor<4> {
    let start = start.clone() * weights.sample + noise.clone() * weights.noise;
    history.add_outputs(start, weights.outputs.iter().copied())
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

impl Stepper for SaSolver {
    fn step(&self, call: &mut ModelCall<'_>) -> Result<Tensor<4>> {
        let (i, levels) = (call.i, call.levels);
        let most = self.predictor_order.max(self.corrector_order);
        let mut sample = call.sample.clone();
        let output = call.solved(self.solves);
        // The corrector looks back one step further than the predictor.
        call.history.push(output, most + 1);
        let last = (call.history.take(START), call.history.take(NOISE), i.checked_sub(1));
        if let (Some(start), Some(noise), Some(before)) = last {
            let order = call.history.count(ORDER).min(call.history.outputs().len());
            sample = update(call.history, &self.weights(levels, before, order, true), &start, &noise);
        }
        call.history.forget_beyond(most);

        let known = call.history.outputs().len();
        let left = if self.lower_order_final { levels.count() - i } else { self.predictor_order };
        let predictor = self.predictor_order.min(left).min(known);
        let left = if self.lower_order_final { left + 1 } else { self.corrector_order };
        let corrector = self.corrector_order.min(left).min(known + 1);
        let noise = call.noise();
        let prev_sample = update(call.history, &self.weights(levels, i, predictor, false), &sample, &noise);
        call.history.keep(START, sample);
        call.history.keep(NOISE, noise);
        call.history.set_count(ORDER, corrector);
        Ok(prev_sample)
    }
}
