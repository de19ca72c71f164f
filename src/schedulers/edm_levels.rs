//! The levels of a run of EDM's own models (arXiv 2206.00364, table 1): sigmas, and the preconditioning of the model's
//! input and output.

use serde::Deserialize;

use super::level::NoiseLevel;
use super::levels::{NoiseLevels, Space};
use super::options::SchedulerOptions;
use super::prediction::Prediction;
use super::sigmas::round_to_f32;
use super::solver_levels::LastLevel;
use super::spacing::{linspace_f32, linspace_f64};
use crate::base::error::Result;

/// The option `sigma_schedule`: how sigmas are spread over the steps.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum EdmSpread {
    /// By equation 5.
    Karras,
    /// Even in their logarithms.
    Exponential,
}

/// The levels that the options ask for. With `in_f32`, Karras sigmas are computed in f32 throughout, as one of
/// Diffusers' classes does, which shows in the picture.
///
/// # Errors
/// An option is wrong.
pub(super) fn edm_levels(
    options: &SchedulerOptions,
    steps: usize,
    end: LastLevel,
    in_f32: bool,
) -> Result<NoiseLevels> {
    let (min, max): (f64, f64) = (options.get("sigma_min")?, options.get("sigma_max")?);
    if !(0.0 < min && min < max && max.is_finite()) {
        return Err(options.refuse("sigma_min", "it must be between 0 and sigma_max"));
    }
    let sigma_data = options.get("sigma_data")?;
    if sigma_data <= 0.0 {
        return Err(options.refuse("sigma_data", "it must be positive"));
    }
    let rho: f64 = options.get("rho")?;
    if !(rho.is_finite() && rho > 0.0) {
        return Err(options.refuse("rho", "it must be positive"));
    }
    let mut sigmas: Vec<f64> = match options.get("sigma_schedule")? {
        EdmSpread::Karras => {
            let (min_root, max_root) = (min.powf(rho.recip()), max.powf(rho.recip()));
            let (start, fall) = (max_root, min_root - max_root);
            let roots: Vec<f64> = if in_f32 {
                let root = |ramp: f32| f64::from(start as f32 + ramp * fall as f32);
                linspace_f32(0.0, 1.0, steps).into_iter().map(root).collect()
            } else {
                linspace_f64(0.0, 1.0, steps).into_iter().map(|ramp| start + ramp * fall).collect()
            };
            roots.into_iter().map(|root| round_to_f32(root.powf(rho))).collect()
        }
        EdmSpread::Exponential => {
            let logs = linspace_f32(min.ln(), max.ln(), steps).into_iter().rev();
            logs.map(|log| round_to_f32(f64::from(log).exp())).collect()
        }
    };
    // A quarter of sigma's logarithm each.
    let timesteps = sigmas.iter().map(|sigma| 0.25 * round_to_f32(sigma.ln())).collect();
    sigmas.push(match end {
        LastLevel::Zero => 0.0,
        LastLevel::TrainMin => round_to_f32(min),
        LastLevel::SpreadMin => sigmas.last().copied().unwrap_or_default(),
    });
    let space = Space::Edm { init_noise_sigma: (max * max + 1.0).sqrt(), sigma_data };
    let levels = sigmas.into_iter().map(NoiseLevel::of_full_signal).collect();
    Ok(NoiseLevels::new(space, Prediction::without_sample(options)?, timesteps, levels))
}
