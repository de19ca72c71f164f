//! Trajectory consistency sampling (arXiv 2402.19159), as Diffusers' `scheduling_tcd.py`.
//!
//! `eta` is the paper's gamma: how much of each step is fresh noise.
//!
//! Limits: as LCM, with which it shares the timesteps. Nothing is clipped, nor is it in Diffusers.

use burn::tensor::Tensor;

use super::lcm::distilled;
use super::options::Options;
use super::prediction::{Level, Mix, Prediction, in_f32};
use super::schedule::NoiseSchedule;
use super::{Argument, Class, Family, Scheduler, StepOutput, noise_like};
use crate::base::error::Result;
use crate::base::rng::Generators;

pub(super) const CLASS: Class = Class {
    name: "TCDScheduler",
    family: Family::Discrete,
    defaults: super::lcm::defaults,
    arguments: &[Argument::Eta, Argument::WholeTimesteps],
    build,
};

struct Tcd {
    timesteps: Vec<f64>,
    /// The level of each step, and the one that it goes down to.
    levels: Vec<[Level; 2]>,
    /// The way back up from there to the next step's level: what the sample and fresh noise are multiplied by.
    ways_up: Vec<Mix>,
    prediction: Prediction,
    is_stochastic: bool,
}

fn build(options: &Options, steps: usize) -> Result<Box<dyn Scheduler>> {
    let schedule = NoiseSchedule::new(options)?;
    let prediction = Prediction::new(options)?;
    let eta = options.eta();
    let timesteps = distilled(options, schedule.alphas_cumprod.len(), steps)?;
    let next = timesteps.iter().skip(1).copied().chain([0.0]);
    let (mut levels, mut ways_up) = (Vec::new(), Vec::new());
    for (&timestep, next) in timesteps.iter().zip(next) {
        let level = schedule.level(timestep)?;
        prediction.check(level)?;
        // A product of f32 in torch.
        let down = schedule.alpha_cumprod(f64::from(((1.0 - eta) as f32 * next as f32).floor()))?;
        levels.push([level, Level::from_alpha_cumprod(down)]);
        let ratio = Level::from_alpha_cumprod(schedule.alpha_cumprod(next)? / down);
        ways_up.push(Mix { sample: ratio.signal, other: ratio.noise });
    }
    Ok(Box::new(Tcd { timesteps, levels, ways_up, prediction, is_stochastic: eta > 0.0 }))
}

impl Scheduler for Tcd {
    fn timesteps(&self) -> &[f64] {
        &self.timesteps
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
        let [level, down] = self.levels[i];
        let original = self.prediction.original(level).of(&sample, &model_output);
        let epsilon = self.prediction.epsilon(level).of(&sample, &model_output);
        let mut prev_sample = down.add_noise(&original, &epsilon);
        if self.is_stochastic && i + 1 < self.timesteps.len() {
            prev_sample = self.ways_up[i].of(&prev_sample, &noise_like(&sample, generators));
        }
        Ok(StepOutput::new(prev_sample, original, dtype))
    }

    fn add_noise(&self, original: Tensor<4>, noise: Tensor<4>, i: usize) -> Tensor<4> {
        self.levels[i][0].add_noise(&original, &noise)
    }

    fn sigmas(&self) -> Vec<f64> {
        let end = self.levels.last().map(|[_, end]| end);
        self.levels.iter().map(|[level, _]| level).chain(end).map(|level| level.sigma()).collect()
    }
}
