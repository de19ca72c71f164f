//! The form: a request in the making, in which the seed may still be open.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::content::request::{
    Branch, Finish, Guidance, Inpaint, MAX_SIDE, MAX_STEPS, Prompts, Request, SIDE_MULTIPLE, SafetyMode, Sampling,
    Seeds, Size, Start, Task, TaskKind, random_seed,
};
use crate::schedulers::{SamplingOptions, SchedulerKind};

/// Pictures that one click draws at most.
pub const MAX_COUNT: usize = 1000;

/// The largest guidance scale that the form takes; above it every model burns its colours.
pub const MAX_GUIDANCE: f64 = 30.0;

/// Diffusers' `strength` of image to image.
const DEFAULT_STRENGTH: f64 = 0.8;

/// What the user has filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Draft {
    /// What kind of generation it is.
    pub task: TaskKind,
    /// The picture to begin with; it stays when the task changes.
    pub image: Option<PathBuf>,
    /// How much of the picture may change.
    pub strength: f64,
    /// The mask and how it is used; it stays when the task changes. Its picture and strength are the ones above.
    pub inpaint: Inpaint,
    /// A depth map of the user's own.
    pub depth: Option<PathBuf>,
    /// See [`Prompts::prompt`].
    pub prompt: String,
    /// See [`Prompts::negative_prompt`].
    pub negative_prompt: String,
    /// See [`Sampling::scheduler`].
    pub scheduler: Option<SchedulerKind>,
    /// See [`Sampling::options`].
    pub sampling: SamplingOptions,
    /// See [`Sampling::steps`].
    pub steps: usize,
    /// See [`Guidance::scale`].
    pub guidance_scale: f64,
    /// See [`Guidance::rescale`].
    pub guidance_rescale: f64,
    /// The seed of the next picture if it is locked, and else of the last.
    pub seed: u64,
    /// Whether the seed stays.
    pub seed_locked: bool,
    /// Pixels.
    pub width: usize,
    /// Pixels.
    pub height: usize,
    /// Pictures a click.
    pub count: usize,
    /// See [`Finish::safety`].
    pub safety: SafetyMode,
    /// See [`Start::branch`].
    pub branch: Option<Box<Branch>>,
    /// Whether size, steps and guidance are still the model's own, so that another model brings its own.
    pub untouched: bool,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            task: TaskKind::TextToImage,
            image: None,
            strength: DEFAULT_STRENGTH,
            inpaint: Inpaint::default(),
            depth: None,
            prompt: String::new(),
            negative_prompt: String::new(),
            scheduler: None,
            sampling: SamplingOptions::default(),
            steps: 20,
            guidance_scale: 7.5,
            guidance_rescale: 0.0,
            seed: 0,
            seed_locked: false,
            width: 512,
            height: 512,
            count: 1,
            safety: SafetyMode::default(),
            branch: None,
            untouched: true,
        }
    }
}

impl Draft {
    /// The request as the form stands.
    pub fn request(&self) -> Request {
        Request {
            start: Start { task: self.request_task(), branch: self.branch.clone() },
            prompts: Prompts { prompt: self.prompt.clone(), negative_prompt: self.negative_prompt.clone() },
            sampling: Sampling { scheduler: self.scheduler, options: self.sampling.clone(), steps: self.steps },
            guidance: Guidance { scale: self.guidance_scale, rescale: self.guidance_rescale },
            seeds: Seeds { first: self.seed, count: self.count },
            size: Size::new(self.width, self.height),
            finish: Finish { safety: self.safety },
        }
    }

    /// The request of a click on Generate: with a new seed unless it is locked.
    pub fn next_request(&mut self) -> Request {
        if !self.seed_locked {
            self.seed = random_seed();
        }
        self.request()
    }

    /// Takes everything over from a request. The seed is locked, so that the next picture is the same one.
    pub fn take(&mut self, request: &Request) {
        *self = Self {
            prompt: request.prompts.prompt.clone(),
            negative_prompt: request.prompts.negative_prompt.clone(),
            scheduler: request.sampling.scheduler,
            steps: request.sampling.steps,
            guidance_scale: request.guidance.scale,
            guidance_rescale: request.guidance.rescale,
            sampling: request.sampling.options.clone(),
            seed: request.seeds.first,
            seed_locked: true,
            width: request.size.width,
            height: request.size.height,
            count: 1,
            safety: request.finish.safety,
            branch: request.start.branch.clone(),
            untouched: false,
            ..self.clone()
        };
        self.take_task(&request.start.task);
        self.make_valid();
    }

