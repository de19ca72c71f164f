//! The options of a scheduler: the defaults of its class, overlaid by a checkpoint's `scheduler_config.json`.
//!
//! Diffusers' `from_config` (`configuration_utils.py`): a key that the file doesn't have takes the default of the class
//! that is built, which needn't be the class that the file was written for; a key that the class doesn't know is carried
//! along and does nothing.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Class, SamplingOptions};
use crate::base::error::{Error, Result};

/// A scheduler's configuration: the keys and values of `scheduler_config.json`, as they stand in the file.
pub type SchedulerConfig = serde_json::Map<String, Value>;

/// Minus infinity in a [`SchedulerConfig`]: JSON has no such number.
pub(super) const MINUS_INFINITY: &str = "-Infinity";

/// Every option in force.
pub(super) struct Options {
    class: &'static str,
    /// What the class knows: its arguments.
    known: SchedulerConfig,
    /// Those, and whatever else the file has.
    all: SchedulerConfig,
    /// What Diffusers has as arguments of the class's methods.
    arguments: SamplingOptions,
}

impl Options {
    /// `class.from_config(config, **overrides)`.
    pub(super) fn new(
        class: &Class,
        config: &SchedulerConfig,
        overrides: SchedulerConfig,
        arguments: &SamplingOptions,
    ) -> Self {
        let mut known = class.defaults();
        let mut all = config.clone();
        all.extend(overrides);
        for (key, value) in &mut known {
            let entry = all.entry(key.as_str()).or_insert_with(|| value.clone());
            value.clone_from(entry);
        }
        all.insert("_class_name".into(), class.name.into());
        all.sort_keys();
        Self { class: class.name, known, all, arguments: arguments.clone() }
    }

    /// Every key and value, sorted as Diffusers prints them.
    pub(super) fn into_config(self) -> SchedulerConfig {
        self.all
    }

    /// An argument of the class.
    ///
    /// # Errors
    /// Its value is of the wrong type, or none of the choices.
    pub(super) fn get<T: DeserializeOwned>(&self, key: &str) -> Result<T> {
        self.read(key, self.known.get(key))
    }

    /// A value of the file, be it an argument of the class or not. Diffusers looks up few keys this way.
    ///
    /// # Errors
    /// As for [`Self::get`].
    pub(super) fn get_carried<T: DeserializeOwned>(&self, key: &str) -> Result<T> {
        self.read(key, self.all.get(key))
    }

    /// A switch; off when it is null, or when the class has none by this name.
    ///
    /// # Errors
    /// It is neither true nor false.
    pub(super) fn flag(&self, key: &str) -> Result<bool> {
        Ok(self.get::<Option<bool>>(key)?.unwrap_or(false))
    }

    /// `eta`, from 0 to 1.
    pub(super) fn eta(&self) -> f64 {
        self.arguments.eta
    }

    /// The timesteps to visit, falling and such that the model knows, if the user has listed them.
    pub(super) fn timesteps(&self) -> Option<&[f64]> {
        self.arguments.timesteps.as_deref()
    }

    /// The noise levels to visit, falling, if the user has listed them.
    pub(super) fn sigmas(&self) -> Option<&[f64]> {
        self.arguments.sigmas.as_deref()
    }

    /// Says that the class can't be used with the present value of `key`, and why.
    pub(super) fn refuse(&self, key: &str, why: &str) -> Error {
        let value = self.all.get(key).unwrap_or(&Value::Null);
        Error::new(format!("{} can't be used with {key} = {value}: {why}", self.class))
    }

    /// Says that the class can't do so many steps: it divides by what the noise falls in each of them.
    pub(super) fn refuse_steps(&self, steps: usize) -> Error {
        let class = self.class;
        Error::new(format!("{class} can't do {steps} steps here: the noise doesn't fall with each of them"))
            .advise("Take fewer steps")
    }

    fn read<T: DeserializeOwned>(&self, key: &str, value: Option<&Value>) -> Result<T> {
        let value = value.unwrap_or(&Value::Null);
        T::deserialize(value)
            .map_err(|e| Error::new(format!("{} can't be used with {key} = {value}", self.class)).caused_by(e))
    }
}

/// The map of a `json!({..})`.
pub(super) fn object(value: Value) -> SchedulerConfig {
    match value {
        Value::Object(map) => map,
        _ => SchedulerConfig::new(),
    }
}
