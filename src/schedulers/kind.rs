//! Samplers by their names, and what each of them can be asked for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::class::{Argument, SamplerClass, SamplerRow};
use super::config::{SchedulerConfig, object};
use super::samplers::ROWS;
use super::sampling::SigmaSchedule;
use crate::base::error::{Error, Result};

/// A sampler that can be chosen by name. The command line and recipes have its [short name](Self::name).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "&'static str", try_from = "String")]
pub struct SchedulerKind(
    /// Its place in [`ROWS`], always within range.
    usize,
);

impl SchedulerKind {
    /// Every kind, in the order of the menus.
    pub const ALL: &'static [Self] = &{
        let mut all = [Self(0); ROWS.len()];
        let mut row = 0;
        while row < all.len() {
            all[row] = Self(row);
            row += 1;
        }
        all
    };

    fn row(self) -> &'static SamplerRow {
        &ROWS[self.0]
    }

    /// The short name: the command line's, e.g. `dpm++2m-karras`.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The name for menus, e.g. "DPM++ 2M Karras".
    pub fn label(self) -> &'static str {
        self.row().label
    }

    /// The Diffusers class, e.g. `DPMSolverMultistepScheduler`.
    pub fn class_name(self) -> &'static str {
        self.row().class.name
    }

    /// Finds the kind of this short name.
    ///
    /// # Errors
    /// There is none: the message lists them all.
    pub fn from_name(name: &str) -> Result<Self> {
        Self::find(|row| row.name == name).ok_or_else(|| {
            Error::new(format!("There is no scheduler {name:?}")).advise(format!("Choose one of {}", names()))
        })
    }

    /// Finds the kind that a checkpoint's own `scheduler_config.json` asks for.
    ///
    /// # Errors
    /// Its `_class_name` is missing or unknown: the message names it.
    pub fn from_config(config: &SchedulerConfig) -> Result<Self> {
        let class = config.get("_class_name").and_then(Value::as_str);
        let class = class.ok_or_else(|| Error::new("The scheduler's configuration has no _class_name"))?;
        Self::find(|row| row.class.name == class).ok_or_else(|| {
            Error::new(format!("The checkpoint's scheduler, {class}, is not supported"))
                .advise(format!("Choose one of {}", names()))
        })
    }

    /// The sigma schedule that it has in its name, if any.
    pub fn named_schedule(self) -> Option<SigmaSchedule> {
        SigmaSchedule::switched_on(&self.overrides())
    }

    /// The sigma schedules that it can be asked for. One that has a schedule in its name has no other.
    pub fn sigma_schedules(self) -> Vec<SigmaSchedule> {
        match self.named_schedule() {
            Some(named) => vec![named],
            None => SigmaSchedule::of_class(&self.class().defaults()),
        }
    }

    /// Returns whether its steps build on earlier ones: begun in the middle of a run, it does the first of them at a
    /// lower order.
    pub fn keeps_history(self) -> bool {
        self.class().keeps_history
    }

    /// Returns whether it takes `eta`.
    pub fn takes_eta(self) -> bool {
        self.takes(Argument::Eta)
    }

    /// Returns whether it takes a list of timesteps to visit.
    pub fn takes_timesteps(self) -> bool {
        self.takes(Argument::Timesteps) || self.takes(Argument::WholeTimesteps)
    }

    /// Returns whether it takes a list of noise levels to visit.
    pub fn takes_sigmas(self) -> bool {
        self.takes(Argument::Sigmas) || self.takes(Argument::SigmasAndEnd)
    }

    pub(super) fn takes(self, argument: Argument) -> bool {
        self.class().arguments.contains(&argument)
    }

    /// Finds the first row that is `wanted`.
    fn find(wanted: impl Fn(&SamplerRow) -> bool) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| wanted(kind.row()))
    }

    pub(super) fn class(self) -> &'static SamplerClass {
        self.row().class
    }

    /// The options of its row, which override a checkpoint's.
    pub(super) fn overrides(self) -> SchedulerConfig {
        object((self.row().overrides)())
    }
}

/// All short names, for an error.
fn names() -> String {
    ROWS.iter().map(|row| row.name).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for SchedulerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for SchedulerKind {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::from_name(name)
    }
}

impl From<SchedulerKind> for &'static str {
    fn from(kind: SchedulerKind) -> Self {
        kind.name()
    }
}

impl TryFrom<String> for SchedulerKind {
    type Error = Error;

    fn try_from(name: String) -> Result<Self> {
        Self::from_name(&name)
    }
}
