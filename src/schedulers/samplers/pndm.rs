//! PNDM: pseudo numerical methods for diffusion models (arXiv 2202.09778), after Diffusers' `scheduling_pndm.py`:
//! linear multistep (PLMS), after a Runge-Kutta warm-up unless `skip_prk_steps` is set.
//!
//! There are more calls of the model than steps: one more for PLMS alone, 9 more with the warm-up.

use burn::tensor::Tensor;
use serde_json::{Value, json};

use crate::base::error::{Error, Result};
use crate::schedulers::class::{ModelKind, SamplerClass};
use crate::schedulers::history::StepHistory;
use crate::schedulers::level::{Mix, NoiseLevel};
use crate::schedulers::levels::{NoiseLevels, Space};
use crate::schedulers::noise_schedule::NoiseSchedule;
use crate::schedulers::options::SchedulerOptions;
use crate::schedulers::prediction::Prediction;
use crate::schedulers::spacing::whole_timesteps;
use crate::schedulers::stepper::{BuiltSampler, ModelCall, Stepper};

pub(super) const CLASS: SamplerClass =
    SamplerClass::new("PNDMScheduler", ModelKind::Discrete, defaults, build).keeping_history();

fn defaults() -> Value {
    json!({
        "num_train_timesteps": 1000, "beta_start": 0.0001, "beta_end": 0.02, "beta_schedule": "linear", "trained_betas": null,
        "skip_prk_steps": false, "set_alpha_to_one": false, "prediction_type": "epsilon", "timestep_spacing": "leading",
        "steps_offset": 0,
    })
}

/// The number of outputs that a step uses. The warm-up has one step less than that, and each calls the model this many
/// times.
const ORDER: usize = 4;

/// The number of calls that the run has had: it need not have begun at index 0.
const CALLS: &str = "calls";
/// The Runge-Kutta sum so far.
const SUM: &str = "sum";
/// The sample that a step in several calls starts from.
const START: &str = "start";

struct Pndm {
    schedule: NoiseSchedule,
    /// The product of all 1 - beta before timestep 0.
    final_alpha_cumprod: f32,
    /// The distance from one step to the next, in training timesteps.
    stride: usize,
    /// The number of calls in the warm-up.
    warm_up: usize,
}

fn build(options: &SchedulerOptions, steps: usize) -> Result<BuiltSampler> {
    let schedule = NoiseSchedule::new(options)?;
    let prediction = Prediction::without_sample(options)?;
    let starts = whole_timesteps(options, steps)?;
    let stride = schedule.alphas_cumprod.len() / steps;
    let (timesteps, warm_up) = calls(options, &starts, stride)?;
    let mut levels = timesteps.iter().map(|timestep| schedule.level(*timestep)).collect::<Result<Vec<_>>>()?;
    if levels.iter().any(|level| level.signal <= 0.0) {
        return Err(Error::new("PNDM needs some signal at every timestep"));
    }
    let final_alpha_cumprod = if options.flag("set_alpha_to_one") { 1.0 } else { schedule.alpha_cumprod(0.0)? };
    let end = NoiseLevel::from_alpha_cumprod(final_alpha_cumprod);
    levels.push(end);
    let steps = starts.iter().map(|timestep| schedule.level(*timestep)).chain([Ok(end)]).collect::<Result<_>>()?;
    // A step of the warm-up has four calls. Without a warm-up, the second timestep is visited twice.
    let first_after = if warm_up > 0 { warm_up } else { 2 };
    let entries = (0..1).chain(first_after..timesteps.len()).collect();
    let levels = NoiseLevels::new(Space::Scheduled, prediction, timesteps, levels);
    let stepper = Pndm { schedule, final_alpha_cumprod, stride, warm_up };
    Ok(BuiltSampler::new(levels.in_steps(1, steps).entered_at(entries), stepper))
}

/// The timestep of each call of the model, and the number of calls in the warm-up, for steps that start at these
/// timesteps.
fn calls(options: &SchedulerOptions, starts: &[f64], stride: usize) -> Result<(Vec<f64>, usize)> {
    if options.flag("skip_prk_steps") {
        return Ok((repeat_second(starts), 0));
    }
    let (warm_up, rest) = starts
        .split_at_checked(ORDER - 1)
        .filter(|(_, rest)| !rest.is_empty())
        .ok_or_else(|| options.refuse("skip_prk_steps", "the Runge-Kutta warm-up takes at least 4 steps"))?;
    let mut timesteps = runge_kutta(warm_up, rest[0], stride);
    let count = timesteps.len();
    timesteps.extend(rest);
    Ok((timesteps, count))
}

/// The timesteps of the calls without a warm-up: the second one is visited twice.
fn repeat_second(timesteps: &[f64]) -> Vec<f64> {
    let (done_once, rest) = timesteps.split_at(timesteps.len().min(2));
    done_once.iter().chain(done_once.get(1)).chain(rest).copied().collect()
}

