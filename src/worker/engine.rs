//! What the worker asks of a loaded model.

use image::RgbImage;

use crate::cancel::CancelToken;
use crate::error::Result;
use crate::pipelines::{Run, Trace};
use crate::request::Request;
use crate::worker::protocol::{ModelInfo, Phase};

/// A loaded model that draws. It lives and dies on the worker's thread.
pub trait Engine {
    /// What there is to know of it.
    fn info(&self) -> ModelInfo;

    /// Draws all pictures of the request as one batch, telling the hooks on the way.
    ///
    /// # Errors
    /// The request doesn't fit the model, or the arithmetic failed.
    fn run(&mut self, request: &Request, hooks: Hooks<'_>) -> Result<Run>;
}

/// What a run tells on its way, and what it looks at.
pub struct Hooks<'a> {
    /// A phase begins.
    pub on_phase: &'a mut dyn FnMut(Phase),
    /// A step is done; `Break` stops the run.
    pub on_step: &'a mut dyn FnMut(StepDone<'_>) -> std::ops::ControlFlow<()>,
    /// Polled within steps and within the decode; once raised, the run ends as [`Run::Cancelled`].
    pub cancel: &'a CancelToken,
    /// Takes the numbers inside the run.
    pub trace: Option<&'a mut Trace>,
}

/// A step of the denoising that is done.
pub struct StepDone<'a> {
    /// Counted from 0.
    pub index: usize,
    /// How many there are.
    pub of: usize,
    /// Decodes what the first picture looks like by now. It costs as much as a finished picture's decode.
    pub preview: &'a mut dyn FnMut() -> Result<RgbImage>,
}
