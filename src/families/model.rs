//! What the pipelines ask of a model, whatever its family is.

use std::sync::Arc;

use image::RgbImage;

use super::codec::LatentCodec;
use super::components::Components;
use super::conditioning::{Conditioning, PromptPair};
use super::denoiser::Denoiser;
use super::footprint::Footprint;
use crate::base::error::Error;
use crate::base::stop::Outcome;
use crate::content::imaging::depth::DepthMap;
use crate::content::request::{TaskKind, Verdict};
use crate::content::text::Tokenizer;
use crate::schedulers::{Scheduler, SchedulerConfig, SchedulerKind};

/// An opened model: its components are loaded when they are needed. It lives on one thread.
pub trait Model {
    /// The facts that a run depends on.
    fn spec(&self) -> &ModelSpec;

    /// Its components that have weights.
    fn components(&self) -> &Components;

    /// The memory that it takes.
    fn footprint(&self) -> Footprint;

    /// Encodes prompts for [`Self::denoiser`].
    ///
    /// # Errors
    /// It was cancelled; the encoder can't be loaded or doesn't know a token.
    fn encode(&self, prompts: PromptPair<'_>) -> Outcome<Conditioning>;

    /// Gives the denoiser, loaded if it isn't there. It stays loaded for as long as someone holds it.
    ///
    /// # Errors
    /// It was cancelled, or can't be loaded.
    fn denoiser(&self) -> Outcome<Arc<dyn Denoiser>>;

    /// Its codec between pictures and latents.
    fn codec(&self) -> &dyn LatentCodec;

    /// Its tokenizer, which counts the tokens of a prompt; `None` for a model that reads none.
    fn tokenizer(&self) -> Option<&Arc<dyn Tokenizer>> {
        None
    }

    /// Says why a scheduler that can be built draws nothing useful with it; `None` if it does.
    fn objection(&self, _kind: SchedulerKind, _scheduler: &Scheduler) -> Option<Error> {
        None
    }

    /// Estimates how near everything in a picture is.
    ///
    /// # Errors
    /// It was cancelled; the model has no depth estimator, or its parts don't fit each other.
    fn estimate_depth(&self, _picture: &RgbImage) -> Outcome<DepthMap> {
        Err(no_depth_estimator().into())
    }

    /// Checks a finished picture; `None` for a model without a safety checker.
    ///
    /// # Errors
    /// It was cancelled, or the checker can't be used.
    fn judge(&self, _picture: &RgbImage) -> Outcome<Option<Verdict>> {
        Ok(None)
    }
}

/// The facts of a model that a run depends on.
#[derive(Clone, Debug)]
pub struct ModelSpec {
    /// The tasks that it can do, the first of them by default.
    pub tasks: &'static [TaskKind],
    /// Width and height of the pictures that it is made for, in pixels.
    pub size: (usize, usize),
    /// Both sides of a picture are multiples of it: its codec and its denoiser need that.
    pub size_multiple: usize,
    /// Steps by default: those of its pipeline's `__call__` in Diffusers.
    pub steps: usize,
    /// The guidance scale by default, likewise; `None` for a model without guidance.
    pub guidance_scale: Option<f64>,
    /// How it is guided by the prompt.
    pub guidance: GuidanceKind,
    /// Whether the scheduler scales the noise that a run begins with, and what the denoiser sees.
    pub scales_noise: bool,
    /// Whether its denoiser reads a mask and the picture with its hole beside the latents, when it inpaints.
    pub reads_mask: bool,
    /// The checkpoint's own configuration of its scheduler, with what it predicts.
    pub scheduler_config: SchedulerConfig,
}

/// The ways in which a guidance scale takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuidanceKind {
    /// The denoiser is asked twice a step, with and without the prompt (Ho and Salimans, 2022).
    ClassifierFree,
    /// The denoiser takes it as an input.
    Embedded,
    /// It has none.
    None,
}

/// The error of a model that can't tell near from far.
pub(super) fn no_depth_estimator() -> Error {
    Error::new("This model can't tell near from far: it has no depth estimator")
        .advise(format!("Choose a depth map of your own, or {}", TaskKind::DepthToImage.suitable_models()))
}
