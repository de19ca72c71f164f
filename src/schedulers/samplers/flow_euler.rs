//! Euler's method for flow matching (arXiv 2403.03206), after Diffusers' `scheduling_flow_match_euler_discrete.py`. It
//! is for models like SD3, whose samples are `(1 - sigma) * clean + sigma * noise` and which predict `noise - clean`.
//!
//! Limits: shifts that depend on the picture's size (`use_dynamic_shifting`) and `invert_sigmas` are refused.

use burn::tensor::Tensor;
use serde_json::{Value, json};

use crate::base::error::{Error, Result};
use crate::schedulers::class::{Argument, ModelKind, SamplerClass};
use crate::schedulers::level::{Mix, NoiseLevel};
use crate::schedulers::levels::{NoiseLevels, Space};
use crate::schedulers::options::SchedulerOptions;
use crate::schedulers::prediction::Prediction;
use crate::schedulers::sigmas::{Spread, round_to_f32};
use crate::schedulers::spacing::linspace_f64;
use crate::schedulers::stepper::{BuiltSampler, ModelCall, Stepper};

pub(super) const CLASS: SamplerClass =
    SamplerClass::new("FlowMatchEulerDiscreteScheduler", ModelKind::Flow, defaults, build)
        .taking(&[Argument::Timesteps, Argument::Sigmas]);

fn defaults() -> Value {
    json!({
        "num_train_timesteps": 1000, "shift": 1.0, "use_dynamic_shifting": false, "base_shift": 0.5, "max_shift": 1.15,
        "base_image_seq_len": 256, "max_image_seq_len": 4096, "invert_sigmas": false, "shift_terminal": null,
        "use_karras_sigmas": false, "use_exponential_sigmas": false, "use_beta_sigmas": false,
        "time_shift_type": "exponential", "stochastic_sampling": false,
    })
}

struct FlowEuler {
    is_stochastic: bool,
}

fn build(options: &SchedulerOptions, steps: usize) -> Result<BuiltSampler> {
    for (key, why) in [
        ("use_dynamic_shifting", "shifts by the picture's size are not supported"),
        ("invert_sigmas", "that is not supported"),
    ] {
        if options.flag(key) {
            return Err(options.refuse(key, why));
        }
    }
    let train: usize = options.get("num_train_timesteps")?;
    let sigmas = sigmas(options, train, steps)?;
    let timesteps = match options.timesteps() {
        // The model is given these as they are, while the noise is shifted, as in Diffusers.
        Some(listed) => listed.to_vec(),
        None => sigmas.iter().map(|sigma| round_to_f32(sigma * train as f64)).collect(),
    };
    let sigmas: Vec<f64> = sigmas.into_iter().chain([0.0]).collect();
    if !sigmas.is_sorted_by(|a, b| a > b) {
        return Err(Error::new("The scheduler's options give noise levels that don't fall from step to step"));
    }
    let levels = sigmas.into_iter().map(|sigma| NoiseLevel { signal: 1.0 - sigma, noise: sigma }).collect();
    // Flow matching has one prediction, which follows from the space.
    let levels = NoiseLevels::new(Space::Flow, Prediction::Velocity, timesteps, levels);
    Ok(BuiltSampler::new(levels, FlowEuler { is_stochastic: options.flag("stochastic_sampling") }))
}

/// The sigma of each step, high to low.
fn sigmas(options: &SchedulerOptions, train: usize, steps: usize) -> Result<Vec<f64>> {
    let shift: f64 = options.get("shift")?;
    if !(shift.is_finite() && shift > 0.0) {
        return Err(options.refuse("shift", "it must be positive"));
    }
    let shifted = |sigma: f64| shift * sigma / (1.0 + (shift - 1.0) * sigma);
    let train = train as f64;
    let even: Vec<f64> = match (options.timesteps(), options.sigmas()) {
        (Some(timesteps), _) => timesteps.iter().map(|timestep| timestep / train).collect(),
        (None, Some(sigmas)) => sigmas.to_vec(),
        (None, None) => {
            // Diffusers shifts the range (in f32) and then the sigmas that are spread over it.
            let least = round_to_f32(shifted(round_to_f32(train.recip())));
            linspace_f64(train, least * train, steps).into_iter().map(|timestep| timestep / train).collect()
        }
    };
    if let Some(wrong) = even.iter().find(|sigma| !(**sigma > 0.0 && **sigma <= 1.0)) {
        return Err(Error::new(format!(
            "In flow matching the noise runs from 1 down to 0, and a step begins at {wrong}"
        ))
        .advise("Leave out the 0 at the end: the last step goes there by itself"));
    }
    let mut sigmas: Vec<f64> = even.into_iter().map(shifted).collect();
    let terminal = options.get::<Option<f64>>("shift_terminal")?.filter(|terminal| *terminal != 0.0);
    if let (Some(terminal), Some(&last)) = (terminal, sigmas.last()) {
        if !(0.0..1.0).contains(&terminal) {
            return Err(options.refuse("shift_terminal", "it must be from 0 to 1"));
        }
        let scale = (1.0 - last) / (1.0 - terminal);
        sigmas = sigmas.into_iter().map(|sigma| 1.0 - (1.0 - sigma) / scale).collect();
    }
    if let (Some(spread), Some(&max), Some(&min)) = (Spread::new(options)?, sigmas.first(), sigmas.last()) {
        sigmas = spread.sigmas(options, min, max, steps)?;
    }
    Ok(sigmas.into_iter().map(round_to_f32).collect())
}

impl Stepper for FlowEuler {
    fn step(&self, call: &mut ModelCall<'_>) -> Result<Tensor<4>> {
        let (from, to) = (call.level().noise, call.next_level().noise);
        if self.is_stochastic {
            let noise = call.noise();
            return Ok(Mix { sample: 1.0 - to, other: to }.of(&call.original, &noise));
        }
        Ok(Mix { sample: 1.0, other: to - from }.of(&call.sample, &call.model_output))
    }
}
