//! The registry: which samplers there are, what people call them, and the Diffusers class and options behind each.
//!
//! Karras and the like are no algorithms of their own but rows here: a class with options that override the checkpoint's.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Class;
use super::options::{SchedulerConfig, object};
use crate::base::error::{Error, Result};

struct Row {
    name: &'static str,
    label: &'static str,
    class: &'static Class,
    overrides: fn() -> Value,
}

/// A class's first row is the one that its own checkpoints get.
#[rustfmt::skip]
const ROWS: &[Row] = &[
    Row { name: "ddpm", label: "DDPM", class: &super::ddpm::CLASS, overrides: || json!({}) },
    Row { name: "ddim", label: "DDIM", class: &super::ddim::CLASS, overrides: || json!({}) },
    Row { name: "pndm", label: "PNDM", class: &super::pndm::CLASS, overrides: || json!({}) },
    Row { name: "plms", label: "PLMS", class: &super::pndm::CLASS, overrides: || json!({"skip_prk_steps": true}) },
    Row { name: "pndm-prk", label: "PNDM Runge-Kutta", class: &super::pndm::CLASS, overrides: || json!({"skip_prk_steps": false}) },
    Row { name: "euler", label: "Euler", class: &super::euler::CLASS, overrides: || json!({}) },
    Row { name: "euler-karras", label: "Euler Karras", class: &super::euler::CLASS, overrides: || json!({"use_karras_sigmas": true}) },
    Row { name: "euler-trailing", label: "Euler trailing", class: &super::euler::CLASS, overrides: || json!({"timestep_spacing": "trailing"}) },
    Row { name: "euler-linspace", label: "Euler linspace", class: &super::euler::CLASS, overrides: || json!({"timestep_spacing": "linspace"}) },
    Row { name: "euler-a", label: "Euler a", class: &super::euler_ancestral::CLASS, overrides: || json!({}) },
    Row { name: "lms", label: "LMS", class: &super::lms::CLASS, overrides: || json!({}) },
    Row { name: "lms-karras", label: "LMS Karras", class: &super::lms::CLASS, overrides: || json!({"use_karras_sigmas": true}) },
    Row { name: "heun", label: "Heun", class: &super::heun::CLASS, overrides: || json!({}) },
    Row { name: "heun-karras", label: "Heun Karras", class: &super::heun::CLASS, overrides: || json!({"use_karras_sigmas": true}) },
    Row { name: "dpm2", label: "DPM2", class: &super::kdpm2::CLASS, overrides: || json!({}) },
    Row { name: "dpm2-karras", label: "DPM2 Karras", class: &super::kdpm2::CLASS, overrides: || json!({"use_karras_sigmas": true}) },
    Row { name: "dpm2-a", label: "DPM2 a", class: &super::kdpm2_ancestral::CLASS, overrides: || json!({}) },
    Row { name: "dpm2-a-karras", label: "DPM2 a Karras", class: &super::kdpm2_ancestral::CLASS, overrides: || json!({"use_karras_sigmas": true}) },
    Row { name: "dpm++2m", label: "DPM++ 2M", class: &super::dpm_multistep::CLASS, overrides: || json!({}) },
    Row { name: "dpm++2m-karras", label: "DPM++ 2M Karras", class: &super::dpm_multistep::CLASS, overrides: || json!({"use_karras_sigmas": true}) },
    Row { name: "dpm++2m-sde", label: "DPM++ 2M SDE", class: &super::dpm_multistep::CLASS, overrides: || json!({"algorithm_type": "sde-dpmsolver++"}) },
    Row { name: "dpm++2m-sde-karras", label: "DPM++ 2M SDE Karras", class: &super::dpm_multistep::CLASS, overrides: || json!({"algorithm_type": "sde-dpmsolver++", "use_karras_sigmas": true}) },
    Row { name: "dpm++2m-lu", label: "DPM++ 2M Lu", class: &super::dpm_multistep::CLASS, overrides: || json!({"use_lu_lambdas": true}) },
    Row { name: "dpm++3m", label: "DPM++ 3M", class: &super::dpm_multistep::CLASS, overrides: || json!({"solver_order": 3}) },
    Row { name: "dpm++2s", label: "DPM++ 2S", class: &super::dpm_singlestep::CLASS, overrides: || json!({}) },
    Row { name: "dpm++2s-karras", label: "DPM++ 2S Karras", class: &super::dpm_singlestep::CLASS, overrides: || json!({"use_karras_sigmas": true}) },
    Row { name: "dpm++sde", label: "DPM++ SDE", class: &super::dpm_sde::CLASS, overrides: || json!({}) },
    Row { name: "dpm++sde-karras", label: "DPM++ SDE Karras", class: &super::dpm_sde::CLASS, overrides: || json!({"use_karras_sigmas": true}) },
    Row { name: "unipc", label: "UniPC", class: &super::unipc::CLASS, overrides: || json!({}) },
    Row { name: "unipc-karras", label: "UniPC Karras", class: &super::unipc::CLASS, overrides: || json!({"use_karras_sigmas": true}) },
    Row { name: "deis", label: "DEIS", class: &super::deis::CLASS, overrides: || json!({}) },
    Row { name: "sasolver", label: "SA-Solver", class: &super::sa_solver::CLASS, overrides: || json!({}) },
    Row { name: "sasolver-karras", label: "SA-Solver Karras", class: &super::sa_solver::CLASS, overrides: || json!({"use_karras_sigmas": true}) },
    Row { name: "lcm", label: "LCM", class: &super::lcm::CLASS, overrides: || json!({}) },
    Row { name: "tcd", label: "TCD", class: &super::tcd::CLASS, overrides: || json!({}) },
    Row { name: "ipndm", label: "iPNDM v-diffusion", class: &super::ipndm::CLASS, overrides: || json!({}) },
    Row { name: "edm-euler", label: "EDM Euler", class: &super::edm_euler::CLASS, overrides: || json!({}) },
    Row { name: "edm-dpm++2m", label: "EDM DPM++ 2M", class: &super::edm_dpm::CLASS, overrides: || json!({}) },
    Row { name: "flow-euler", label: "Flow Euler", class: &super::flow_euler::CLASS, overrides: || json!({}) },
];

