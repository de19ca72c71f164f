//! The change of a checkpoint's options when another sampler takes them over, as `X.from_config(pipe.scheduler.config)`
//! does.

use serde::Serialize;
use serde_json::Value;

use super::config::SchedulerConfig;
use super::kind::SchedulerKind;
use super::sampling::SamplingOptions;
use super::settings::{Origin, Setting};

/// An option that at least one of two samplers has.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Swapped {
    /// Its name in Diffusers.
    pub key: String,
    /// Its value in the checkpoint's own sampler; `None` if that has no such option.
    pub before: Option<Value>,
    /// Its value in the other sampler; `None` if that has no such option.
    pub after: Option<Value>,
    /// Its change.
    pub fate: Fate,
}

/// The change of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It has another value.
    Changed,
    /// Only the other sampler has it.
    New,
    /// The other sampler has no such option.
    Dropped,
    /// It is the same.
    Kept,
}

impl Fate {
    /// All changes, the most important first.
    pub const ALL: [Self; 4] = [Self::Changed, Self::New, Self::Dropped, Self::Kept];

    /// The heading of such options.
    pub fn label(self) -> &'static str {
        match self {
            Self::Changed => "Changed",
            Self::New => "New",
            Self::Dropped => "Dropped",
            Self::Kept => "Kept",
        }
    }
}

impl SchedulerKind {
    /// Compares the options of `config`'s own sampler with those of this one in its place, sorted by key. If the own
    /// one is unknown, everything that the file says counts as its options.
    pub fn swapped_in(self, config: &SchedulerConfig) -> Vec<Swapped> {
        let in_force = |kind: Self| {
            let settings = kind.settings(config, &SamplingOptions::default()).into_iter();
            settings.filter(|setting| setting.origin != Origin::Unused)
        };
        let value = |Setting { key, value, .. }| (key, value);
        let before: SchedulerConfig = match Self::from_config(config) {
            Ok(own) => in_force(own).map(value).collect(),
            Err(_) => config.clone().into_iter().filter(|(key, _)| !key.starts_with('_')).collect(),
        };
        let after: SchedulerConfig = in_force(self).map(value).collect();
        let mut keys: Vec<&String> =
            before.keys().chain(after.keys().filter(|key| !before.contains_key(*key))).collect();
        keys.sort();
        keys.into_iter()
            .map(|key| {
                let (before, after) = (before.get(key).cloned(), after.get(key).cloned());
                let fate = match (&before, &after) {
                    (Some(before), Some(after)) if before == after => Fate::Kept,
                    (Some(_), Some(_)) => Fate::Changed,
                    (None, _) => Fate::New,
                    (_, None) => Fate::Dropped,
                };
                Swapped { key: key.clone(), before, after, fate }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schedulers::config::object;

    #[test]
    fn a_swap_tells_what_changes_what_is_new_and_what_is_dropped() {
        // As Stable Diffusion 1.5 has it on the Hub.
        let config = object(json!({
            "_class_name": "PNDMScheduler", "beta_end": 0.012, "beta_schedule": "scaled_linear", "beta_start": 0.00085,
            "num_train_timesteps": 1000, "set_alpha_to_one": false, "skip_prk_steps": true, "steps_offset": 1,
            "trained_betas": null, "clip_sample": false,
        }));
        let euler = SchedulerKind::from_name("euler").expect("a sampler").swapped_in(&config);
        let fate = |key: &str| euler.iter().find(|swapped| swapped.key == key).map(|swapped| swapped.fate);
        assert_eq!(fate("beta_end"), Some(Fate::Kept));
        assert_eq!(fate("timestep_spacing"), Some(Fate::Changed), "leading by default, and linspace");
        assert_eq!(fate("skip_prk_steps"), Some(Fate::Dropped));
        assert_eq!(fate("use_karras_sigmas"), Some(Fate::New));
        assert_eq!(fate("clip_sample"), None, "neither of them has it");
        let own = SchedulerKind::from_name("pndm").expect("a sampler").swapped_in(&config);
        assert!(own.iter().all(|swapped| swapped.fate == Fate::Kept));
    }
}
