//! What the schedulers share of time: the noise schedule that the model was trained on, and the timesteps that a run
//! visits.
//!
//! The tables are computed in the precision that Diffusers has them in (f32, products in f64), since some samplers take
//! differences of neighbours.

use std::f64::consts::FRAC_PI_2;

use serde::Deserialize;

use super::options::Options;
use super::prediction::Level;
use crate::base::error::{Error, Result};

/// More training timesteps than any model has: a file that says more is wrong.
const MOST_TRAIN_TIMESTEPS: usize = 100_000;

/// What Diffusers puts for no signal at all where a sampler divides by it: the smallest f16 above 0.
pub(super) const LEAST_SIGNAL: f32 = 1.0 / 16_777_216.0;

/// The noise schedule of a trained model: how much of the signal is left at each training timestep.
#[derive(Clone)]
pub(super) struct NoiseSchedule {
    /// Cumulative products of 1 - beta, one a training timestep: falling, within [0, 1).
    pub(super) alphas_cumprod: Vec<f32>,
}

/// How betas run over the training timesteps.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum BetaSchedule {
    Linear,
    ScaledLinear,
    #[serde(rename = "squaredcos_cap_v2")]
    SquaredcosCapV2,
    Laplace,
    Sigmoid,
}

impl NoiseSchedule {
    /// The noise schedule that the options describe.
    ///
    /// # Errors
    /// An option is wrong, or what it gives is no noise schedule.
    pub(super) fn new(options: &Options) -> Result<Self> {
        let count: usize = options.get("num_train_timesteps")?;
        if !(1..=MOST_TRAIN_TIMESTEPS).contains(&count) {
            return Err(options.refuse("num_train_timesteps", "that is no number of training steps"));
        }
        let mut betas = betas(options, count)?;
        if options.flag("rescale_betas_zero_snr")? {
            betas = rescale_zero_terminal_snr(&betas);
        }
        let alphas_cumprod = alphas_cumprod(&betas);
        let within = betas.iter().all(|beta| (0.0..=1.0).contains(beta));
        if within && alphas_cumprod.iter().all(|alpha| *alpha < 1.0) {
            return Ok(Self { alphas_cumprod });
        }
        Err(Error::new("The scheduler's betas (beta_start, beta_end, trained_betas) are not all between 0 and 1"))
    }

    /// The same for samplers that divide by the signal, of which `rescale_betas_zero_snr` leaves nothing at the end.
    ///
    /// # Errors
    /// As for [`Self::new`].
    pub(super) fn with_some_signal(options: &Options) -> Result<Self> {
        let mut schedule = Self::new(options)?;
        if let (true, Some(last)) = (options.flag("rescale_betas_zero_snr")?, schedule.alphas_cumprod.last_mut()) {
            *last = LEAST_SIGNAL;
        }
        Ok(schedule)
    }

    /// Signal and noise at a training timestep.
    ///
    /// # Errors
    /// `timestep` is not one that the model was trained on.
    pub(super) fn level(&self, timestep: f64) -> Result<Level> {
        Ok(Level::from_alpha_cumprod(self.alpha_cumprod(timestep)?))
    }

    /// The product of all 1 - beta up to a training timestep.
    ///
    /// # Errors
    /// `timestep` is not one that the model was trained on.
    pub(super) fn alpha_cumprod(&self, timestep: f64) -> Result<f32> {
        let alpha = (timestep >= 0.0).then(|| self.alphas_cumprod.get(timestep as usize)).flatten();
        alpha.copied().ok_or_else(|| {
            Error::new(format!(
                "The scheduler would visit timestep {timestep}, and the model knows 0 to {}",
                self.last()
            ))
            .advise("Take fewer steps, or a smaller steps_offset")
        })
    }

    fn last(&self) -> usize {
        self.alphas_cumprod.len() - 1
    }
}

/// Which training timesteps a run visits (table 2 of arXiv 2305.08891).
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Spacing {
    Linspace,
    Leading,
    Trailing,
}

impl Spacing {
    /// `steps` timesteps, high to low: the listed ones, or integers, but for `Linspace`, which the caller may round.
    ///
    /// # Errors
    /// An option is wrong.
    pub(super) fn timesteps(self, options: &Options, steps: usize) -> Result<Vec<f64>> {
        if let Some(listed) = options.timesteps() {
            return Ok(listed.to_vec());
        }
        Ok(self.spread(options.get("num_train_timesteps")?, options.get("steps_offset")?, steps))
    }

    /// The same over the first `train` timesteps (all of them, as a rule).
    pub(super) fn spread(self, train: usize, offset: i32, steps: usize) -> Vec<f64> {
        match self {
            Self::Linspace => linspace_f64(0.0, train as f64 - 1.0, steps).into_iter().rev().collect(),
            Self::Leading => (0..steps).rev().map(|i| (i * (train / steps)) as f64 + f64::from(offset)).collect(),
            Self::Trailing => trailing(train, train, steps),
        }
    }
}

