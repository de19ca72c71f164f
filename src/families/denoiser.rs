//! The part of a family that takes noise away.

use burn::tensor::Tensor;

use super::conditioning::Conditioning;
use crate::base::stop::Outcome;
use crate::models::residuals::Residuals;
use crate::models::unet_blocks::Pace;

/// The input of a denoiser in a step.
pub struct DenoiserInput<'a> {
    /// The samples, `[batch, channels, height, width]`, f32, scaled as the scheduler wants it. Under guidance the batch is there
    /// twice: the first half goes with the negative prompts.
    pub sample: Tensor<4>,
    /// The timestep.
    pub timestep: f64,
    /// The prompts, one a sample.
    pub conditioning: &'a Conditioning,
    /// The guidance scale, for a model that takes it as an input.
    pub guidance: Option<f64>,
    /// What is added between its layers.
    pub residuals: &'a Residuals,
    /// How a device that works through a queue is fed.
    pub pace: Pace,
}

/// Predicts what the scheduler asks for. It holds its network for as long as it is at work.
pub trait Denoiser {
    /// Predicts for the samples of a step; the result has the shape of the latents.
    ///
    /// # Errors
    /// It was cancelled.
    fn predict(&self, input: DenoiserInput<'_>) -> Outcome<Tensor<4>>;
}
