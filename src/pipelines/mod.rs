//! `DiffusionPipeline`: the components of a checkpoint, put to work.
//!
//! One file a kind of model (`stable_diffusion`, `unconditional`: what it is made of) and one a task; what tasks share is in
//! `stages`, `denoise` (the loop, which exists once), `guidance` and `decode`.

mod conditioning;
mod decode;
mod denoise;
mod depth_estimator;
mod depth_to_image;
mod guidance;
mod image_to_image;
mod inpaint;
mod inspect;
mod latents;
mod memory;
mod opening;
mod parts;
mod plan;
mod rewind;
mod safety;
mod side_by_side;
mod sketch;
mod slot;
mod stable_diffusion;
mod stages;
mod text_to_image;
mod trace;
mod unconditional;

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use burn::tensor::Tensor;
use image::{GrayImage, RgbImage};

use crate::base::cancel::CancelToken;
use crate::base::device::ComputeDevice;
use crate::base::error::{Error, Result};
use crate::base::model_ref::ModelRef;
use crate::base::rng::Generators;
use crate::content::imaging::{self, depth::DepthMap};
use crate::content::request::{Request, Task, TaskKind, Verdict};
use crate::content::text::Tokenizer;
use crate::families;
use crate::ops;
use crate::schedulers::{SamplingOptions, Scheduler, SchedulerConfig, SchedulerKind};
use crate::storage::checkpoint::Recommended;

use opening::uncancelled;
use rewind::{Start, Trail};
use stable_diffusion::{StableDiffusion, no_depth_estimator};
use unconditional::Unconditional;

pub use denoise::Overflow;
pub use inspect::{ComponentInspection, Inspection, inspect};
pub use memory::{Footprint, Part, Room, Wish};
pub use opening::Loading;
pub use plan::Plan;
pub use trace::Trace;

/// A checkpoint with its weights loaded, on a device.
pub struct DiffusionPipeline {
    class_name: String,
    recommended: Recommended,
    model: Model,
    /// What is to be said of the model's files.
    notes: Vec<String>,
    /// The last run of one picture, for looking back and going on from it.
    trail: Mutex<Option<Trail>>,
}

/// The kinds of models, each with its components.
enum Model {
    /// It reads text and draws in latents.
    StableDiffusion(Box<StableDiffusion>),
    /// It draws pixels, of the kind that it was trained on.
    Unconditional(Box<Unconditional>),
}

/// What a run tells on its way, and what it looks at.
pub struct Hooks<'a> {
    /// A phase begins.
    pub on_phase: &'a mut dyn FnMut(Phase),
    /// A step is done; `Break` stops the run.
    pub on_step: &'a mut dyn FnMut(Step<'_>) -> ControlFlow<()>,
    /// Polled between the layers of the networks, and on the CPU within them; once raised, the run ends as [`Run::Cancelled`].
    pub cancel: &'a CancelToken,
    /// Takes the numbers inside the run.
    pub trace: Option<&'a mut Trace>,
}

/// What a run goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The prompt is read.
    Encoding,
    /// Noise becomes latents, step by step.
    Denoising,
    /// Latents become a picture.
    Decoding,
}

/// A step of the denoising that is done. Tensors are on the device: reading one back waits for it.
pub struct Step<'a> {
    /// Which of several pictures drawn side by side it is of, counted from 0.
    pub variant: usize,
    /// Counted from 0.
    pub index: usize,
    /// How many there are: some samplers call the model more often than the request's number says.
    pub of: usize,
    /// The sampler's own number of the step that comes next.
    pub next: usize,
    /// What noise is drawn from.
    pub generators: &'a Generators,
    /// The step's timestep.
    pub timestep: f64,
    /// The latents after the step, `[batch, channels, height / 8, width / 8]`.
    pub latents: &'a Tensor<4>,
    /// The model's present idea of the finished latents.
    pub pred_original_sample: &'a Tensor<4>,
    /// Decodes what the first picture looks like by now. It costs as much as a finished picture's decode.
    pub decode: &'a mut Look<'a>,
    /// The same by a linear map, one pixel a latent, for next to nothing; `None` for latents whose map isn't known.
    pub sketch: Option<&'a mut Look<'a>>,
}

