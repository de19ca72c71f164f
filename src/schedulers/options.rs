//! The options of a scheduler: the defaults of its class, overlaid by a checkpoint's `scheduler_config.json`.
//!
//! They follow Diffusers' `from_config` (`configuration_utils.py`): a key that the file doesn't have takes the default
//! of the class that is built, which can be another class than the file was written for; a key that the class doesn't
//! know is kept and has no effect. Values count as Python takes them: whatever isn't false, 0, null or empty is a switch that is
//! on, `true` is 1, and `25.0` is a whole number. Only options that are in use are read, so that null may stand for others.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::config::SchedulerConfig;
use super::sampling::{SWITCHES, SamplingOptions};
use crate::base::error::{Error, Result};

/// The options in force.
pub(super) struct SchedulerOptions {
    class: &'static str,
    /// The arguments of the class's constructor.
    known: SchedulerConfig,
    /// Those, and everything else that the file has.
    all: SchedulerConfig,
    /// The arguments of the class's other methods.
    arguments: SamplingOptions,
}

impl SchedulerOptions {
    /// Makes the options of a class with these defaults: Diffusers' `class.from_config(config, **overrides)`.
    pub(super) fn new(
        class: &'static str,
        defaults: SchedulerConfig,
        config: &SchedulerConfig,
        overrides: SchedulerConfig,
        arguments: &SamplingOptions,
    ) -> Self {
        let mut known = defaults;
        let mut all = config.clone();
        all.extend(overrides);
        for (key, value) in &mut known {
            let entry = all.entry(key.as_str()).or_insert_with(|| value.clone());
            value.clone_from(entry);
        }
        all.insert("_class_name".into(), class.into());
        all.sort_keys();
        Self { class, known, all, arguments: arguments.clone() }
    }

    /// All keys and values, sorted as Diffusers prints them.
    pub(super) fn into_config(self) -> SchedulerConfig {
        self.all
    }

    /// Reads an argument of the class.
    ///
    /// # Errors
    /// Its value has the wrong type, or is none of the choices.
    pub(super) fn get<T: DeserializeOwned>(&self, key: &str) -> Result<T> {
        self.read(key, self.known.get(key))
    }

    /// Reads a value of the file, whether it is an argument of the class or not. Diffusers looks up few keys this way.
    ///
    /// # Errors
    /// As for [`Self::get`].
    pub(super) fn get_carried<T: DeserializeOwned>(&self, key: &str) -> Result<T> {
        self.read(key, self.all.get(key))
    }

    /// Reads a switch: off where it is what Python takes for false, or where the class has none of this name.
    pub(super) fn flag(&self, key: &str) -> bool {
        self.known.get(key).is_some_and(is_true)
    }

    /// Finds the option that switches a sigma schedule on, if any does.
    pub(super) fn sigma_switch(&self) -> Option<&'static str> {
        SWITCHES.iter().map(|(_, key)| *key).find(|key| self.flag(key))
    }

    /// `eta`, from 0 to 1.
    pub(super) fn eta(&self) -> f64 {
        self.arguments.eta
    }

    /// The timesteps to visit, falling and known to the model, if the user has listed them.
    pub(super) fn timesteps(&self) -> Option<&[f64]> {
        self.arguments.timesteps.as_deref()
    }

    /// The noise levels to visit, falling, if the user has listed them.
    pub(super) fn sigmas(&self) -> Option<&[f64]> {
        self.arguments.sigmas.as_deref()
    }

    /// Makes the error that the class can't be used with the present value of `key`.
    pub(super) fn refuse(&self, key: &str, why: &str) -> Error {
        let value = self.all.get(key).unwrap_or(&Value::Null);
        Error::new(format!("{} can't be used with {key} = {value}: {why}", self.class))
    }

    /// Reads the order of a solver.
    ///
    /// # Errors
    /// It is not 1, 2 or 3.
    pub(super) fn order(&self, key: &str) -> Result<usize> {
        let order = self.get(key)?;
        if (1..=3).contains(&order) { Ok(order) } else { Err(self.refuse(key, "it must be 1, 2 or 3")) }
    }

    /// Refuses flow matching.
    ///
    /// # Errors
    /// One of these switches asks for it.
    pub(super) fn refuse_flow_matching(&self, switches: &[&str]) -> Result<()> {
        for key in switches {
            if self.flag(key) {
                return Err(self.refuse(key, "flow matching is not supported"));
            }
        }
        Ok(())
    }

    /// Refuses variances that the model predicts.
    ///
    /// # Errors
    /// The option `variance_type` asks for them.
    pub(super) fn refuse_learned_variance(&self) -> Result<()> {
        match self.get::<Option<String>>("variance_type")?.as_deref() {
            Some("learned" | "learned_range") => {
                Err(self.refuse("variance_type", "variances that the model predicts are not supported"))
            }
            _ => Ok(()),
        }
    }

    /// Makes the error that the class can't do so many steps: it divides by the fall of the noise in each of them.
    pub(super) fn refuse_steps(&self, steps: usize) -> Error {
        let class = self.class;
        Error::new(format!("{class} can't do {steps} steps here: the noise doesn't fall with each of them"))
            .advise("Take fewer steps")
    }

    fn read<T: DeserializeOwned>(&self, key: &str, value: Option<&Value>) -> Result<T> {
        let value = value.unwrap_or(&Value::Null);
        T::deserialize(value)
            .or_else(|e| T::deserialize(whole_number(value)).or(Err(e)))
            .map_err(|e| Error::new(format!("{} can't be used with {key} = {value}", self.class)).caused_by(e))
    }
}

/// Returns what a value is as a whole number in Python, if it is one; else the value.
fn whole_number(value: &Value) -> Value {
    match value {
        Value::Bool(is_on) => u8::from(*is_on).into(),
        Value::Number(number) => match number.as_f64() {
            Some(whole) if whole.fract() == 0.0 && whole.abs() <= f64::from(i32::MAX) => (whole as i64).into(),
            _ => value.clone(),
        },
        _ => value.clone(),
    }
}

/// Returns whether Python takes a value for true.
fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(is_on) => *is_on,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(values) => !values.is_empty(),
        Value::Object(values) => !values.is_empty(),
    }
}
