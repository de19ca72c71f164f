//! What the worker asks of a loaded model.

use std::ops::ControlFlow;

use image::RgbImage;

use crate::base::cancel::CancelToken;
use crate::base::error::Result;
use crate::content::request::Request;
use crate::pipelines::{Drawn, Run, Trace};
use crate::worker::protocol::{ModelInfo, Phase};

pub use crate::pipelines::{Loading, Look};

/// Told how far the opening of a model has come. Once it breaks, the opening ends as soon as it can.
pub type OnLoading<'a> = dyn FnMut(Loading<'_>) -> ControlFlow<()> + 'a;

/// A loaded model that draws. It lives and dies on the worker's thread.
pub trait Engine: Sized {
    /// What there is to know of it.
    fn info(&self) -> ModelInfo;

    /// Draws all pictures of the request as one batch, telling the hooks on the way.
    ///
    /// # Errors
    /// The request doesn't fit the model, or the arithmetic failed.
    fn run(&mut self, request: &Request, hooks: Hooks<'_>) -> Result<Run>;

    /// Draws one picture in several ways at the same time: requests that differ in sampler, steps and guidance alone.
    /// `on_drawn` takes each as soon as it is finished. `false`: it was cancelled.
    ///
    /// # Errors
    /// As for [`Self::run`]; the requests differ in more; `on_drawn` failed.
    fn run_side_by_side(
        &mut self,
        requests: &[Request],
        hooks: Hooks<'_>,
        on_drawn: &mut dyn FnMut(usize, Drawn) -> Result<()>,
    ) -> Result<bool> {
        // What an engine can always do: one after the other.
        for (variant, request) in requests.iter().enumerate() {
            let mut on_step = |step: StepDone<'_>| (hooks.on_step)(StepDone { variant, ..step });
            let (on_phase, cancel) = (&mut *hooks.on_phase, hooks.cancel);
            match self.run(request, Hooks { on_phase, on_step: &mut on_step, cancel, trace: None })? {
                Run::Done(pictures) => pictures.into_iter().try_for_each(|picture| on_drawn(variant, picture))?,
                Run::Cancelled => return Ok(false),
            }
        }
        Ok(true)
    }

    /// The request of the picture that was drawn last, and how many of its steps are kept; `None` if none are.
    fn kept_steps(&self) -> Option<(Request, usize)> {
        None
    }

    /// What that picture looked like after a step, counted from 1.
    ///
    /// # Errors
    /// The device failed.
    fn look_back(&mut self, _step: usize) -> Result<Option<RgbImage>> {
        Ok(None)
    }

    /// Bytes that its weights take now.
    fn held_bytes(&self) -> u64 {
        0
    }

    /// Whether it can go on after a failed run; if not, it is opened again for the next one.
    fn is_sound(&self) -> bool {
        true
    }

    /// Gives its memory back, also what its device keeps for later.
    fn free(self) {}
}

/// What a run tells on its way, and what it looks at.
pub struct Hooks<'a> {
    /// A phase begins.
    pub on_phase: &'a mut dyn FnMut(Phase),
    /// A step is done; `Break` stops the run.
    pub on_step: &'a mut dyn FnMut(StepDone<'_>) -> ControlFlow<()>,
    /// Polled within steps and within the decode; once raised, the run ends as [`Run::Cancelled`].
    pub cancel: &'a CancelToken,
    /// Takes the numbers inside the run.
    pub trace: Option<&'a mut Trace>,
}

/// A step of the denoising that is done.
pub struct StepDone<'a> {
    /// Which of several pictures drawn side by side it is of, counted from 0.
    pub variant: usize,
    /// Counted from 0.
    pub index: usize,
    /// How many there are.
    pub of: usize,
    /// Decodes what the first picture looks like by now. It costs as much as a finished picture's decode.
    pub decode: &'a mut Look<'a>,
    /// A coarse picture of the same, for next to nothing; `None` where the model has none.
    pub sketch: Option<&'a mut Look<'a>>,
}
