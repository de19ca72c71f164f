//! DPM2 with fresh noise after each step, as Diffusers' `scheduling_k_dpm_2_ancestral_discrete.py` (after k-diffusion's
//! `sample_dpm_2_ancestral`).
//!
//! Limits: Diffusers gets the sigma that a step goes down to as a difference of squares in f32. Where one step spans most of
//! the schedule (two steps in all) few of its digits are left, and pictures differ from ours by some 1e-5.

use burn::tensor::Tensor;

use super::kdpm2::{Calls, defaults};
use super::options::Options;
use super::prediction::{Prediction, in_f32};
use super::{Class, Family, Scheduler, StepOutput, no_first_call, noise_like};
use crate::base::error::Result;
use crate::base::rng::Generators;

pub(super) const CLASS: Class =
    Class { name: "KDPM2AncestralDiscreteScheduler", family: Family::Discrete, defaults, arguments: &[], build };

struct Kdpm2Ancestral {
    calls: Calls,
    prediction: Prediction,
    /// The sample that the present step starts from, until its second call.
    start: Option<Tensor<4>>,
}

fn build(options: &Options, steps: usize) -> Result<Box<dyn Scheduler>> {
    let prediction = Prediction::without_sample(options)?;
    // The logarithm in the middle between the start and to^2 / from, which the step goes down to, is that of its end.
    let calls = Calls::new(options, steps, true, |_, to| to)?;
    Ok(Box::new(Kdpm2Ancestral { calls, prediction, start: None }))
}

impl Scheduler for Kdpm2Ancestral {
    fn timesteps(&self) -> &[f64] {
        &self.calls.seen.timesteps
    }

    fn order(&self) -> usize {
        2
    }

    fn init_noise_sigma(&self) -> f64 {
        self.calls.seen.init_noise_sigma()
    }

    fn scale_model_input(&self, sample: Tensor<4>, i: usize) -> Tensor<4> {
        self.calls.seen.scale_model_input(sample, i)
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
        let original = self.calls.seen.original(self.prediction, i).of(&sample, &model_output);
        let derivative = self.calls.seen.derivative(&sample, &original, i);
        let prev_sample = if i.is_multiple_of(2) {
            self.start = Some(sample.clone());
            sample + derivative * (self.calls.seen.sigma(i + 1) - self.calls.seen.sigma(i))
        } else {
            let [from, to] = self.calls.ends(i);
            // Down to where noise of `up` leads back to the end: down^2 + up^2 = to^2.
            let down = to * to / from;
            let up = to * (1.0 - (to / from).powi(2)).sqrt();
            let noise = noise_like(&sample, generators);
            self.start.take().ok_or_else(no_first_call)? + derivative * (down - from) + noise * up
        };
        Ok(StepOutput::new(prev_sample, original, dtype))
    }

    fn add_noise(&self, original: Tensor<4>, noise: Tensor<4>, i: usize) -> Tensor<4> {
        self.calls.add_noise(&original, &noise, i)
    }

    fn sigmas(&self) -> Vec<f64> {
        self.calls.steps.clone()
    }
}
