//! What a user asks of a sampler beyond its kind.

use serde::{Deserialize, Serialize};

/// What a user asks of a sampler beyond its kind and the checkpoint's config.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SamplingOptions {
    /// How the noise levels are spread over the steps; `None` leaves it to the sampler and the checkpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sigma_schedule: Option<SigmaSchedule>,
    /// Diffusers' `eta`, 0 to 1: how much noise DDIM and TCD add back at each step.
    #[serde(skip_serializing_if = "is_zero")]
    pub eta: f64,
    /// The timesteps to visit, falling, instead of those that the number of steps gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timesteps: Option<Vec<f64>>,
    /// The noise levels to visit, falling, instead of those that the number of steps gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sigmas: Option<Vec<f64>>,
}

impl SamplingOptions {
    /// For serde: whether a request needn't say it.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// For serde.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

impl SigmaSchedule {
    /// All of them, in the order of menus.
    pub const ALL: [Self; 5] = [Self::Uniform, Self::Karras, Self::Exponential, Self::Beta, Self::Lu];

    /// Its name, for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Uniform => "Uniform",
            Self::Karras => "Karras",
            Self::Exponential => "Exponential",
            Self::Beta => "Beta",
            Self::Lu => "Lu",
        }
    }
}

/// How noise levels are spread over the steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SigmaSchedule {
    /// Where the timesteps fall: no spread of their own.
    Uniform,
    /// Karras and others, 2022 (arXiv 2206.00364, equation 5).
    Karras,
    /// Evenly in the logarithm.
    Exponential,
    /// By the quantiles of a beta distribution (arXiv 2407.12173).
    Beta,
    /// Evenly in half the logarithm of the signal-to-noise ratio (Lu and others, 2022).
    Lu,
}
