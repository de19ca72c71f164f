//! What a generation is: shared by the window, the command line, the worker and the PNG.
//!
//! A [`Request`] is complete: it names every choice, so the same request on the same model gives the same pictures.
//! What a user leaves open (size, steps, seed) is filled in before a request exists.
//!
//! A [`Recipe`] is what a PNG carries (text chunk `burnisher`), as JSON:
//!
//! ```json
//! {
//!   "request": {
//!     "task": { "name": "text-to-image" },
//!     "prompt": "a red heart in 3d style", "negative_prompt": "",
//!     "scheduler": "ddim", "steps": 20, "guidance_scale": 4.0, "guidance_rescale": 0.0,
//!     "seed": 1, "width": 64, "height": 64, "count": 1
//!   },
//!   "model": "bundled", "app_version": "0.1.0"
//! }
//! ```
//!
//! `scheduler` is the short name of the command line; null (or absent) takes the checkpoint's own. Keys that a reader
//! doesn't know are passed over, so newer recipes open in older versions.

mod branch;
mod mask;
mod safety;
mod size;
mod task;

use std::hash::{BuildHasher, Hasher, RandomState};

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result};
use crate::schedulers::{SamplingOptions, SchedulerKind};

pub use branch::Branch;
pub use mask::{MAX_MASK_PIXELS, Mask};
pub use safety::{SafetyMode, Verdict};
pub use size::size_for_picture;
pub use task::{Fill, Inpaint, MAX_BLUR, MAX_GROW, Margins, Task, TaskKind, validate_strength};

/// The most steps that make sense: the models are trained on 1000 noise levels, and diffusers refuses more.
pub const MAX_STEPS: usize = 1000;

/// The longest side of a picture in pixels. Far above what any model draws, it keeps every later product of sides,
/// channels and bytes within 64 bits; whether a picture fits into memory is for the pipeline to say.
pub const MAX_SIDE: usize = 32_768;

/// Pixels that one latent pixel of the common autoencoders stands for: sides are multiples of it.
pub const SIDE_MULTIPLE: usize = 8;

/// One generation, complete: the same request gives the same pictures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// What kind of generation it is, with what only that kind needs.
    pub task: Task,
    /// What the pictures are to show.
    pub prompt: String,
    /// What they are not to show; empty for nothing in particular. It counts only under guidance.
    pub negative_prompt: String,
    /// The sampler; `None` takes the checkpoint's own.
    pub scheduler: Option<SchedulerKind>,
    /// What the user asks of the sampler beyond its kind and the checkpoint's config.
    #[serde(default, skip_serializing_if = "SamplingOptions::is_default")]
    pub sampling: SamplingOptions,
    /// Denoising steps, 1 to [`MAX_STEPS`]; as many as listed, where `sampling` lists timesteps or sigmas.
    pub steps: usize,
    /// How strongly the prompt is followed; up to 1 turns guidance off.
    pub guidance_scale: f64,
    /// `StableDiffusionPipeline`'s `guidance_rescale`, 0 to 1.
    pub guidance_rescale: f64,
    /// Picture k of the request is drawn from seed + k, wrapping around after the last seed.
    pub seed: u64,
    /// Pixels, a multiple of [`SIDE_MULTIPLE`].
    pub width: usize,
    /// Pixels, a multiple of [`SIDE_MULTIPLE`].
    pub height: usize,
    /// How many pictures.
    pub count: usize,
    /// What becomes of pictures that the model's safety checker flags.
    #[serde(default, skip_serializing_if = "SafetyMode::is_default")]
    pub safety: SafetyMode,
    /// The run that it goes on from, if it doesn't begin with noise or a picture of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<Box<Branch>>,
}