/// A look at a picture in the making; `None` when the run was cancelled meanwhile.
pub type Look<'a> = dyn FnMut() -> Result<Option<RgbImage>> + 'a;

/// How a run ended. Cancelled is no error.
#[derive(Debug)]
pub enum Run {
    /// The pictures, in the order of their seeds.
    Done(Vec<Drawn>),
    /// Someone asked it to stop.
    Cancelled,
}

/// A finished picture.
#[derive(Clone, Debug)]
pub struct Drawn {
    /// What it looks like.
    pub image: RgbImage,
    /// What the safety checker says of it; `None` if it wasn't asked.
    pub verdict: Option<Verdict>,
    /// The depth map that it was drawn by, as large as the picture.
    pub depth: Option<GrayImage>,
}

impl From<RgbImage> for Drawn {
    fn from(image: RgbImage) -> Self {
        Self { image, verdict: None, depth: None }
    }
}

impl DiffusionPipeline {
    /// Opens a model and loads its weights onto a device, as far as they fit: what isn't loaded yet, and the safety checker and
    /// the depth estimator in any case, is when it is first needed. `on_loading` is told after each tensor; once it breaks,
    /// the rest is left out and the result is `None`.
    ///
    /// # Errors
    /// No such model, a class or an option that we don't know, a damaged or missing file, weights that don't fit their config.
    pub fn open(
        model: &ModelRef,
        compute: ComputeDevice,
        on_loading: &mut dyn FnMut(Loading<'_>) -> ControlFlow<()>,
    ) -> Result<Option<Self>> {
        let checkpoint = families::open(model)?;
        let (class_name, recommended) = (checkpoint.class_name().to_owned(), checkpoint.recommended());
        let opened = if checkpoint.family().id == families::unconditional::row::ROW.id {
            Unconditional::open(&checkpoint, compute, on_loading)?.map(Box::new).map(Model::Unconditional)
        } else {
            StableDiffusion::open(model, checkpoint, compute, on_loading)?.map(Box::new).map(Model::StableDiffusion)
        };
        Ok(opened.map(|model| {
            let notes = match &model {
                Model::StableDiffusion(model) => model.parts.notes(),
                Model::Unconditional(model) => model.notes.clone(),
            };
            Self { class_name, recommended, model, notes, trail: Mutex::new(None) }
        }))
    }

    /// Draws what the request asks for, as one batch: picture k from seed + k.
    ///
    /// # Errors
    /// The request doesn't fit the model or the memory, or the arithmetic failed.
    pub fn run(&self, request: &Request, mut hooks: Hooks<'_>) -> Result<Run> {
        request.validate()?;
        self.check_task(request.start.task.kind())?;
        let start = match &request.start.branch {
            None => None,
            Some(branch) => match self.start(branch, &mut hooks)? {
                Some(start) => Some(start),
                None => return Ok(Run::Cancelled),
            },
        };
        let mut trail = (request.seeds.count == 1).then(|| Trail::new(request));
        let Hooks { on_phase, on_step, cancel, trace } = hooks;
        let mut keeping = |step: Step<'_>| {
            if let Some(trail) = &mut trail {
                trail.keep(&step);
            }
            on_step(step)
        };
        let run = self.run_task(request, start, Hooks { on_phase, on_step: &mut keeping, cancel, trace });
        if let Some(trail) = trail.filter(|trail| trail.steps > 0) {
            *self.trail.lock().unwrap_or_else(PoisonError::into_inner) = Some(trail);
        }
        run
    }

