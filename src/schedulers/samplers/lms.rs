//! LMS: the linear multistep method of Adams and Bashforth over unequal steps in sigma, after Diffusers'
//! `scheduling_lms_discrete.py` (k-diffusion's `sample_lms`), of its default order.
//!
//! Limits: a `sigma_min` and `sigma_max` that the file has for another class also bound the Karras sigmas; Diffusers'
//! LMS uses them for the exponential and the beta sigmas only.

use burn::tensor::Tensor;
use serde_json::{Value, json};

use crate::base::error::Result;
use crate::schedulers::class::{ModelKind, SamplerClass};
use crate::schedulers::levels::NoiseLevels;
use crate::schedulers::noise_schedule::NoiseSchedule;
use crate::schedulers::options::SchedulerOptions;
use crate::schedulers::prediction::Prediction;
use crate::schedulers::sigmas::{TrainSigmas, sigma_levels};
use crate::schedulers::stepper::{BuiltSampler, ModelCall, Stepper};

pub(super) const CLASS: SamplerClass =
    SamplerClass::new("LMSDiscreteScheduler", ModelKind::Discrete, defaults, build).keeping_history();

fn defaults() -> Value {
    json!({
        "num_train_timesteps": 1000, "beta_start": 0.0001, "beta_end": 0.02, "beta_schedule": "linear", "trained_betas": null,
        "use_karras_sigmas": false, "use_exponential_sigmas": false, "use_beta_sigmas": false,
        "prediction_type": "epsilon", "timestep_spacing": "linspace", "steps_offset": 0,
    })
}

/// The number of derivatives that a step uses.
const ORDER: usize = 4;

struct Lms;

fn build(options: &SchedulerOptions, steps: usize) -> Result<BuiltSampler> {
    let train = TrainSigmas::new(&NoiseSchedule::new(options)?)?;
    let (timesteps, mut sigmas) = train.visited(options, steps)?;
    if !sigmas.is_sorted_by(|a, b| a > b) {
        return Err(options.refuse_steps(steps));
    }
    sigmas.push(0.0);
    let levels = sigma_levels(timesteps, &sigmas, options.get("timestep_spacing")?, Prediction::new(options)?)?;
    Ok(BuiltSampler::new(levels, Lms))
}

/// The coefficient of the derivative `back` steps before step `i`: the integral, over step `i`, of the Lagrange
/// polynomial that is 1 there and 0 at the other derivatives.
///
/// Gauss's rule of two nodes is exact for a cubic; Diffusers' quadrature approximates the same value.
fn coefficient(levels: &NoiseLevels, i: usize, back: usize) -> f64 {
    let at = |back: usize| levels.at(i - back).sigma();
    let others = || (0..ORDER.min(i + 1)).filter(|other| *other != back);
    let polynomial = |sigma: f64| others().map(|other| (sigma - at(other)) / (at(back) - at(other))).product::<f64>();
    let (from, to) = (levels.at(i).sigma(), levels.at(i + 1).sigma());
    let (middle, half) = (f64::midpoint(from, to), (to - from) / 2.0);
    let node = half / 3.0_f64.sqrt();
    half * (polynomial(middle - node) + polynomial(middle + node))
}

impl Stepper for Lms {
    fn step(&self, call: &mut ModelCall<'_>) -> Result<Tensor<4>> {
        let derivative = call.derivative();
        call.history.push(derivative, ORDER);
        // A run that starts later has fewer derivatives than coefficients at first. Diffusers, too, leaves the others
        // out.
        let coefficients = (0..=call.i).map(|back| coefficient(call.levels, call.i, back));
        Ok(call.history.add_outputs(call.sample.clone(), coefficients))
    }
}