/// `round(arange(last, 0, -train / steps)) - 1`. For some step counts (61 of 1000) rounding makes numpy's `arange` one too
/// long, and Diffusers visits timestep -1; that one is left out.
pub(super) fn trailing(last: usize, train: usize, steps: usize) -> Vec<f64> {
    let start = last as f64;
    // numpy steps by the difference of the first two values.
    let delta = (start - train as f64 / steps as f64) - start;
    let timesteps = (0..steps).map(|i| (start + i as f64 * delta).round_ties_even() - 1.0);
    timesteps.take_while(|timestep| *timestep >= 0.0).collect()
}

/// numpy's `linspace`.
pub(super) fn linspace_f64(start: f64, stop: f64, count: usize) -> Vec<f64> {
    let step = (stop - start) / (count as f64 - 1.0);
    let mut values: Vec<f64> = (0..count).map(|i| if i == 0 { start } else { i as f64 * step + start }).collect();
    if let [_, .., last] = values.as_mut_slice() {
        *last = stop;
    }
    values
}

/// torch's `linspace`: from both ends to the middle, with fused multiply-adds.
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

/// One beta a training timestep.
fn betas(options: &Options, count: usize) -> Result<Vec<f32>> {
    if let Some(betas) = options.get::<Option<Vec<f32>>>("trained_betas")? {
        return if betas.len() == count {
            Ok(betas)
        } else {
            let message = format!("trained_betas has {} values, and num_train_timesteps is {count}", betas.len());
            Err(Error::new(message))
        };
    }
    let (start, end): (f64, f64) = (options.get("beta_start")?, options.get("beta_end")?);
    Ok(match options.get("beta_schedule")? {
        BetaSchedule::Linear => linspace_f32(start, end, count),
        BetaSchedule::ScaledLinear => {
            linspace_f32(start.sqrt(), end.sqrt(), count).into_iter().map(|root| root * root).collect()
        }
        BetaSchedule::SquaredcosCapV2 => betas_for_alpha_bar(count, cosine_alpha_bar),
        BetaSchedule::Laplace => betas_for_alpha_bar(count, laplace_alpha_bar),
        BetaSchedule::Sigmoid => {
            let sigmoid = |x: f32| 1.0 / (1.0 + (-x).exp());
            let (width, start) = ((end - start) as f32, start as f32);
            linspace_f32(-6.0, 6.0, count).into_iter().map(|x| sigmoid(x) * width + start).collect()
        }
    })
}

/// Diffusers' `betas_for_alpha_bar`: the betas whose products run as `alpha_bar` does over [0, 1].
fn betas_for_alpha_bar(count: usize, alpha_bar: fn(f64) -> f64) -> Vec<f32> {
    let beta = |i: usize| {
        let (from, to) = (i as f64 / count as f64, (i + 1) as f64 / count as f64);
        (1.0 - alpha_bar(to) / alpha_bar(from)).min(0.999) as f32
    };
    (0..count).map(beta).collect()
}

/// Improved DDPM (arXiv 2102.09672), equation 17.
fn cosine_alpha_bar(t: f64) -> f64 {
    ((t + 0.008) / 1.008 * FRAC_PI_2).cos().powi(2)
}

/// Diffusers' `laplace` (arXiv 2407.03297).
fn laplace_alpha_bar(t: f64) -> f64 {
    let log_snr = -0.5 * (0.5 - t).signum() * (1.0 - 2.0 * (0.5 - t).abs() + 1e-6).ln();
    let snr = log_snr.exp();
    (snr / (1.0 + snr)).sqrt()
}

/// Shifts and scales the schedule so that nothing of the signal is left at its end (arXiv 2305.08891, algorithm 1).
fn rescale_zero_terminal_snr(betas: &[f32]) -> Vec<f32> {
    let mut roots: Vec<f32> = alphas_cumprod(betas).into_iter().map(f32::sqrt).collect();
    let (Some(&first), Some(&last)) = (roots.first(), roots.last()) else { return Vec::new() };
    for root in &mut roots {
        *root = (*root - last) * (first / (first - last));
    }
    let squares: Vec<f32> = roots.into_iter().map(|root| root * root).collect();
    let ratios = squares.windows(2).map(|pair| pair[1] / pair[0]);
    squares.iter().take(1).copied().chain(ratios).map(|alpha| 1.0 - alpha).collect()
}

/// torch multiplies up in f64 and keeps each product in f32.
fn alphas_cumprod(betas: &[f32]) -> Vec<f32> {
    let product = |product: &mut f64, beta: &f32| {
        *product *= f64::from(1.0 - beta);
        Some(*product as f32)
    };
    betas.iter().scan(1.0, product).collect()
}