/// The timesteps of the calls of the warm-up: each step calls the model at its start, twice in its middle and at its
/// end, where the next one starts.
fn runge_kutta(starts: &[f64], end: f64, stride: usize) -> Vec<f64> {
    let ends = starts.iter().skip(1).chain([&end]);
    let step = |(&start, &end): (&f64, &f64)| {
        let middle = end + (stride / 2) as f64;
        [start, middle, middle, end]
    };
    starts.iter().zip(ends).flat_map(step).collect()
}

impl Pndm {
    /// Does one call of the Runge-Kutta warm-up (equation 13 of the paper).
    fn step_prk(&self, call: &mut ModelCall<'_>, done: usize) -> Result<Tensor<4>> {
        let half = if done.is_multiple_of(2) { self.stride / 2 } else { 0 };
        let previous = call.levels.timesteps()[call.i] - half as f64;
        let from = call.levels.timesteps()[done / ORDER * ORDER];
        let output = call.model_output.clone();
        let output = match (done % ORDER, call.history.take(SUM)) {
            (0, _) => {
                call.history.keep(SUM, output.clone() / 6.0);
                call.history.push(output.clone(), ORDER);
                call.history.keep(START, call.sample.clone());
                output
            }
            (1 | 2, sum) => {
                if let Some(sum) = sum {
                    call.history.keep(SUM, sum + output.clone() / 3.0);
                }
                output
            }
            (_, Some(sum)) => sum + output / 6.0,
            (_, None) => output,
        };
        let start = call.history.kept(START).unwrap_or_else(|| call.sample.clone());
        self.transfer(call.levels, &start, [from, previous], &output)
    }

    /// Does one step of the linear multistep method (equation 12 of the paper).
    fn step_plms(&self, call: &mut ModelCall<'_>, done: usize) -> Result<Tensor<4>> {
        let mut from = call.levels.timesteps()[call.i];
        let mut previous = from - self.stride as f64;
        let (mut sample, output) = (call.sample.clone(), call.model_output.clone());
        // The second call does the first step again, from the same sample: its output is for the end of that step.
        let again = done == 1;
        if again {
            (from, previous) = (from + self.stride as f64, from);
            sample = call.history.take(START).unwrap_or(sample);
        } else {
            call.history.push(output.clone(), ORDER);
        }
        if done == 0 {
            call.history.keep(START, sample.clone());
        }
        let output = adams_bashforth(call.history, output, again);
        self.transfer(call.levels, &sample, [from, previous], &output)
    }

    /// The sample at the second timestep, from the one at the first and the noise in it (equation 11 of the paper).
    fn transfer(
        &self,
        levels: &NoiseLevels,
        sample: &Tensor<4>,
        [from, previous]: [f64; 2],
        output: &Tensor<4>,
    ) -> Result<Tensor<4>> {
        let alpha = self.schedule.alpha_cumprod(from)?;
        let alpha_prev =
            if previous < 0.0 { self.final_alpha_cumprod } else { self.schedule.alpha_cumprod(previous)? };
        let epsilon = levels.prediction().epsilon(NoiseLevel::from_alpha_cumprod(alpha)).of(sample, output);
        let (alpha, alpha_prev) = (f64::from(alpha), f64::from(alpha_prev));
        let divisor = alpha * (1.0 - alpha_prev).sqrt() + (alpha * (1.0 - alpha) * alpha_prev).sqrt();
        let transfer = Mix { sample: (alpha_prev / alpha).sqrt(), other: (alpha - alpha_prev) / divisor };
        Ok(transfer.of(sample, &epsilon))
    }
}

/// The noise that a step uses, from those that are remembered and the present one. `again` is for the step that is done
/// a second time.
fn adams_bashforth(history: &StepHistory, output: Tensor<4>, again: bool) -> Tensor<4> {
    match history.outputs() {
        [first] if again => (output + first.clone()) / 2.0,
        [e0, e1] => (e0.clone() * 3.0 - e1.clone()) / 2.0,
        [e0, e1, e2] => (e0.clone() * 23.0 - e1.clone() * 16.0 + e2.clone() * 5.0) / 12.0,
        [e0, e1, e2, e3] => (e0.clone() * 55.0 - e1.clone() * 59.0 + e2.clone() * 37.0 - e3.clone() * 9.0) / 24.0,
        _ => output,
    }
}

impl Stepper for Pndm {
    fn step(&self, call: &mut ModelCall<'_>) -> Result<Tensor<4>> {
        let done = call.history.count(CALLS);
        let prev_sample = if done < self.warm_up { self.step_prk(call, done)? } else { self.step_plms(call, done)? };
        call.history.set_count(CALLS, done.saturating_add(1));
        Ok(prev_sample)
    }

    fn take_up(&self, i: usize, history: &mut StepHistory) {
        if i > 0 {
            // Leaves out the warm-up, and the step that is done again.
            history.set_count(CALLS, self.warm_up.max(2));
        }
    }
}
