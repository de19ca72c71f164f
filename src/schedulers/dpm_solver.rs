//! What the multistep and the singlestep form of DPM-Solver (arXiv 2206.00927) and DPM-Solver++ (arXiv 2211.01095)
//! share: the exact solution of a step, of which both use the first terms.

use serde::Deserialize;

use super::levels::NoiseLevels;
use super::options::SchedulerOptions;
use super::solver_levels::LastLevel;
use super::stepper::Solves;
use crate::base::error::Result;

/// The option `algorithm_type`.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub(super) enum DpmAlgorithm {
    #[serde(rename = "dpmsolver")]
    Dpm,
    #[serde(rename = "dpmsolver++", alias = "deis")]
    DpmPlusPlus,
    #[serde(rename = "sde-dpmsolver")]
    SdeDpm,
    #[serde(rename = "sde-dpmsolver++")]
    SdeDpmPlusPlus,
}

/// The option `solver_type`: the form of the second order. DEIS and UniPC have types of their own, which Diffusers
/// reads as midpoint.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum DpmSolverType {
    #[serde(alias = "logrho", alias = "bh1", alias = "bh2")]
    Midpoint,
    Heun,
}

/// The exact solution of a step over `h` in lambda, half the logarithm of the signal-to-noise ratio: what all orders
/// have in common.
pub(super) struct ExactStep {
    /// The coefficient of the sample.
    pub(super) sample: f64,
    /// The coefficient of the outputs.
    scale: f64,
    /// `exp(distance) - 1`.
    growth: f64,
    distance: f64,
    /// The coefficient of fresh noise.
    pub(super) noise: f64,
}

impl ExactStep {
    /// The coefficient of the output at the start of the step.
    pub(super) fn constant(&self) -> f64 {
        -self.scale * self.growth
    }

    /// The coefficient of the outputs' slope over the whole step, in the second order's form.
    pub(super) fn midpoint(&self) -> f64 {
        0.5 * self.constant()
    }

    /// The coefficient of the outputs' slope over the whole step, from the integral.
    pub(super) fn slope(&self) -> f64 {
        -self.scale * (self.growth / self.distance - 1.0)
    }

    /// The coefficient of the outputs' second derivative, times the square of the step.
    pub(super) fn bend(&self, algorithm: DpmAlgorithm) -> f64 {
        // Diffusers has the opposite sign of 1/2 for its stochastic third order, and so its pictures have.
        let half = if algorithm == DpmAlgorithm::SdeDpmPlusPlus { -0.5 } else { 0.5 };
        -self.scale * ((self.growth - self.distance) / (self.distance * self.distance) - half)
    }
}

impl DpmAlgorithm {
    /// Returns whether it adds fresh noise in each step.
    pub(super) fn is_stochastic(self) -> bool {
        matches!(self, Self::SdeDpm | Self::SdeDpmPlusPlus)
    }

    /// The quantity that it computes with.
    pub(super) fn solves(self) -> Solves {
        match self {
            Self::DpmPlusPlus | Self::SdeDpmPlusPlus => Solves::CleanSamples,
            Self::Dpm | Self::SdeDpm => Solves::Noises,
        }
    }

    /// The exact solution of a step from one level of a run to another.
    pub(super) fn exact(self, levels: &NoiseLevels, from: usize, to: usize) -> ExactStep {
        let h = levels.lambda(to) - levels.lambda(from);
        let (from, to) = (levels.at(from), levels.at(to));
        let exact = |sample, scale, distance: f64, noise| ExactStep {
            sample,
            scale,
            growth: distance.exp_m1(),
            distance,
            noise,
        };
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

/// Refuses what neither sampler can do, and gives the order.
///
/// # Errors
/// An option is wrong, or asks for that.
pub(super) fn refuse_what_we_lack(
    options: &SchedulerOptions,
    algorithm: DpmAlgorithm,
    end: LastLevel,
) -> Result<usize> {
    options.refuse_flow_matching(&["use_flow_sigmas"])?;
    options.refuse_learned_variance()?;
    let order = options.order("solver_order")?;
    if end == LastLevel::Zero && algorithm.solves() == Solves::Noises {
        return Err(options.refuse("final_sigmas_type", "this algorithm_type needs sigma_min"));
    }
    Ok(order)
}
