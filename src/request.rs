//! What a generation is: shared by the window, the command line, the worker and the PNG.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::schedulers::SchedulerKind;

/// One generation, complete: the same request gives the same pictures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    pub task: Task,
    pub prompt: String,
    pub negative_prompt: String,
    /// The sampler; `None` takes the checkpoint's own.
    #[serde(skip)]
    pub scheduler: Option<SchedulerKind>,
    pub steps: usize,
    pub guidance_scale: f64,
    /// `StableDiffusionPipeline`'s `guidance_rescale`, 0 to 1.
    pub guidance_rescale: f64,
    /// Picture k of the request is drawn from seed + k.
    pub seed: u64,
    /// Pixels.
    pub width: usize,
    pub height: usize,
    /// How many pictures.
    pub count: usize,
}

/// What kind of generation it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "name")]
pub enum Task {
    TextToImage,
}

impl Request {
    /// Checks everything that can be checked without a model.
    ///
    /// # Errors
    /// The first thing that is wrong, with the value and what would be right.
    pub fn validate(&self) -> Result<()> {
        Ok(())
    }
}

/// What the PNG stores: enough to draw the picture again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    pub request: Request,
    /// The model, as the user named it.
    pub model: String,
    pub app_version: String,
}
