//! The meaning of a model's output: what it predicts, and the clean sample and the noise that follow from it.

use serde::Deserialize;

use super::level::{Mix, NoiseLevel};
use super::options::SchedulerOptions;
use crate::base::error::{Error, Result};

/// The option `prediction_type`: what the model was trained to predict.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Prediction {
    /// The noise.
    Epsilon,
    /// The clean sample.
    #[serde(alias = "original_sample")]
    Sample,
    /// The mixture of both in arXiv 2202.00512, appendix D.
    #[serde(rename = "v_prediction")]
    Velocity,
}

impl Prediction {
    /// Reads the option `prediction_type`.
    ///
    /// # Errors
    /// It is unknown.
    pub(super) fn new(options: &SchedulerOptions) -> Result<Self> {
        options.get("prediction_type")
    }

    /// Reads it for the classes that have no `sample` prediction in Diffusers.
    ///
    /// # Errors
    /// It is unknown, or `sample`.
    pub(super) fn without_sample(options: &SchedulerOptions) -> Result<Self> {
        match Self::new(options)? {
            Self::Sample => Err(options.refuse("prediction_type", "it needs epsilon or v_prediction")),
            prediction => Ok(prediction),
        }
    }

    /// The clean sample, from the noisy one and the model's output.
    pub(super) fn original(self, at: NoiseLevel) -> Mix {
        match self {
            Self::Epsilon => Mix { sample: 1.0 / at.signal, other: -at.noise / at.signal },
            Self::Sample => Mix { sample: 0.0, other: 1.0 },
            Self::Velocity => Mix { sample: at.signal, other: -at.noise },
        }
    }

    /// The clean sample where samples are `clean + sigma * normal`.
    pub(super) fn original_by_sigma(self, sigma: f64) -> Mix {
        let square = sigma * sigma + 1.0;
        match self {
            Self::Epsilon => Mix { sample: 1.0, other: -sigma },
            Self::Sample => Mix { sample: 0.0, other: 1.0 },
            Self::Velocity => Mix { sample: 1.0 / square, other: -sigma / square.sqrt() },
        }
    }

    /// The noise, from the noisy sample and the model's output.
    pub(super) fn epsilon(self, at: NoiseLevel) -> Mix {
        match self {
            Self::Epsilon => Mix { sample: 0.0, other: 1.0 },
            Self::Sample => Mix { sample: 1.0 / at.noise, other: -at.signal / at.noise },
            Self::Velocity => Mix { sample: at.noise, other: at.signal },
        }
    }

    /// Checks that the clean sample can be computed from the model's output at a level.
    ///
    /// # Errors
    /// The level has no signal (`rescale_betas_zero_snr`), and the model predicts the noise.
    pub(super) fn check(self, at: NoiseLevel) -> Result<()> {
        if self == Self::Epsilon && at.signal <= 0.0 {
            return Err(Error::new(
                "A schedule that starts from zero signal (rescale_betas_zero_snr) can't be used with \
                 prediction_type = \"epsilon\"",
            ));
        }
        Ok(())
    }
}