    /// The task as the form stands; a picture that isn't chosen yet has an empty path.
    fn request_task(&self) -> Task {
        let (image, strength) = (self.image.clone().unwrap_or_default(), self.strength);
        match self.task {
            TaskKind::TextToImage => Task::TextToImage,
            TaskKind::Unconditional => Task::Unconditional,
            TaskKind::ImageToImage => Task::ImageToImage { image, strength },
            TaskKind::Inpaint => Task::Inpaint(Box::new(Inpaint { image, strength, ..self.inpaint.clone() })),
            TaskKind::DepthToImage => Task::DepthToImage { image, strength, depth: self.depth.clone() },
        }
    }

    /// Takes a task over. What it doesn't speak of stays: the picture, the mask.
    pub fn take_task(&mut self, task: &Task) {
        self.task = task.kind();
        if let Some(image) = task.image() {
            self.image = Some(image.clone()).filter(|image| !image.as_os_str().is_empty());
            self.strength = task.strength();
        }
        match task {
            Task::Inpaint(inpaint) => self.inpaint = Inpaint::clone(inpaint),
            Task::DepthToImage { depth, .. } => self.depth.clone_from(depth),
            Task::TextToImage | Task::Unconditional | Task::ImageToImage { .. } => {}
        }
    }

    /// Brings every value into its range.
    pub fn make_valid(&mut self) {
        let strength = if self.strength.is_finite() { self.strength } else { DEFAULT_STRENGTH };
        self.strength = strength.clamp(0.0, 1.0);
        self.steps = self.steps.clamp(1, MAX_STEPS);
        let guidance = if self.guidance_scale.is_finite() { self.guidance_scale } else { 7.5 };
        self.guidance_scale = guidance.clamp(0.0, MAX_GUIDANCE);
        let rescale = if self.guidance_rescale.is_finite() { self.guidance_rescale } else { 0.0 };
        self.guidance_rescale = rescale.clamp(0.0, 1.0);
        self.width = valid_side(self.width);
        self.height = valid_side(self.height);
        self.count = self.count.clamp(1, MAX_COUNT);
    }
}

/// The nearest side that a picture can have.
pub fn valid_side(pixels: usize) -> usize {
    let nearest = (pixels.min(MAX_SIDE) + SIDE_MULTIPLE / 2) / SIDE_MULTIPLE * SIDE_MULTIPLE;
    nearest.clamp(SIDE_MULTIPLE, MAX_SIDE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::request::Mask;

    #[test]
    fn an_open_seed_is_new_each_time_and_a_locked_one_stays() {
        let mut draft = Draft::default();
        let first = draft.next_request().seeds.first;
        assert_eq!(draft.seed, first, "it is shown");
        assert_ne!(draft.next_request().seeds.first, first);
        draft.seed_locked = true;
        draft.seed = 7;
        assert_eq!([draft.next_request().seeds.first, draft.next_request().seeds.first], [7, 7]);
    }

    #[test]
    fn a_form_that_takes_a_request_asks_for_the_same_again() {
        let request = Draft::default().request().with(|request| {
            request.seeds.first = 9;
            request.prompts.prompt = "a fox".into();
            request.sampling.steps = 3;
        });
        let mut draft = Draft::default();
        draft.take(&request);
        assert_eq!(draft.next_request(), request);
    }

    #[test]
    fn a_picture_and_a_mask_stay_when_the_task_changes() {
        let mask = Mask::new(image::GrayImage::from_pixel(8, 8, image::Luma([255])));
        let inpaint = Inpaint { image: "a.png".into(), mask, strength: 0.5, mask_blur: 4.0, ..Inpaint::default() };
        let request = Draft::default().request().with(|request| request.start.task = Task::Inpaint(Box::new(inpaint)));
        let mut draft = Draft::default();
        draft.take(&request);
        assert_eq!(draft.request().start.task, request.start.task);
        draft.take(&Draft::default().request());
        assert_eq!(draft.request().start.task, Task::TextToImage);
        draft.take_task(&Task::Inpaint(Box::new(Inpaint { image: "a.png".into(), ..draft.inpaint.clone() })));
        assert_eq!(draft.inpaint.mask.pixels().dimensions(), (8, 8));
    }

    #[test]
    fn values_out_of_range_come_back_into_it() {
        let mut draft =
            Draft { steps: 0, guidance_scale: f64::NAN, width: 3, height: usize::MAX, count: 0, ..Draft::default() };
        draft.make_valid();
        draft.request().validate().expect("now it is good");
        assert_eq!((draft.steps, draft.width, draft.height, draft.count), (1, 8, MAX_SIDE, 1));
    }
}
