//! The options that a sampler has in force, and where each comes from.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::config::SchedulerConfig;
use super::kind::SchedulerKind;
use super::sampling::SamplingOptions;

/// An option in force. It is displayed as `beta_end = 0.012`, with its origin if that isn't the checkpoint's file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Setting {
    /// Its name in Diffusers.
    pub key: String,
    /// Its value.
    pub value: Value,
    /// The origin of its value.
    pub origin: Origin,
}

/// The origin of an option's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The checkpoint's `scheduler_config.json`.
    Checkpoint,
    /// The default of the class: the checkpoint doesn't have it.
    Default,
    /// The sampler that was chosen, or the sigma schedule.
    Sampler,
    /// The checkpoint's file, but this class has no such option.
    Unused,
}

impl SchedulerKind {
    /// The options in force when [`Self::build`] is given the same, sorted by key as Diffusers prints them. What the
    /// file says of itself (`_class_name` and the like) is left out.
    pub fn settings(self, config: &SchedulerConfig, sampling: &SamplingOptions) -> Vec<Setting> {
        let (defaults, overrides) = (self.class().defaults(), self.overrides_for(sampling));
        let origin = |key: &str| {
            if overrides.contains_key(key) {
                Origin::Sampler
            } else if !defaults.contains_key(key) {
                Origin::Unused
            } else if config.contains_key(key) {
                Origin::Checkpoint
            } else {
                Origin::Default
            }
        };
        let options = self.options(config, sampling).into_config().into_iter();
        let options = options.filter(|(key, _)| !key.starts_with('_'));
        options.map(|(key, value)| Setting { origin: origin(&key), key, value }).collect()
    }
}

impl Origin {
    /// The word for it; empty for the checkpoint's file.
    pub fn label(self) -> &'static str {
        match self {
            Self::Checkpoint => "",
            Self::Default => "default",
            Self::Sampler => "sampler",
            Self::Unused => "unused",
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, value, origin } = self;
        match origin.label() {
            "" => write!(f, "{key} = {value}"),
            origin => write!(f, "{key} = {value} ({origin})"),
        }
    }
}
