//! The levels of samplers that call the model twice in each step, at its start and in its middle, and once in the last
//! step.

use super::level::NoiseLevel;
use super::levels::NoiseLevels;
use super::noise_schedule::NoiseSchedule;
use super::options::SchedulerOptions;
use super::prediction::Prediction;
use super::sigmas::{Spread, TrainSigmas, round_to_f32, sigma_levels};
use super::spacing::Spacing;
use crate::base::error::Result;

/// The levels that the options ask for: even calls begin a step, odd ones are in its middle. A step that begins at the
/// first sigma and goes to the second has its middle at `middle` of both. With `rounds`, the timesteps of Karras sigmas
/// are integers.
///
/// # Errors
/// An option is wrong.
pub(super) fn midpoint_levels(
    options: &SchedulerOptions,
    steps: usize,
    rounds: bool,
    middle: fn(f64, f64) -> f64,
) -> Result<NoiseLevels> {
    let prediction = Prediction::without_sample(options)?;
    let train = TrainSigmas::new(&NoiseSchedule::new(options)?)?;
    let spacing: Spacing = options.get("timestep_spacing")?;
    let (starts, sigmas) = train.visited(options, steps)?;
    let rounds = rounds && Spread::new(options)? == Some(Spread::Karras);
    let starts = starts.into_iter().map(|timestep| if rounds { timestep.round_ties_even() } else { timestep });
    let sigmas: Vec<f64> = sigmas.into_iter().map(round_to_f32).collect();
    let middles: Vec<f64> = sigmas.windows(2).map(|pair| round_to_f32(middle(pair[0], pair[1]))).collect();

    let (mut timesteps, mut seen) = (Vec::new(), Vec::new());
    for (i, (start, sigma)) in starts.zip(&sigmas).enumerate() {
        timesteps.push(start);
        seen.push(*sigma);
        if let Some(middle) = middles.get(i) {
            timesteps.push(round_to_f32(train.timestep(*middle)));
            seen.push(*middle);
        }
    }
    seen.push(0.0);
    let steps: Vec<NoiseLevel> = sigmas.into_iter().chain([0.0]).map(NoiseLevel::of_full_signal).collect();
    // As in Diffusers, noise is added up to where a call in the middle of a step goes.
    let noised = (0..timesteps.len()).map(|i| steps[i.div_ceil(2)]).collect();
    Ok(sigma_levels(timesteps, &seen, spacing, prediction)?.in_steps(2, steps).noised_to(noised))
}
