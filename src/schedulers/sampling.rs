//! The wishes for a sampler beyond its kind and the checkpoint's config: the arguments of Diffusers'
//! `set_timesteps` and `step`, and the spread of the noise levels.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::config::SchedulerConfig;
use crate::base::error::{Error, Result};
use crate::base::units::number_text;

/// The wishes for a sampler beyond its kind and the checkpoint's config.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SamplingOptions {
    /// The spread of the noise levels over the steps; `None` leaves it to the sampler and the checkpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sigma_schedule: Option<SigmaSchedule>,
    /// Diffusers' `eta`, 0 to 1: the share of fresh noise in each step of DDIM and TCD.
    #[serde(skip_serializing_if = "is_zero")]
    pub eta: f64,
    /// The timesteps to visit, falling, instead of those that the number of steps gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timesteps: Option<Vec<f64>>,
    /// The noise levels to visit, falling, instead of those that the number of steps gives. As in Diffusers, a list for
    /// Euler ends with the level that the last step goes to (usually 0), and a list for flow matching, which always
    /// goes to 0, leaves it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sigmas: Option<Vec<f64>>,
}

impl SamplingOptions {
    /// Returns whether nothing is asked, so that a request can leave it out.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Checks everything that doesn't depend on the sampler.
    ///
    /// # Errors
    /// `eta` is not from 0 to 1, timesteps or sigmas don't fall or are below 0, or both are given.
    pub fn validate(&self) -> Result<()> {
        if !(0.0..=1.0).contains(&self.eta) {
            return Err(Error::new(format!("eta must be from 0 to 1, not {}", number_text(self.eta))));
        }
        if self.timesteps.is_some() && self.sigmas.is_some() {
            return Err(Error::new("timesteps and sigmas can't both be given")
                .advise("Each says which levels of noise are visited: leave one out"));
        }
        falling("timesteps", self.timesteps.as_deref())?;
        falling("sigmas", self.sigmas.as_deref())
    }
}

/// Checks that a list of levels falls and that none is below 0.
fn falling(name: &str, values: Option<&[f64]>) -> Result<()> {
    let Some(values) = values else { return Ok(()) };
    if values.is_empty() {
        return Err(Error::new(format!("The list of {name} is empty")));
    }
    if let Some(wrong) = values.iter().find(|value| !(value.is_finite() && **value >= 0.0)) {
        return Err(Error::new(format!("The {name} must be numbers from 0 up, and one is {wrong}")));
    }
    match values.windows(2).find(|pair| pair[0] <= pair[1]) {
        Some(pair) => Err(Error::new(format!(
            "The {name} must fall, and {} comes after {}",
            number_text(pair[1]),
            number_text(pair[0])
        ))),
        None => Ok(()),
    }
}

/// Returns whether a number is 0, for serde.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

/// A way to spread noise levels over the steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SigmaSchedule {
    /// By the timesteps: no spread of their own.
    Uniform,
    /// By equation 5 of Karras and others, 2022 (arXiv 2206.00364).
    Karras,
    /// Evenly in the logarithm.
    Exponential,
    /// By the quantiles of a beta distribution (arXiv 2407.12173).
    Beta,
    /// Evenly in half the logarithm of the signal-to-noise ratio (Lu and others, 2022).
    Lu,
}

/// The options of Diffusers' classes that switch a schedule on.
pub(super) const SWITCHES: [(SigmaSchedule, &str); 4] = [
    (SigmaSchedule::Karras, "use_karras_sigmas"),
    (SigmaSchedule::Exponential, "use_exponential_sigmas"),
    (SigmaSchedule::Beta, "use_beta_sigmas"),
    (SigmaSchedule::Lu, "use_lu_lambdas"),
];

/// The option of EDM's classes that names the schedule, and the schedules that it can name.
const NAMED: (&str, [SigmaSchedule; 2]) = ("sigma_schedule", [SigmaSchedule::Karras, SigmaSchedule::Exponential]);

impl SigmaSchedule {
    /// Every schedule, in the order of the menus.
    pub const ALL: [Self; 5] = [Self::Uniform, Self::Karras, Self::Exponential, Self::Beta, Self::Lu];

    /// The name for the command line and recipes, e.g. `karras`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Karras => "karras",
            Self::Exponential => "exponential",
            Self::Beta => "beta",
            Self::Lu => "lu",
        }
    }

    /// The name for menus, e.g. "Karras".
    pub fn label(self) -> &'static str {
        match self {
            Self::Uniform => "Uniform",
            Self::Karras => "Karras",
            Self::Exponential => "Exponential",
            Self::Beta => "Beta",
            Self::Lu => "Lu",
        }
    }

    /// The schedules that a class with these options has.
    pub(super) fn of_class(defaults: &SchedulerConfig) -> Vec<Self> {
        Self::ALL.into_iter().filter(|schedule| schedule.overrides(defaults).is_some()).collect()
    }

    /// The schedule that these values switch on, if any.
    pub(super) fn switched_on(values: &SchedulerConfig) -> Option<Self> {
        let is_on = |key: &str| values.get(key) == Some(&Value::Bool(true));
        SWITCHES.iter().find(|(_, key)| is_on(key)).map(|(schedule, _)| *schedule)
    }

    /// The values by which a class with these options gets this schedule; `None` if it has no such option.
    pub(super) fn overrides(self, defaults: &SchedulerConfig) -> Option<SchedulerConfig> {
        let (option, named) = NAMED;
        if defaults.contains_key(option) {
            return named.contains(&self).then(|| [(option.to_owned(), self.name().into())].into_iter().collect());
        }
        let switches = SWITCHES.iter().filter(|(_, key)| defaults.contains_key(*key));
        if self == Self::Uniform {
            return Some(switches.map(|(_, key)| ((*key).to_owned(), false.into())).collect());
        }
        let mut switches = switches.filter(|(schedule, _)| *schedule == self);
        switches.next().map(|(_, key)| [((*key).to_owned(), true.into())].into_iter().collect())
    }
}

impl fmt::Display for SigmaSchedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for SigmaSchedule {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|schedule| schedule.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Error::new(format!("There is no sigma schedule {name:?}")).advise(format!("Choose one of {names}"))
        })
    }
}
