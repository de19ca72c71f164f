//! What takes part in the steps of a denoise loop beside the denoiser and the scheduler.

use burn::tensor::Tensor;

use crate::base::rng::Generators;
use crate::base::stop::Outcome;
use crate::families::{Conditioning, Residuals};
use crate::schedulers::Scheduler;

/// Takes part in each step of a run. Several stand in a list, and each is called in its order.
pub(super) trait StepHook {
    /// Adds to what the denoiser is given in a step, for example what a control network makes of it.
    ///
    /// # Errors
    /// Whatever ends the run.
    fn before_step(&mut self, _step: &StepBegin<'_>, _residuals: &mut Residuals) -> Outcome<()> {
        Ok(())
    }

    /// Changes the samples that the scheduler gave.
    ///
    /// # Errors
    /// Whatever ends the run.
    fn after_step(&mut self, _step: &StepEnd<'_>, samples: Tensor<4>) -> Outcome<Tensor<4>> {
        Ok(samples)
    }

    /// Sees a step that is done, and whose numbers are finite.
    ///
    /// # Errors
    /// Whatever ends the run.
    fn step_done(&mut self, _step: &StepResult<'_>) -> Outcome<()> {
        Ok(())
    }
}

/// The beginning of a step.
pub(super) struct StepBegin<'a> {
    /// What the denoiser is about to be given, `[batch, channels, height, width]`.
    pub(super) sample: Tensor<4>,
    pub(super) timestep: f64,
    pub(super) conditioning: &'a Conditioning,
}

/// The end of a step.
pub(super) struct StepEnd<'a> {
    pub(super) scheduler: &'a Scheduler,
    /// The scheduler's step that comes next, if there is one: the samples are at its level.
    pub(super) next: usize,
    /// Steps that are done, and all there are.
    pub(super) progress: (usize, usize),
}

/// A step that is done. Tensors are on the device: reading one back waits for it.
pub(super) struct StepResult<'a> {
    /// Steps that are done, and all there are.
    pub(super) progress: (usize, usize),
    /// The scheduler's step that comes next.
    pub(super) next: usize,
    /// Where noise is drawn from.
    pub(super) generators: &'a Generators,
    /// `[batch, channels, height, width]`.
    pub(super) samples: &'a Tensor<4>,
    /// The denoiser's present idea of the finished samples.
    pub(super) pred_original_sample: &'a Tensor<4>,
}