/// A sampler that can be chosen by name. It is written (command line, recipes) as its [short name](Self::name).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "&'static str", try_from = "String")]
pub struct SchedulerKind(
    /// Its place in [`ROWS`], always within.
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

    fn row(self) -> &'static Row {
        &ROWS[self.0]
    }

    /// The short name: the command line's, e.g. `dpm++2m-karras`.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The name that people know, e.g. "DPM++ 2M Karras".
    pub fn label(self) -> &'static str {
        self.row().label
    }

    /// The Diffusers class, e.g. `DPMSolverMultistepScheduler`.
    pub fn class_name(self) -> &'static str {
        self.row().class.name
    }

    /// The kind of this short name.
    ///
    /// # Errors
    /// There is none: the message lists them all.
    pub fn from_name(name: &str) -> Result<Self> {
        Self::find(|row| row.name == name).ok_or_else(|| {
            Error::new(format!("There is no scheduler {name:?}")).advise(format!("Choose one of {}", names()))
        })
    }

    /// The kind that a checkpoint's own `scheduler_config.json` asks for.
    ///
    /// # Errors
    /// Its `_class_name` is absent, or none that we know: the message names it.
    pub fn from_config(config: &SchedulerConfig) -> Result<Self> {
        let class = config.get("_class_name").and_then(Value::as_str);
        let class = class.ok_or_else(|| Error::new("The scheduler's configuration has no _class_name"))?;
        Self::find(|row| row.class.name == class).ok_or_else(|| {
            Error::new(format!("The checkpoint's scheduler, {class}, is not supported"))
                .advise(format!("Choose one of {}", names()))
        })
    }

    /// The first row that is `wanted`.
    fn find(wanted: impl Fn(&Row) -> bool) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| wanted(kind.row()))
    }

    pub(super) fn class(self) -> &'static Class {
        self.row().class
    }

    /// What its row puts in place of a checkpoint's options.
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
