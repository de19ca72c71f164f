//! `DiffusionPipeline`: the components of a checkpoint, put to work.

use crate::error::Result;
use crate::request::Request;
use burn::tensor::Tensor;
use std::ops::ControlFlow;

/// A loaded checkpoint.
pub struct DiffusionPipeline {}

/// A moment of the denoising, as the callback sees it. Tensors are on the device: reading one back waits for it.
pub struct Step<'a> {
    /// Counts the scheduler's steps from 0; `of` is how many there are.
    pub index: usize,
    pub of: usize,
    pub timestep: f64,
    /// After the step, `[batch, channels, height / 8, width / 8]`.
    pub latents: &'a Tensor<4>,
    pub pred_original_sample: &'a Tensor<4>,
}

/// How a run ended. Cancelled is no error.
pub enum Run {
    Done(Vec<image::RgbImage>),
    Cancelled,
}

impl DiffusionPipeline {
    /// Draws what the request asks for. The callback may stop it.
    ///
    /// # Errors
    /// The request doesn't fit the model, or the arithmetic failed (NaN, out of memory).
    pub fn run(&self, _request: &Request, _on_step: &mut dyn FnMut(Step<'_>) -> ControlFlow<()>) -> Result<Run> {
        unimplemented!()
    }
}
