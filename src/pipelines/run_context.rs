//! A run under way: what its caller hooked in, and what the pipeline itself keeps of its steps.

use burn::tensor::Tensor;

use super::run::{Hooks, Phase, Step};
use super::step_hook::{StepHook, StepResult};
use crate::base::stop::Outcome;
use crate::ops;

/// The hooks of a run.
pub(super) struct RunContext<'a> {
    hooks: Hooks<'a>,
    /// Called after each step, before the caller is.
    watchers: Vec<&'a mut dyn StepHook>,
}

impl<'a> RunContext<'a> {
    pub(super) fn new(hooks: Hooks<'a>, watchers: Vec<&'a mut dyn StepHook>) -> Self {
        Self { hooks, watchers }
    }

    /// Tells that a phase begins.
    pub(super) fn begin(&mut self, phase: Phase) {
        (self.hooks.on_phase)(phase);
    }

    /// Shows a step to the watchers.
    ///
    /// # Errors
    /// What one of them says.
    pub(super) fn watch(&mut self, step: &StepResult<'_>) -> Outcome<()> {
        self.watchers.iter_mut().try_for_each(|watcher| watcher.step_done(step))
    }

    /// Tells the caller of a step.
    ///
    /// # Errors
    /// What the caller says.
    pub(super) fn tell(&mut self, step: Step<'_>) -> Outcome<()> {
        (self.hooks.on_step)(step)
    }

    /// Keeps a tensor in the trace, if there is one.
    pub(super) fn record<const D: usize>(&mut self, name: &str, tensor: impl FnOnce() -> Tensor<D>) {
        if let Some(trace) = &mut self.hooks.trace {
            let tensor = tensor();
            let shape = tensor.dims();
            // What can't be read back is left out: the run itself fails at its next step.
            if let Ok(values) = ops::read(tensor) {
                trace.record(name, shape, &values);
            }
        }
    }

    /// Keeps numbers in the trace, if there is one.
    pub(super) fn record_values(&mut self, name: &str, shape: &[usize], values: &[f32]) {
        if let Some(trace) = &mut self.hooks.trace {
            trace.record(name, shape, values);
        }
    }

    /// Returns whether numbers are traced.
    pub(super) fn is_traced(&self) -> bool {
        self.hooks.trace.is_some()
    }
}
