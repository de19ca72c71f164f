//! The training timesteps that a run visits, and evenly spaced numbers as numpy and torch compute them.

use serde::Deserialize;

use super::options::SchedulerOptions;
use crate::base::error::Result;

/// The option `timestep_spacing`: which training timesteps a run visits (table 2 of arXiv 2305.08891).
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Spacing {
    Linspace,
    Leading,
    Trailing,
}

impl Spacing {
    /// Gives `steps` timesteps, high to low: the listed ones, or integers. Those of `Linspace` are fractions, which the
    /// caller may round.
    ///
    /// # Errors
    /// An option is wrong.
    pub(super) fn timesteps(self, options: &SchedulerOptions, steps: usize) -> Result<Vec<f64>> {
        if let Some(listed) = options.timesteps() {
            return Ok(listed.to_vec());
        }
        Ok(self.spread(options.get("num_train_timesteps")?, self.offset(options)?, steps))
    }

    /// Reads the option `steps_offset`, which one way to space timesteps has.
    ///
    /// # Errors
    /// It is no whole number.
    pub(super) fn offset(self, options: &SchedulerOptions) -> Result<i32> {
        if self == Self::Leading { options.get("steps_offset") } else { Ok(0) }
    }

    /// Spreads `steps` timesteps over the first `train` ones (usually all of them).
    pub(super) fn spread(self, train: usize, offset: i32, steps: usize) -> Vec<f64> {
        match self {
            Self::Linspace => linspace_f64(0.0, train as f64 - 1.0, steps).into_iter().rev().collect(),
            Self::Leading => (0..steps).rev().map(|i| (i * (train / steps)) as f64 + f64::from(offset)).collect(),
            Self::Trailing => trailing(train, train, steps),
        }
    }
}

/// The timesteps that the option `timestep_spacing` asks for, rounded to integers.
///
/// # Errors
/// An option is wrong.
pub(super) fn whole_timesteps(options: &SchedulerOptions, steps: usize) -> Result<Vec<f64>> {
    let spacing: Spacing = options.get("timestep_spacing")?;
    Ok(spacing.timesteps(options, steps)?.into_iter().map(f64::round_ties_even).collect())
}

/// The timesteps of `Trailing`: `round(arange(last, 0, -train / steps)) - 1`. For some step counts (61 of 1000),
/// rounding makes numpy's `arange` too long by one, and Diffusers visits timestep -1, which is left out here.
pub(super) fn trailing(last: usize, train: usize, steps: usize) -> Vec<f64> {
    let start = last as f64;
    // numpy steps by the difference of the first two values.
    let delta = (start - train as f64 / steps as f64) - start;
    let timesteps = (0..steps).map(|i| (start + i as f64 * delta).round_ties_even() - 1.0);
    timesteps.take_while(|timestep| *timestep >= 0.0).collect()
}

/// Spaces numbers evenly as numpy's `linspace` does.
pub(super) fn linspace_f64(start: f64, stop: f64, count: usize) -> Vec<f64> {
    let step = (stop - start) / (count as f64 - 1.0);
    let mut values: Vec<f64> = (0..count).map(|i| if i == 0 { start } else { i as f64 * step + start }).collect();
    if let [_, .., last] = values.as_mut_slice() {
        *last = stop;
    }
    values
}

/// Spaces numbers evenly as torch's `linspace` does: from both ends to the middle, with fused multiply-adds.
pub(super) fn linspace_f32(start: f64, stop: f64, count: usize) -> Vec<f32> {
    let (start, stop) = (start as f32, stop as f32);
    let step = if count > 1 { (stop - start) / (count - 1) as f32 } else { 0.0 };
    let value = |i: usize| {
        if i < count / 2 || count == 1 {
            step.mul_add(i as f32, start)
        } else {
            (-step).mul_add((count - 1 - i) as f32, stop)
        }
    };
    (0..count).map(value).collect()
}
