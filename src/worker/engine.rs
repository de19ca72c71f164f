//! `Engine`: a loaded model, as the worker uses it.

use image::RgbImage;

use crate::base::error::{Error, Result};
use crate::base::stop::Outcome;
use crate::content::request::{Request, Valid};
use crate::pipelines::{Drawn, Hooks, Resumption, Step};
use crate::worker::protocol::ModelInfo;

/// A loaded model that draws. It lives and dies on the worker's thread.
pub trait Engine: Sized {
    /// The facts about it that the form and the command line need.
    fn info(&self) -> ModelInfo;

    /// Draws all pictures of the request as one batch, in the order of their seeds, and calls the hooks on the way.
    ///
    /// # Errors
    /// The request doesn't fit the model, the arithmetic failed, or it was cancelled.
    fn run(&mut self, request: &Valid<Request>, hooks: Hooks<'_>) -> Outcome<Vec<Drawn>>;

    /// Goes on with a run of this request that was interrupted, and gives what it would have given. It is asked first
    /// whether it can ([`Self::check_resumption`]).
    ///
    /// # Errors
    /// As for [`Self::run`].
    fn resume(&mut self, request: &Valid<Request>, _resumption: &Resumption, hooks: Hooks<'_>) -> Outcome<Vec<Drawn>> {
        self.run(request, hooks)
    }

    /// Makes sure that a run of this request can be gone on with.
    ///
    /// # Errors
    /// It can't, and why.
    fn check_resumption(&self, _request: &Request, _resumption: &Resumption) -> Result<()> {
        Err(Error::new("This model can't go on with a picture"))
    }

    /// Draws one picture in several ways at the same time: requests that differ in sampler, steps and guidance alone.
    /// `on_drawn` takes each as soon as it is finished.
    ///
    /// # Errors
    /// As for [`Self::run`]; the requests differ in more; what `on_drawn` says.
    fn run_side_by_side(
        &mut self,
        requests: &[Valid<Request>],
        hooks: Hooks<'_>,
        on_drawn: &mut dyn FnMut(usize, Drawn) -> Outcome<()>,
    ) -> Outcome<()> {
        // What an engine can always do: one after the other.
        for (variant, request) in requests.iter().enumerate() {
            let mut on_step = |step: Step<'_>| (hooks.on_step)(Step { variant, ..step });
            let (on_phase, cancel) = (&mut *hooks.on_phase, hooks.cancel);
            let pictures = self.run(request, Hooks { on_phase, on_step: &mut on_step, cancel, trace: None })?;
            pictures.into_iter().try_for_each(|picture| on_drawn(variant, picture))?;
        }
        Ok(())
    }

    /// The request of the picture that was drawn last, and how many of its steps are kept; `None` if none are.
    fn kept_steps(&self) -> Option<(Request, usize)> {
        None
    }

    /// Draws what that picture looked like after a step, counted from 1; `None` if nothing of it is kept.
    ///
    /// # Errors
    /// The device failed.
    fn look_back(&mut self, _step: usize) -> Outcome<Option<RgbImage>> {
        Ok(None)
    }

    /// Bytes that its weights take now.
    fn held_bytes(&self) -> u64 {
        0
    }

    /// Returns whether it can go on after a failed run; if not, it is opened again for the next one.
    fn is_sound(&self) -> bool {
        true
    }

    /// Gives its memory back, also what its device keeps for later.
    fn free(self) {}
}
