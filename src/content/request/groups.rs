//! The groups of a request's fields, but for where the picture starts from.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::safety::SafetyMode;
use crate::schedulers::{SamplingOptions, SchedulerKind};

/// The words that the pictures follow.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prompts {
    /// What the pictures are to show.
    pub prompt: String,
    /// What they are not to show; empty for nothing in particular. It counts only under guidance.
    pub negative_prompt: String,
}

impl Prompts {
    /// A prompt without a negative one.
    pub fn new(prompt: impl Into<String>) -> Self {
        Self::both(prompt, "")
    }

    /// A prompt and a negative one.
    pub fn both(prompt: impl Into<String>, negative_prompt: impl Into<String>) -> Self {
        Self { prompt: prompt.into(), negative_prompt: negative_prompt.into() }
    }
}

/// How noise becomes a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampling {
    /// The sampler; `None` takes the checkpoint's own.
    pub scheduler: Option<SchedulerKind>,
    /// What the user asks of the sampler beyond its kind and the checkpoint's config.
    pub options: SamplingOptions,
    /// Denoising steps, 1 to [`MAX_STEPS`](super::MAX_STEPS); as many as listed, where `options` lists timesteps or
    /// sigmas.
    pub steps: usize,
}

impl Default for Sampling {
    /// The checkpoint's own sampler with Diffusers' number of steps.
    fn default() -> Self {
        Self { scheduler: None, options: SamplingOptions::default(), steps: 50 }
    }
}

/// How strongly the prompts are followed.
#[derive(Clone, Debug, PartialEq)]
pub struct Guidance {
    /// How strongly the prompt is followed; up to 1 turns guidance off.
    pub scale: f64,
    /// `StableDiffusionPipeline`'s `guidance_rescale`, 0 to 1.
    pub rescale: f64,
}

impl Default for Guidance {
    /// Diffusers' defaults.
    fn default() -> Self {
        Self::new(7.5, 0.0)
    }
}

impl Guidance {
    /// Guidance of this strength.
    pub fn new(scale: f64, rescale: f64) -> Self {
        Self { scale, rescale }
    }
}

/// How many pictures, and the noise of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seeds {
    /// Picture k of the request is drawn from this seed + k, wrapping around after the last seed.
    pub first: u64,
    /// How many pictures.
    pub count: usize,
}

impl Default for Seeds {
    /// One picture from seed 0.
    fn default() -> Self {
        Self::one(0)
    }
}

impl Seeds {
    /// One picture from this seed.
    pub fn one(seed: u64) -> Self {
        Self::new(seed, 1)
    }

    /// Pictures from this seed and those after it.
    pub fn new(first: u64, count: usize) -> Self {
        Self { first, count }
    }

    /// Returns the seed of picture `k`, counted from 0.
    pub fn of(&self, k: usize) -> u64 {
        self.first.wrapping_add(k as u64)
    }
}

/// Returns a random seed of 32 bits: as many as other tools take, and short enough to pass on.
pub fn random_seed() -> u64 {
    fastrand::u32(..).into()
}

/// The size of the pictures in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// A multiple of what the model needs.
    pub width: usize,
    /// A multiple of what the model needs.
    pub height: usize,
}

impl Default for Size {
    /// The size of the first Stable Diffusion.
    fn default() -> Self {
        Self::new(512, 512)
    }
}

impl Size {
    /// A size of these sides.
    pub fn new(width: usize, height: usize) -> Self {
        Self { width, height }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} × {}", self.width, self.height)
    }
}

/// What is done to a finished picture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finish {
    /// What becomes of pictures that the model's safety checker flags.
    pub safety: SafetyMode,
}
