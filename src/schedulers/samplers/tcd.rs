//! TCD: trajectory consistency sampling (arXiv 2402.19159), after Diffusers' `scheduling_tcd.py`.
//!
//! `eta` is the paper's gamma: the share of fresh noise in each step.
//!
//! Limits: those of LCM, which has the same timesteps. As in Diffusers, nothing is clipped.

use burn::tensor::Tensor;

use super::lcm;
use crate::base::error::Result;
use crate::schedulers::class::{Argument, ModelKind, SamplerClass};
use crate::schedulers::distilled::distilled;
use crate::schedulers::level::{Mix, NoiseLevel};
use crate::schedulers::levels::{NoiseLevels, Space};
use crate::schedulers::noise_schedule::NoiseSchedule;
use crate::schedulers::options::SchedulerOptions;
use crate::schedulers::prediction::Prediction;
use crate::schedulers::stepper::{BuiltSampler, ModelCall, Stepper};

pub(super) const CLASS: SamplerClass = SamplerClass::new("TCDScheduler", ModelKind::Discrete, lcm::defaults, build)
    .taking(&[Argument::Eta, Argument::WholeTimesteps]);

struct Tcd {
    /// The level that each step goes down to.
    targets: Vec<NoiseLevel>,
    /// The coefficients of the sample and of fresh noise on the way back up from there to the next step's level.
    ways_up: Vec<Mix>,
    is_stochastic: bool,
}

fn build(options: &SchedulerOptions, steps: usize) -> Result<BuiltSampler> {
    let schedule = NoiseSchedule::new(options)?;
    let prediction = Prediction::new(options)?;
    let eta = options.eta();
    let timesteps = distilled(options, schedule.alphas_cumprod.len(), steps)?;
    let mut levels = schedule.levels(&timesteps, prediction)?;
    let (mut targets, mut ways_up) = (Vec::new(), Vec::new());
    for next in timesteps.iter().skip(1).copied().chain([0.0]) {
        // torch multiplies in f32 here.
        let down = schedule.alpha_cumprod(f64::from(((1.0 - eta) as f32 * next as f32).floor()))?;
        targets.push(NoiseLevel::from_alpha_cumprod(down));
        let ratio = NoiseLevel::from_alpha_cumprod(schedule.alpha_cumprod(next)? / down);
        ways_up.push(Mix { sample: ratio.signal, other: ratio.noise });
    }
    levels.extend(targets.last());
    let levels = NoiseLevels::new(Space::Scheduled, prediction, timesteps, levels);
    Ok(BuiltSampler::new(levels, Tcd { targets, ways_up, is_stochastic: eta > 0.0 }))
}

impl Stepper for Tcd {
    fn step(&self, call: &mut ModelCall<'_>) -> Result<Tensor<4>> {
        let prev_sample = self.targets[call.i].add_noise(&call.original, &call.epsilon());
        if self.is_stochastic && call.i + 1 < call.levels.count() {
            return Ok(self.ways_up[call.i].of(&prev_sample, &call.noise()));
        }
        Ok(prev_sample)
    }
}
