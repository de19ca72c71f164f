//! Noise levels as sigma, the noise by the signal (Karras et al., arXiv 2206.00364): the sigmas of the training
//! timesteps, the ways to spread sigmas over a run, and the levels of a run of samples that are `clean + sigma *
//! normal`.

use serde::Deserialize;

use super::level::{LEAST_SIGNAL, NoiseLevel};
use super::levels::{NoiseLevels, Space};
use super::noise_schedule::NoiseSchedule;
use super::options::SchedulerOptions;
use super::prediction::Prediction;
use super::spacing::{Spacing, linspace_f32, linspace_f64};
use crate::base::error::{Error, Result};

/// Karras et al.'s rho.
const RHO: f64 = 7.0;

/// Both parameters of the beta distribution of arXiv 2407.12173.
const BETA_SHAPE: f64 = 0.6;

/// The sigmas of the training timesteps, low to high.
pub(super) struct TrainSigmas {
    sigmas: Vec<f32>,
    logs: Vec<f32>,
}

/// A spread of sigmas that doesn't depend on the timesteps.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Spread {
    /// Karras et al., equation 5.
    Karras,
    /// Even in their logarithms.
    Exponential,
    /// By the quantiles of a beta distribution (arXiv 2407.12173).
    Beta,
}

/// The option `final_sigmas_type`: what the last step goes to.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum FinalSigma {
    Zero,
    SigmaMin,
}

impl TrainSigmas {
    /// Makes the table of a noise schedule.
    ///
    /// # Errors
    /// No signal is left at some timestep.
    pub(super) fn new(schedule: &NoiseSchedule) -> Result<Self> {
        let sigma = |alpha: &f32| {
            // The root of 2^24 - 1 lies between two f32: torch gives the upper one, though the lower one is nearer.
            if alpha.to_bits() == LEAST_SIGNAL.to_bits() {
                LEAST_SIGNAL.sqrt().recip()
            } else {
                ((1.0 - alpha) / alpha).sqrt()
            }
        };
        let sigmas: Vec<f32> = schedule.alphas_cumprod.iter().map(sigma).collect();
        if !sigmas.iter().all(|sigma| sigma.is_finite()) {
            return Err(Error::new("The scheduler's betas leave no signal at the end, and this sampler needs some"));
        }
        let logs = sigmas.iter().map(|sigma| f64::from(*sigma).ln() as f32).collect();
        Ok(Self { sigmas, logs })
    }

    /// The sigma of a timestep, interpolated linearly (numpy's `interp`).
    pub(super) fn at(&self, timestep: f64) -> f64 {
        let last = self.sigmas.len() - 1;
        let below = (timestep.max(0.0) as usize).min(last);
        let (low, high) = (f64::from(self.sigmas[below]), f64::from(self.sigmas[(below + 1).min(last)]));
        low + (high - low) * (timestep - below as f64).clamp(0.0, 1.0)
    }

    /// The timestep of a sigma, interpolated linearly in the logarithm (Diffusers' `_sigma_to_t`).
    pub(super) fn timestep(&self, sigma: f64) -> f64 {
        let log = sigma.max(1e-10).ln();
        let highest = self.logs.len().saturating_sub(2);
        let below = self.logs.partition_point(|l| f64::from(*l) <= log).saturating_sub(1).min(highest);
        let (low, high) = (self.logs[below], self.logs[(below + 1).min(self.logs.len() - 1)]);
        // Diffusers computes this difference in f32.
        let weight = ((f64::from(low) - log) / f64::from(low - high)).clamp(0.0, 1.0);
        (1.0 - weight) * below as f64 + weight * (below + 1) as f64
    }

    /// The timesteps and sigmas that a run visits, spread as the options ask, without the sigma that the last step goes
    /// to.
    ///
    /// # Errors
    /// An option is wrong.
    pub(super) fn visited(&self, options: &SchedulerOptions, steps: usize) -> Result<(Vec<f64>, Vec<f64>)> {
        let timesteps = spaced(options, steps)?;
        let sigmas = timesteps.iter().map(|timestep| self.at(*timestep)).collect();
        self.spread(options, timesteps, sigmas)
    }

    /// Spreads the sigmas anew over their range, and finds their timesteps, if the options ask for it.
    ///
    /// # Errors
    /// An option is wrong.
    pub(super) fn spread(
        &self,
        options: &SchedulerOptions,
        timesteps: Vec<f64>,
        sigmas: Vec<f64>,
    ) -> Result<(Vec<f64>, Vec<f64>)> {
        let (Some(spread), Some(&max), Some(&min)) = (Spread::new(options)?, sigmas.first(), sigmas.last()) else {
            return Ok((timesteps, sigmas));
        };
        let sigmas = spread.sigmas(options, min, max, timesteps.len())?;
        Ok((sigmas.iter().map(|sigma| round_to_f32(self.timestep(*sigma))).collect(), sigmas))
    }

    pub(super) fn min(&self) -> f64 {
        self.sigmas.first().copied().map_or(0.0, f64::from)
    }

    pub(super) fn max(&self) -> f64 {
        self.sigmas.last().copied().map_or(0.0, f64::from)
    }

    /// Sigmas even in their logarithms, from the highest to the lowest: Euler's `log_linear`.
    pub(super) fn log_linear(&self, count: usize) -> Vec<f64> {
        let (max, min) = self.log_range();
        linspace_f32(max, min, count).into_iter().map(|log| f64::from(log.exp())).collect()
    }

