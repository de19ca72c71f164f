//! DPM++ SDE, as Diffusers' `scheduling_dpmsolver_sde.py` (after k-diffusion's `sample_dpmpp_sde`): a step of the stochastic
//! DPM-Solver++ to the middle and, with what the model says there, one over the whole.
//!
//! Every step but the last one takes two calls of the model: `timesteps` lists them all. The noise of both is of one
//! Brownian path over sigma, as in Diffusers, where torchsde's tree makes it from a seed of its own. Here it comes from the
//! picture's generator, two draws a step: pictures are of the same kind as Diffusers', but not the same pictures.
//!
//! Limits: `noise_sampler_seed` is refused.

use burn::tensor::Tensor;
use serde_json::{Value, json};

use super::kdpm2::{self, Calls};
use super::options::Options;
use super::prediction::{Mix, Prediction, in_f32};
use super::{Class, Family, Scheduler, StepOutput, no_first_call, noise_like};
use crate::base::error::Result;
use crate::base::rng::Generators;

pub(super) const CLASS: Class =
    Class { name: "DPMSolverSDEScheduler", family: Family::Discrete, defaults, arguments: &[], build };

fn defaults() -> Value {
    let mut defaults = kdpm2::defaults();
    defaults["noise_sampler_seed"] = json!(null);
    defaults
}

struct DpmSde {
    calls: Calls,
    prediction: Prediction,
    /// The sample that the present step starts from and the noise of its first half, until its second call.
    first: Option<(Tensor<4>, Tensor<4>)>,
}

fn build(options: &Options, steps: usize) -> Result<Box<dyn Scheduler>> {
    if options.get::<Option<Value>>("noise_sampler_seed")?.is_some() {
        return Err(options.refuse("noise_sampler_seed", "the noise is that of the picture's seed"));
    }
    let prediction = Prediction::without_sample(options)?;
    // In the middle of the logarithms.
    let calls = Calls::new(options, steps, false, |from, to| (from * to).sqrt())?;
    Ok(Box::new(DpmSde { calls, prediction, first: None }))
}

impl Scheduler for DpmSde {
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
        let [from, end] = self.calls.ends(i);
        if end == 0.0 {
            return Ok(StepOutput::new(original.clone(), original, dtype));
        }
        let noise = noise_like(&sample, generators);
        let (start, to, noise) = if i.is_multiple_of(2) {
            self.first = Some((sample.clone(), noise.clone()));
            (sample, self.calls.seen.sigma(i + 1), noise)
        } else {
            let (start, first) = self.first.take().ok_or_else(no_first_call)?;
            // Both halves of the path, by the root of the whole.
            let middle = self.calls.seen.sigma(i);
            let part = |above: f64, below: f64| ((above - below) / (from - end)).sqrt();
            (start, end, Mix { sample: part(from, middle), other: part(middle, end) }.of(&first, &noise))
        };
        // Down to where noise of `up` leads back to `to`: down^2 + up^2 = to^2.
        let down = to * to / from;
        let up = to * (1.0 - (to / from).powi(2)).sqrt();
        let mean = Mix { sample: down / from, other: 1.0 - down / from }.of(&start, &original);
        Ok(StepOutput::new(mean + noise * up, original, dtype))
    }

    fn add_noise(&self, original: Tensor<4>, noise: Tensor<4>, i: usize) -> Tensor<4> {
        self.calls.add_noise(&original, &noise, i)
    }

    fn sigmas(&self) -> Vec<f64> {
        self.calls.steps.clone()
    }
}