    fn run_task(&self, request: &Request, start: Option<Start>, hooks: Hooks<'_>) -> Result<Run> {
        let cancel = hooks.cancel;
        let run = ops::interruptible(cancel, || {
            Ok(match (&self.model, &request.start.task) {
                (Model::StableDiffusion(model), Task::TextToImage) => text_to_image::run(model, request, start, hooks),
                (Model::StableDiffusion(model), Task::ImageToImage { image, .. }) => {
                    image_to_image::run(model, request, start, &imaging::decode::rgb(image)?, hooks)
                }
                (Model::StableDiffusion(model), Task::Inpaint(task)) => {
                    inpaint::run(model, request, start, task, &imaging::decode::rgb(&task.image)?, hooks)
                }
                (Model::StableDiffusion(model), Task::DepthToImage { image, depth, .. }) => {
                    depth_to_image::run(model, request, start, image, depth.as_deref(), hooks)
                }
                (Model::Unconditional(model), Task::Unconditional) => model.run(request, start, hooks),
                (_, task) => Err(Error::new(format!("This version has no {}", task.kind().name()))),
            }?)
        });
        Ok(uncancelled(run)?.unwrap_or(Run::Cancelled))
    }

    /// What is kept of the last run of one picture: its request, and how many steps of it were done.
    pub fn kept_steps(&self) -> Option<(Request, usize)> {
        self.with_trail(|trail| trail.map(|trail| (trail.request.clone(), trail.steps)))
    }

    /// What the last run's picture looked like after a step, counted from 1. `None`: nothing is kept.
    ///
    /// # Errors
    /// The device failed.
    pub fn look_back(&self, step: usize) -> Result<Option<RgbImage>> {
        let Some(samples) = self.with_trail(|trail| trail?.look(step).cloned()) else { return Ok(None) };
        let cancel = CancelToken::new();
        match &self.model {
            Model::StableDiffusion(model) => decode::preview(model, &samples, &cancel),
            Model::Unconditional(_) => unconditional::sketch(&samples).map(Some),
        }
    }

    fn with_trail<T>(&self, read: impl FnOnce(Option<&Trail>) -> T) -> T {
        read(self.trail.lock().unwrap_or_else(PoisonError::into_inner).as_ref())
    }

    /// The sampler that a request asks for, or else the checkpoint's own.
    fn build_scheduler(&self, request: &Request) -> Result<Scheduler> {
        stages::scheduler(self.scheduler_config(), request)
    }

    /// Draws one picture in several ways: requests that differ in sampler, steps and guidance alone, at the same time.
    /// `on_drawn` takes each picture, with its place among the requests, as soon as it is finished. `false`: it was
    /// cancelled.
    ///
    /// # Errors
    /// As for [`Self::run`]; the requests differ in more; `on_drawn` failed.
    pub fn run_side_by_side(
        &self,
        requests: &[Request],
        hooks: Hooks<'_>,
        on_drawn: &mut dyn FnMut(usize, Drawn) -> Result<()>,
    ) -> Result<bool> {
        self.check_task(TaskKind::TextToImage)?;
        let Model::StableDiffusion(model) = &self.model else { return Ok(false) };
        let done = ops::interruptible(hooks.cancel, || Ok(side_by_side::run(model, requests, hooks, on_drawn)?));
        Ok(uncancelled(done)?.unwrap_or(false))
    }