    /// Sigmas even in their logarithms, in DPM-Solver's precision: `use_lu_lambdas` (arXiv 2206.00927, with Diffusers'
    /// rho of 1).
    pub(super) fn lu(&self, count: usize) -> Vec<f64> {
        let (max, min) = self.log_range();
        linspace_f64(0.0, 1.0, count).into_iter().map(|ramp| (max + ramp * (min - max)).exp()).collect()
    }

    fn log_range(&self) -> (f64, f64) {
        let log = |log: Option<&f32>| log.map_or(0.0, |log| f64::from(*log));
        (log(self.logs.last()), log(self.logs.first()))
    }
}

impl Spread {
    /// Reads which one the options ask for, if any.
    ///
    /// # Errors
    /// They ask for more than one.
    pub(super) fn new(options: &SchedulerOptions) -> Result<Option<Self>> {
        let asked = [
            ("use_karras_sigmas", Self::Karras),
            ("use_exponential_sigmas", Self::Exponential),
            ("use_beta_sigmas", Self::Beta),
        ];
        let mut spread = None;
        for (key, value) in asked {
            if options.flag(key) && spread.replace(value).is_some() {
                return Err(options.refuse(key, "another spread of the sigmas is asked for already"));
            }
        }
        Ok(spread)
    }

    /// Spreads `steps` sigmas from high to low; `sigma_min` and `sigma_max` of the options go before `min` and `max`.
    ///
    /// # Errors
    /// They are not a range of positive numbers.
    pub(super) fn sigmas(self, options: &SchedulerOptions, min: f64, max: f64, steps: usize) -> Result<Vec<f64>> {
        let min = options.get_carried::<Option<f64>>("sigma_min")?.unwrap_or(min);
        let max = options.get_carried::<Option<f64>>("sigma_max")?.unwrap_or(max);
        if !(0.0 < min && min <= max) {
            return Err(Error::new(format!(
                "The scheduler's sigmas can't run from {max} to {min} (sigma_max, sigma_min)"
            )));
        }
        let even = linspace_f64(0.0, 1.0, steps).into_iter();
        let (min_root, max_root) = (min.powf(RHO.recip()), max.powf(RHO.recip()));
        Ok(match self {
            Self::Karras => even.map(|ramp| (max_root + ramp * (min_root - max_root)).powf(RHO)).collect(),
            Self::Exponential => linspace_f64(max.ln(), min.ln(), steps).into_iter().map(f64::exp).collect(),
            Self::Beta => even.map(|ramp| min + beta_quantile(1.0 - ramp) * (max - min)).collect(),
        })
    }
}

/// The timesteps that the option `timestep_spacing` asks for, fractions in f32.
///
/// # Errors
/// An option is wrong.
pub(super) fn spaced(options: &SchedulerOptions, steps: usize) -> Result<Vec<f64>> {
    let spacing: Spacing = options.get("timestep_spacing")?;
    Ok(spacing.timesteps(options, steps)?.into_iter().map(round_to_f32).collect())
}

/// The quantile of the symmetric beta distribution of [`BETA_SHAPE`]: bisection on the series of the incomplete beta
/// function (DLMF 8.17.8), which is scaled so that its value in the middle is 1/2.
fn beta_quantile(probability: f64) -> f64 {
    let incomplete = |x: f64| {
        let term = |term: &mut f64, k: u8| {
            let value = *term;
            *term *= x * (2.0 * BETA_SHAPE + f64::from(k)) / (BETA_SHAPE + 1.0 + f64::from(k));
            Some(value)
        };
        (x * (1.0 - x)).powf(BETA_SHAPE) * (0..64).scan(1.0, term).sum::<f64>()
    };
    if probability > 0.5 {
        return 1.0 - beta_quantile(1.0 - probability);
    }
    let wanted = probability * 2.0 * incomplete(0.5);
    let (mut low, mut high) = (0.0, 0.5);
    for _ in 0..64 {
        let middle = f64::midpoint(low, high);
        if incomplete(middle) < wanted { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// The levels of a run that visits these sigmas, with samples that are `clean + sigma * normal`. `sigmas` has the one
/// that the last step goes to, and may have more.
///
/// # Errors
/// They don't fall.
pub(super) fn sigma_levels(
    timesteps: Vec<f64>,
    sigmas: &[f64],
    spacing: Spacing,
    prediction: Prediction,
) -> Result<NoiseLevels> {
    let sigmas: Vec<f64> = sigmas.iter().copied().map(round_to_f32).take(timesteps.len() + 1).collect();
    let last = sigmas.len().saturating_sub(1);
    if !(sigmas.is_sorted_by(|a, b| a >= b) && sigmas.iter().take(last).all(|sigma| *sigma > 0.0)) {
        return Err(Error::new("The scheduler's options give noise levels that don't fall from step to step"));
    }
    let max = sigmas.first().copied().unwrap_or_default();
    let init_noise_sigma = match spacing {
        Spacing::Linspace | Spacing::Trailing => max,
        Spacing::Leading => (max * max + 1.0).sqrt(),
    };
    let levels = sigmas.into_iter().map(NoiseLevel::of_full_signal).collect();
    Ok(NoiseLevels::new(Space::Sigma { init_noise_sigma }, prediction, timesteps, levels))
}

/// Rounds to f32, which Diffusers' tables of sigmas are in.
pub(super) fn round_to_f32(value: f64) -> f64 {
    f64::from(value as f32)
}
