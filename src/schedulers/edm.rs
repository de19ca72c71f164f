//! What the samplers of EDM's own models (arXiv 2206.00364, table 1) share: noise levels as sigma, and the
//! preconditioning of what such a model sees and says.

use burn::tensor::Tensor;
use serde::Deserialize;

use super::levels::End;
use super::options::Options;
use super::prediction::{Mix, Prediction};
use super::schedule::{linspace_f32, linspace_f64};
use super::sigmas::round_to_f32;
use crate::base::error::Result;

/// How sigmas run over the steps.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SigmaSchedule {
    /// Equation 5.
    Karras,
    /// Even in their logarithms.
    Exponential,
}

/// The steps of a run.
pub(super) struct EdmSteps {
    /// A quarter of sigma's logarithm each.
    pub(super) timesteps: Vec<f64>,
    /// One a step and what the last one goes to, rounded to f32 as Diffusers has them.
    pub(super) sigmas: Vec<f64>,
    sigma_max: f64,
    /// The standard deviation of clean samples.
    sigma_data: f64,
    prediction: Prediction,
}

impl EdmSteps {
    /// The steps that the options ask for. One of Diffusers' classes has Karras sigmas in f32 all the way, which shows.
    ///
    /// # Errors
    /// An option is wrong.
    pub(super) fn new(options: &Options, steps: usize, end: End, in_f32: bool) -> Result<Self> {
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
            SigmaSchedule::Karras => {
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
            SigmaSchedule::Exponential => {
                let logs = linspace_f32(min.ln(), max.ln(), steps).into_iter().rev();
                logs.map(|log| round_to_f32(f64::from(log).exp())).collect()
            }
        };
        let timesteps = sigmas.iter().map(|sigma| 0.25 * round_to_f32(sigma.ln())).collect();
        sigmas.push(match end {
            End::Zero => 0.0,
            End::TrainMin => round_to_f32(min),
            End::SpreadMin => sigmas.last().copied().unwrap_or_default(),
        });
        let prediction = Prediction::without_sample(options)?;
        Ok(Self { timesteps, sigmas, sigma_max: max, sigma_data, prediction })
    }

    /// The clean sample of step `i`, from the noisy one and the model's output.
    pub(super) fn original(&self, i: usize) -> Mix {
        let (sigma, data) = (self.sigmas[i], self.sigma_data);
        let square = sigma * sigma + data * data;
        let sign = if self.prediction == Prediction::Velocity { -1.0 } else { 1.0 };
        Mix { sample: data * data / square, other: sign * sigma * data / square.sqrt() }
    }

    pub(super) fn init_noise_sigma(&self) -> f64 {
        (self.sigma_max * self.sigma_max + 1.0).sqrt()
    }

    pub(super) fn scale_model_input(&self, sample: Tensor<4>, i: usize) -> Tensor<4> {
        let sigma = self.sigmas[i];
        sample / (sigma * sigma + self.sigma_data * self.sigma_data).sqrt()
    }

    pub(super) fn add_noise(&self, original: &Tensor<4>, noise: &Tensor<4>, i: usize) -> Tensor<4> {
        Mix { sample: 1.0, other: self.sigmas[i] }.of(original, noise)
    }
}
