//! What was read from a picture, in our own terms, and what of it we can't do, in words.

use crate::content::request::{self, Recipe};
use crate::schedulers::SchedulerKind;

/// The app that wrote the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// We.
    Burnisher,
    /// AUTOMATIC1111's web UI, Forge, and the many that write as they do.
    Automatic1111,
    /// ComfyUI.
    ComfyUi,
    /// InvokeAI.
    InvokeAi,
    /// Draw Things.
    DrawThings,
    /// Fooocus.
    Fooocus,
    /// NovelAI.
    NovelAi,
}

impl Source {
    /// The app's name.
    pub fn label(self) -> &'static str {
        match self {
            Self::Burnisher => "Burnisher",
            Self::Automatic1111 => "AUTOMATIC1111",
            Self::ComfyUi => "ComfyUI",
            Self::InvokeAi => "InvokeAI",
            Self::DrawThings => "Draw Things",
            Self::Fooocus => "Fooocus",
            Self::NovelAi => "NovelAI",
        }
    }
}

/// The settings of a picture. What is there makes sense: each value passes `Request::validate`. What the file doesn't
/// say, or says in a way that can't be used, is absent; the latter has a note.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// Who wrote them.
    pub source: Source,
    /// The whole recipe, where it is one of ours. The other fields repeat it.
    pub recipe: Option<Recipe>,
    /// What the picture shows.
    pub prompt: Option<String>,
    /// What it was not to show. Empty: the file says that there was none.
    pub negative_prompt: Option<String>,
    /// The sampler, where we have it.
    pub scheduler: Option<SchedulerKind>,
    /// The sampler as the file names it, also where we don't have it.
    pub sampler: Option<String>,
    /// Denoising steps.
    pub steps: Option<usize>,
    /// How strongly the prompt was followed.
    pub guidance_scale: Option<f64>,
    /// `StableDiffusionPipeline`'s `guidance_rescale`.
    pub guidance_rescale: Option<f64>,
    /// The seed.
    pub seed: Option<u64>,
    /// Pixels, before any upscaling.
    pub width: Option<usize>,
    /// Pixels, before any upscaling.
    pub height: Option<usize>,
    /// The model, as the file names it.
    pub model: Option<String>,
    /// What the file says and we can't do, or what makes the picture differ: a sentence each, without its full stop.
    pub notes: Vec<String>,
}

impl From<Recipe> for Imported {
    fn from(recipe: Recipe) -> Self {
        let mut imported = Self::new(Source::Burnisher);
        let request = &recipe.request;
        if let Err(error) = request.validate() {
            imported.note(format!("The recipe can't be drawn: {}", error.headline()));
        }
        imported.prompt = Some(request.prompts.prompt.clone());
        imported.negative_prompt = Some(request.prompts.negative_prompt.clone());
        imported.scheduler = request.sampling.scheduler;
        imported.sampler = request.sampling.scheduler.map(|kind| kind.label().to_owned());
        imported.steps = Some(request.sampling.steps).filter(|steps| request::validate_steps(*steps).is_ok());
        imported.guidance_scale =
            Some(request.guidance.scale).filter(|scale| request::validate_guidance_scale(*scale).is_ok());
        imported.guidance_rescale =
            Some(request.guidance.rescale).filter(|rescale| request::validate_guidance_rescale(*rescale).is_ok());
        imported.seed = Some(request.seeds.first);
        imported.width = Some(request.size.width).filter(|pixels| request::validate_side("width", *pixels).is_ok());
        imported.height = Some(request.size.height).filter(|pixels| request::validate_side("height", *pixels).is_ok());
        imported.model = Some(recipe.model.clone());
        imported.recipe = request.validate().is_ok().then_some(recipe);
        imported
    }
}

impl Imported {
    /// Settings of which nothing is known yet.
    pub(super) fn new(source: Source) -> Self {
        Self {
            source,
            recipe: None,
            prompt: None,
            negative_prompt: None,
            scheduler: None,
            sampler: None,
            steps: None,
            guidance_scale: None,
            guidance_rescale: None,
            seed: None,
            width: None,
            height: None,
            model: None,
            notes: Vec::new(),
        }
    }
}
