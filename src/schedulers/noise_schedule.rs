//! The noise schedule that a model was trained on.
//!
//! Its table is computed in the precision that Diffusers has it in (f32, products in f64), since some samplers take
//! differences of neighbours.

use std::f64::consts::FRAC_PI_2;

use serde::Deserialize;

use super::level::{LEAST_SIGNAL, NoiseLevel};
use super::options::SchedulerOptions;
use super::prediction::Prediction;
use super::spacing::linspace_f32;
use crate::base::error::{Error, Result};

/// The most training timesteps that a file may say: more than any model has.
const MOST_TRAIN_TIMESTEPS: usize = 100_000;

/// The noise schedule of a trained model: the signal that is left at each training timestep.
#[derive(Clone)]
pub(super) struct NoiseSchedule {
    /// Cumulative products of 1 - beta, one for each training timestep: falling, within [0, 1).
    pub(super) alphas_cumprod: Vec<f32>,
}

/// The option `beta_schedule`: how betas run over the training timesteps.
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
    /// Makes the noise schedule that the options describe.
    ///
    /// # Errors
    /// An option is wrong, or the betas are not those of a noise schedule.
    pub(super) fn new(options: &SchedulerOptions) -> Result<Self> {
        let count: usize = options.get("num_train_timesteps")?;
        if !(1..=MOST_TRAIN_TIMESTEPS).contains(&count) {
            return Err(options.refuse("num_train_timesteps", "that is no number of training steps"));
        }
        let mut betas = betas(options, count)?;
        if options.flag("rescale_betas_zero_snr") {
            betas = rescale_zero_terminal_snr(&betas);
        }
        let alphas_cumprod = alphas_cumprod(&betas);
        let within = betas.iter().all(|beta| (0.0..=1.0).contains(beta));
        if within && alphas_cumprod.iter().all(|alpha| *alpha < 1.0) {
            return Ok(Self { alphas_cumprod });
        }
        Err(Error::new("The scheduler's betas (beta_start, beta_end, trained_betas) are not all between 0 and 1"))
    }

    /// Makes the noise schedule for samplers that divide by the signal, of which `rescale_betas_zero_snr` leaves
    /// nothing at the end.
    ///
    /// # Errors
    /// As for [`Self::new`].
    pub(super) fn with_some_signal(options: &SchedulerOptions) -> Result<Self> {
        let mut schedule = Self::new(options)?;
        if let (true, Some(last)) = (options.flag("rescale_betas_zero_snr"), schedule.alphas_cumprod.last_mut()) {
            *last = LEAST_SIGNAL;
        }
        Ok(schedule)
    }

    /// Signal and noise at a training timestep.
    ///
    /// # Errors
    /// `timestep` is not one that the model was trained on.
    pub(super) fn level(&self, timestep: f64) -> Result<NoiseLevel> {
        Ok(NoiseLevel::from_alpha_cumprod(self.alpha_cumprod(timestep)?))
    }

    /// Signal and noise at the timesteps of a run, of a model that predicts this.
    ///
    /// # Errors
    /// A timestep is not one that the model was trained on, or nothing can be told from the model's output there.
    pub(super) fn levels(&self, timesteps: &[f64], prediction: Prediction) -> Result<Vec<NoiseLevel>> {
        let level = |timestep: &f64| {
            let level = self.level(*timestep)?;
            prediction.check(level)?;
            Ok(level)
        };
        timesteps.iter().map(level).collect()
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

/// One beta for each training timestep.
fn betas(options: &SchedulerOptions, count: usize) -> Result<Vec<f32>> {
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

/// The cosine schedule: equation 17 of Improved DDPM (arXiv 2102.09672).
fn cosine_alpha_bar(t: f64) -> f64 {
    ((t + 0.008) / 1.008 * FRAC_PI_2).cos().powi(2)
}

/// The Laplace schedule of Diffusers (arXiv 2407.03297).
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

/// The cumulative products of 1 - beta: as torch does, computed in f64, with each product kept in f32.
fn alphas_cumprod(betas: &[f32]) -> Vec<f32> {
    let product = |product: &mut f64, beta: &f32| {
        *product *= f64::from(1.0 - beta);
        Some(*product as f32)
    };
    betas.iter().scan(1.0, product).collect()
}
