//! The type of a Diffusers scheduler class: its options, what it can be asked for, and how it is built.

use serde_json::Value;

use super::config::{SchedulerConfig, object};
use super::options::SchedulerOptions;
use super::stepper::BuiltSampler;
use crate::base::error::Result;

/// A Diffusers scheduler class.
#[derive(Clone, Copy)]
pub(super) struct SamplerClass {
    /// Its `_class_name`.
    pub(super) name: &'static str,
    /// The kind of models that it samples.
    pub(super) models: ModelKind,
    /// The arguments that its methods take beyond the number of steps.
    pub(super) arguments: &'static [Argument],
    /// Whether a step builds on earlier steps: begun in the middle of a run, it does the first steps at a lower order.
    pub(super) keeps_history: bool,
    /// The arguments of its `__init__` with their defaults. Other keys have no effect.
    pub(super) defaults: fn() -> Value,
    /// Builds it for a number of steps, from 1 to `num_train_timesteps`.
    pub(super) build: fn(&SchedulerOptions, usize) -> Result<BuiltSampler>,
}

impl SamplerClass {
    /// Makes a class whose methods take nothing beyond the number of steps, and that keeps no history.
    pub(super) const fn new(
        name: &'static str,
        models: ModelKind,
        defaults: fn() -> Value,
        build: fn(&SchedulerOptions, usize) -> Result<BuiltSampler>,
    ) -> Self {
        Self { name, models, arguments: &[], keeps_history: false, defaults, build }
    }

    /// Lets its methods take these arguments.
    pub(super) const fn taking(self, arguments: &'static [Argument]) -> Self {
        Self { arguments, ..self }
    }

    /// Lets its steps build on earlier ones.
    pub(super) const fn keeping_history(self) -> Self {
        Self { keeps_history: true, ..self }
    }

    /// The default options.
    pub(super) fn defaults(&self) -> SchedulerConfig {
        object((self.defaults)())
    }
}

/// A sampler that can be chosen: a class with options that override the checkpoint's.
pub(super) struct SamplerRow {
    /// The short name, for the command line and recipes.
    pub(super) name: &'static str,
    /// The name for menus.
    pub(super) label: &'static str,
    pub(super) class: &'static SamplerClass,
    pub(super) overrides: fn() -> Value,
}

/// An argument that a class's `set_timesteps` or `step` takes in Diffusers, beyond the number of steps.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Argument {
    /// The share of fresh noise in each step.
    Eta,
    /// The timesteps to visit.
    Timesteps,
    /// The timesteps to visit, which must be integers.
    WholeTimesteps,
    /// The noise level of each step.
    Sigmas,
    /// The noise level of each step, and the one that the last step goes to.
    SigmasAndEnd,
}

/// The kind of models that a class samples: what timesteps and outputs mean to them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ModelKind {
    /// Timesteps of a noise schedule: all of Stable Diffusion up to SDXL.
    Discrete,
    /// Time runs from 1 to 0, and v is predicted.
    ContinuousTime,
    /// The preconditioning of arXiv 2206.00364.
    Edm,
    /// Flow matching.
    Flow,
}