    /// What it can do.
    pub fn tasks(&self) -> &'static [TaskKind] {
        match &self.model {
            Model::StableDiffusion(model) => model.tasks(),
            Model::Unconditional(_) => &[TaskKind::Unconditional],
        }
    }

    /// Refuses a task that the model isn't made for.
    fn check_task(&self, task: TaskKind) -> Result<()> {
        if self.tasks().contains(&task) {
            return Ok(());
        }
        let can: Vec<_> = self.tasks().iter().map(|task| task.name()).collect();
        Err(Error::new(format!("This model can't do {}: it is made for {}", task.name(), can.join(", ")))
            .advise(format!("Choose {}", task.suitable_models())))
    }

    /// How near everything in a picture is, as the model's depth estimator sees it and in that one's own size.
    ///
    /// # Errors
    /// The model has no depth estimator, or its parts don't fit each other.
    pub fn estimate_depth(&self, picture: &RgbImage) -> Result<DepthMap> {
        match &self.model {
            Model::StableDiffusion(model) => {
                let depth = model.estimate_depth(picture, &CancelToken::new())?;
                depth.ok_or_else(|| Error::new("The depth wasn't estimated"))
            }
            Model::Unconditional(_) => Err(no_depth_estimator()),
        }
    }

    /// What it takes of the memory.
    pub fn footprint(&self) -> Footprint {
        match &self.model {
            Model::StableDiffusion(model) => model.footprint(),
            Model::Unconditional(model) => model.footprint().clone(),
        }
    }

    /// The components that are loaded now.
    pub fn loaded(&self) -> Vec<Part> {
        match &self.model {
            Model::StableDiffusion(model) => model.parts.loaded(),
            Model::Unconditional(_) => vec![Part::Unet],
        }
    }

    /// Bytes that its weights take now.
    pub fn loaded_bytes(&self) -> u64 {
        let footprint = self.footprint();
        self.loaded().into_iter().map(|part| footprint.weights(part)).sum()
    }

    /// What is to be said of the model's files: tensors that nothing reads.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The pipeline's Diffusers class.
    pub fn class_name(&self) -> &str {
        &self.class_name
    }

    /// The checkpoint's own configuration of its sampler, which other samplers are built from, too.
    pub fn scheduler_config(&self) -> &SchedulerConfig {
        match &self.model {
            Model::StableDiffusion(model) => &model.scheduler_config,
            Model::Unconditional(model) => &model.scheduler_config,
        }
    }

    /// The sampler that the checkpoint asks for.
    ///
    /// # Errors
    /// It is none that we know.
    pub fn scheduler(&self) -> Result<SchedulerKind> {
        SchedulerKind::from_config(self.scheduler_config())
    }

    /// Samplers that can't draw with it, and why.
    pub fn refused_schedulers(&self) -> Vec<(SchedulerKind, Error)> {
        // Enough steps for any of them.
        const STEPS: usize = 20;
        let refused = |&kind: &SchedulerKind| {
            let error = match kind.build(self.scheduler_config(), STEPS, &SamplingOptions::default()) {
                Ok(scheduler) => self.objection(kind, &scheduler)?,
                Err(error) => error,
            };
            Some((kind, error))
        };
        SchedulerKind::ALL.iter().filter_map(refused).collect()
    }

    /// Why a sampler that can be built draws nothing of worth with it; `None` if it does.
    fn objection(&self, kind: SchedulerKind, scheduler: &Scheduler) -> Option<Error> {
        match &self.model {
            Model::StableDiffusion(_) => None,
            Model::Unconditional(_) => Unconditional::objection(kind, scheduler),
        }
    }

    /// What the model's card recommends.
    pub fn recommended(&self) -> Recommended {
        self.recommended
    }

    /// Steps by default: those of its pipeline's `__call__` in Diffusers.
    pub fn default_steps(&self) -> usize {
        if self.class_name == "DDPMPipeline" { 1000 } else { 50 }
    }

    /// Width and height of the pictures that the model is made for, in pixels.
    pub fn default_size(&self) -> (usize, usize) {
        match &self.model {
            Model::StableDiffusion(model) => model.default_size(),
            Model::Unconditional(model) => model.default_size(),
        }
    }

    /// Its tokenizer, for whoever wants to know how long a prompt is; `None` for a model that reads none.
    pub fn tokenizer(&self) -> Option<&Arc<dyn Tokenizer>> {
        match &self.model {
            Model::StableDiffusion(model) => Some(&model.tokenizer),
            Model::Unconditional(_) => None,
        }
    }

    /// Where it runs.
    pub fn compute(&self) -> &ComputeDevice {
        match &self.model {
            Model::StableDiffusion(model) => &model.compute,
            Model::Unconditional(model) => &model.compute,
        }
    }

    /// How many parameters it has.
    pub fn num_params(&self) -> usize {
        match &self.model {
            Model::StableDiffusion(model) => model.num_params(),
            Model::Unconditional(model) => model.num_params(),
        }
    }
}
