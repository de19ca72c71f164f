//! What DPM-Solver (arXiv 2206.00927) and DPM-Solver++ (arXiv 2211.01095) are, be it with the outputs of earlier steps or
//! with those within a step: the exact solution of a step, of which both take the first terms.

use serde::Deserialize;

use super::levels::End;
use super::options::Options;
use super::prediction::{Level, Solves};
use crate::base::error::Result;

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub(super) enum Algorithm {
    #[serde(rename = "dpmsolver")]
    Dpm,
    #[serde(rename = "dpmsolver++", alias = "deis")]
    DpmPlusPlus,
    #[serde(rename = "sde-dpmsolver")]
    SdeDpm,
    #[serde(rename = "sde-dpmsolver++")]
    SdeDpmPlusPlus,
}

/// The second order's form. DEIS and UniPC have types of their own, which Diffusers reads as midpoint.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum SolverType {
    #[serde(alias = "logrho", alias = "bh1", alias = "bh2")]
    Midpoint,
    Heun,
}

/// The exact solution of a step over `h` in lambda, half the logarithm of the signal-to-noise ratio: what all orders have
/// in common.
pub(super) struct Exact {
    /// The coefficient of the sample.
    pub(super) sample: f64,
    /// That of the outputs, `exp(distance) - 1` and the distance in it.
    scale: f64,
    growth: f64,
    distance: f64,
    /// The coefficient of fresh noise.
    pub(super) noise: f64,
}

impl Exact {
    /// On the output at the start of the step.
    pub(super) fn constant(&self) -> f64 {
        -self.scale * self.growth
    }

    /// On the outputs' slope, by the whole step, in the second order's form.
    pub(super) fn midpoint(&self) -> f64 {
        0.5 * self.constant()
    }

    /// The same as it comes of the integral.
    pub(super) fn slope(&self) -> f64 {
        -self.scale * (self.growth / self.distance - 1.0)
    }

    /// On the outputs' second derivative, by the square of the step.
    pub(super) fn bend(&self, algorithm: Algorithm) -> f64 {
        // Diffusers has the opposite sign of 1/2 for its stochastic third order, and so its pictures have.
        let half = if algorithm == Algorithm::SdeDpmPlusPlus { -0.5 } else { 0.5 };
        -self.scale * ((self.growth - self.distance) / (self.distance * self.distance) - half)
    }
}

impl Algorithm {
    pub(super) fn is_stochastic(self) -> bool {
        matches!(self, Self::SdeDpm | Self::SdeDpmPlusPlus)
    }

    pub(super) fn solves(self) -> Solves {
        match self {
            Self::DpmPlusPlus | Self::SdeDpmPlusPlus => Solves::CleanSamples,
            Self::Dpm | Self::SdeDpm => Solves::Noises,
        }
    }

    pub(super) fn exact(self, from: Level, to: Level, h: f64) -> Exact {
        let exact =
            |sample, scale, distance: f64, noise| Exact { sample, scale, growth: distance.exp_m1(), distance, noise };
        match self {
            Self::DpmPlusPlus => exact(to.noise / from.noise, to.signal, -h, 0.0),
            Self::Dpm => exact(to.signal / from.signal, to.noise, h, 0.0),
            Self::SdeDpmPlusPlus => {
                let noise = to.noise * (-(-2.0 * h).exp_m1()).sqrt();
                exact(to.noise / from.noise * (-h).exp(), to.signal, -2.0 * h, noise)
            }
            Self::SdeDpm => {
                let noise = to.noise * (2.0 * h).exp_m1().sqrt();
                exact(to.signal / from.signal, 2.0 * to.noise, h, noise)
            }
        }
    }
}

/// Refuses what neither sampler can do.
///
/// # Errors
/// An option is wrong, or asks for that.
pub(super) fn refuse_what_we_lack(options: &Options, algorithm: Algorithm, end: End, order: usize) -> Result<()> {
    if options.flag("use_flow_sigmas")? {
        return Err(options.refuse("use_flow_sigmas", "flow matching is not supported"));
    }
    if matches!(options.get::<Option<String>>("variance_type")?.as_deref(), Some("learned" | "learned_range")) {
        return Err(options.refuse("variance_type", "variances that the model predicts are not supported"));
    }
    if !(1..=3).contains(&order) {
        return Err(options.refuse("solver_order", "it must be 1, 2 or 3"));
    }
    if end == End::Zero && algorithm.solves() == Solves::Noises {
        return Err(options.refuse("final_sigmas_type", "this algorithm_type needs sigma_min"));
    }
    Ok(())
}
