//! What a run says on its way, and what comes of it.

use image::{GrayImage, RgbImage};
use serde::Serialize;

use super::run_state::RunState;
use super::trace::Trace;
use crate::base::cancel::CancelToken;
use crate::base::error::Result;
use crate::base::stop::Outcome;
use crate::content::request::Verdict;

/// The functions that a run calls on its way, and the token that ends it.
pub struct Hooks<'a> {
    /// A phase begins.
    pub on_phase: &'a mut dyn FnMut(Phase),
    /// A step is done; an error ends the run.
    pub on_step: &'a mut dyn FnMut(Step<'_>) -> Outcome<()>,
    /// Looked at between the layers of the networks, and on the CPU within them: once raised, the run ends as cancelled.
    pub cancel: &'a CancelToken,
    /// Takes the numbers inside the run.
    pub trace: Option<&'a mut Trace>,
}

impl Hooks<'_> {
    /// The same hooks for part of a run.
    pub(super) fn reborrow(&mut self) -> Hooks<'_> {
        Hooks {
            on_phase: &mut *self.on_phase,
            on_step: &mut *self.on_step,
            cancel: self.cancel,
            trace: self.trace.as_deref_mut(),
        }
    }
}

/// The phases that a picture goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The prompt is encoded.
    Encoding,
    /// Noise becomes latents, step by step.
    Denoising,
    /// Latents become a picture.
    Decoding,
    /// The picture becomes a file: after the run.
    Saving,
}

impl Phase {
    /// Its name, for people and programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Encoding => "encoding",
            Self::Denoising => "denoising",
            Self::Decoding => "decoding",
            Self::Saving => "saving",
        }
    }
}

/// A step of the denoise loop that is done.
pub struct Step<'a> {
    /// Which of several pictures drawn side by side it belongs to, counted from 0.
    pub variant: usize,
    /// Its number, counted from 0.
    pub index: usize,
    /// The number of steps: some samplers call the model more often than the request's number says.
    pub of: usize,
    /// Decodes what the first picture looks like so far. It costs as much as a finished picture's decode.
    pub decode: &'a mut Look<'a>,
    /// Draws a coarse picture of the same, at next to no cost; `None` where the model has no such map.
    pub sketch: Option<&'a mut Look<'a>>,
    /// Takes what the run is now, to go on from here another time; `None` where it can't be gone on with. It reads the samples
    /// back from the device.
    pub state: Option<&'a mut TakeState<'a>>,
}

/// Makes a picture of an unfinished one.
pub type Look<'a> = dyn FnMut() -> Outcome<RgbImage> + 'a;

/// Takes the state of a run.
pub type TakeState<'a> = dyn FnMut() -> Result<RunState> + 'a;

/// A finished picture.
#[derive(Clone, Debug)]
pub struct Drawn {
    /// The picture itself.
    pub image: RgbImage,
    /// The safety checker's verdict; `None` if it wasn't asked.
    pub verdict: Option<Verdict>,
    /// The depth map that it was drawn by, as large as the picture.
    pub depth: Option<GrayImage>,
}

impl From<RgbImage> for Drawn {
    fn from(image: RgbImage) -> Self {
        Self { image, verdict: None, depth: None }
    }
}