impl Default for Request {
    /// A picture of nothing in particular, with Diffusers' defaults.
    fn default() -> Self {
        Self {
            task: Task::TextToImage,
            prompt: String::new(),
            negative_prompt: String::new(),
            scheduler: None,
            sampling: SamplingOptions::default(),
            steps: 50,
            guidance_scale: 7.5,
            guidance_rescale: 0.0,
            seed: 0,
            width: 512,
            height: 512,
            count: 1,
            safety: SafetyMode::default(),
            branch: None,
        }
    }
}

impl Request {
    /// Checks everything that can be checked without a model.
    ///
    /// # Errors
    /// The first thing that is wrong, with the value and what would be right.
    pub fn validate(&self) -> Result<()> {
        validate_side("width", self.width)?;
        validate_side("height", self.height)?;
        validate_steps(self.steps)?;
        validate_guidance_scale(self.guidance_scale)?;
        validate_guidance_rescale(self.guidance_rescale)?;
        validate_count(self.count)?;
        self.scheduler.map_or_else(|| self.sampling.validate(), |kind| kind.check(&self.sampling))?;
        self.task.validate()?;
        self.branch.as_ref().map_or(Ok(()), |branch| branch.validate(self))
    }

    /// The seed of picture `k`, counted from 0.
    pub fn seed_of(&self, k: usize) -> u64 {
        self.seed.wrapping_add(k as u64)
    }

    /// The request that draws picture `k` alone.
    #[must_use]
    pub fn picture(&self, k: usize) -> Self {
        Self { seed: self.seed_of(k), count: 1, ..self.clone() }
    }
}

/// Checks one side of a picture; `name` is `width` or `height`.
///
/// # Errors
/// It is 0, no multiple of [`SIDE_MULTIPLE`], or above [`MAX_SIDE`].
pub fn validate_side(name: &str, pixels: usize) -> Result<()> {
    if pixels == 0 || !pixels.is_multiple_of(SIDE_MULTIPLE) {
        let below = pixels / SIDE_MULTIPLE * SIDE_MULTIPLE;
        let above = below.saturating_add(SIDE_MULTIPLE);
        let nearest = if below == 0 { format!("{above}") } else { format!("{below} or {above}") };
        return Err(Error::new(format!("the {name} must be a multiple of {SIDE_MULTIPLE} above 0, not {pixels}"))
            .advise(format!("The nearest is {nearest}")));
    }
    if pixels > MAX_SIDE {
        return Err(Error::new(format!("the {name} {pixels} is too large: a side has at most {MAX_SIDE} pixels")));
    }
    Ok(())
}

/// Checks the number of steps.
///
/// # Errors
/// It is 0 or above [`MAX_STEPS`].
pub fn validate_steps(steps: usize) -> Result<()> {
    if (1..=MAX_STEPS).contains(&steps) {
        return Ok(());
    }
    Err(Error::new(format!("the number of steps must be between 1 and {MAX_STEPS}, not {steps}")))
}

/// Checks the guidance scale.
///
/// # Errors
/// It is negative, infinite or no number.
pub fn validate_guidance_scale(scale: f64) -> Result<()> {
    if scale.is_finite() && scale >= 0.0 {
        return Ok(());
    }
    Err(Error::new(format!("the guidance scale must be a number from 0 up, not {scale}")))
}

/// Checks the guidance rescale.
///
/// # Errors
/// It isn't between 0 and 1.
pub fn validate_guidance_rescale(rescale: f64) -> Result<()> {
    if (0.0..=1.0).contains(&rescale) {
        return Ok(());
    }
    Err(Error::new(format!("the guidance rescale must be between 0 and 1, not {rescale}")))
}

/// Checks the number of pictures.
///
/// # Errors
/// It is 0.
pub fn validate_count(count: usize) -> Result<()> {
    if count == 0 {
        return Err(Error::new("the number of pictures must be 1 or more, not 0"));
    }
    Ok(())
}

/// A seed from the system's randomness, of 32 bits: as many as other tools take, and short enough to be told.
pub fn random_seed() -> u64 {
    RandomState::new().build_hasher().finish() >> 32
}

/// What the PNG stores: enough to draw the picture again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// The request that draws this one picture: its own seed, count 1.
    pub request: Request,
    /// The model, as the user named it.
    pub model: String,
    /// The version of Burnisher that drew it.
    pub app_version: String,
    /// What the model's safety checker says of the picture; `None` if it wasn't asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
}

impl Recipe {
    /// The recipe of picture `k` of `request`, drawn by this version of Burnisher.
    pub fn of_picture(request: &Request, k: usize, model: impl Into<String>) -> Self {
        Self {
            request: request.picture(k),
            model: model.into(),
            app_version: env!("CARGO_PKG_VERSION").to_owned(),
            verdict: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Request {
        Request { prompt: "a fox".into(), steps: 20, seed: u64::MAX, height: 768, count: 2, ..Request::default() }
    }

    fn complaint(change: impl FnOnce(&mut Request)) -> String {
        let mut request = request();
        change(&mut request);
        request.validate().expect_err("the request is bad").to_string()
    }

    #[test]
    fn a_good_request_passes() {
        request().validate().expect("the request is good");
    }

    #[test]
    fn a_bad_size_is_refused_with_the_nearest_good_one() {
        assert!(complaint(|r| r.width = 0).contains("multiple of 8 above 0, not 0. The nearest is 8"));
        assert!(complaint(|r| r.width = 7).contains("The nearest is 8"));
        assert!(
            complaint(|r| r.height = 100)
                .contains("height must be a multiple of 8 above 0, not 100. The nearest is 96 or 104")
        );
        assert!(complaint(|r| r.width = 40_000).contains("width 40000 is too large"));
        assert!(complaint(|r| r.width = usize::MAX).contains("multiple of 8"));
    }

    #[test]
    fn bad_steps_counts_and_guidance_are_refused_by_name() {
        assert!(complaint(|r| r.steps = 0).contains("steps must be between 1 and 1000, not 0"));
        assert!(complaint(|r| r.steps = 1001).contains("not 1001"));
        assert!(complaint(|r| r.count = 0).contains("pictures must be 1 or more"));
        assert!(complaint(|r| r.guidance_scale = -1.0).contains("guidance scale"));
        assert!(complaint(|r| r.guidance_scale = f64::NAN).contains("not NaN"));
        assert!(complaint(|r| r.guidance_scale = f64::INFINITY).contains("not inf"));
        assert!(complaint(|r| r.guidance_rescale = 1.5).contains("between 0 and 1, not 1.5"));
        assert!(complaint(|r| r.guidance_rescale = f64::NAN).contains("guidance rescale"));
    }

    #[test]
    fn each_picture_has_its_own_seed_and_the_last_seed_wraps() {
        let recipe = Recipe::of_picture(&request(), 1, "bundled");
        assert_eq!((recipe.request.seed, recipe.request.count), (0, 1));
    }

    #[test]
    fn a_recipe_survives_json_with_every_digit_of_its_seed() {
        let recipe = Recipe::of_picture(&request(), 0, "models/fox");
        let json = serde_json::to_string(&recipe).expect("a recipe is JSON");
        assert!(json.contains("18446744073709551615"));
        assert_eq!(serde_json::from_str::<Recipe>(&json).expect("and back"), recipe);
    }

    #[test]
    fn a_newer_recipe_with_unknown_keys_still_opens() {
        let json = r#"{"request":{"task":{"name":"text-to-image","x":1},"prompt":"a","negative_prompt":"","steps":1,
            "guidance_scale":1,"guidance_rescale":0,"seed":1,"width":8,"height":8,"count":1,"later":true},
            "model":"bundled","app_version":"9","later":[]}"#;
        let recipe: Recipe = serde_json::from_str(json).expect("unknown keys are passed over");
        assert_eq!(recipe.request.scheduler, None);
    }
}
