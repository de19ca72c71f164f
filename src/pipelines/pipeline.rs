//! `DiffusionPipeline`: a checkpoint's components put to work, whatever its family is.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use image::RgbImage;

use super::opening::{self, OnLoading};
use super::resident::Resident;
use super::rewind::{BranchPoint, KeptStep, StepCatcher, Trail};
use super::run::{Drawn, Hooks, Step};
use super::run_context::RunContext;
use super::run_start::{Resumption, RunStart};
use super::step_hook::StepHook;
use super::{decode, depth_to_image, from_noise, image_to_image, inpaint, side_by_side, stages};
use crate::base::device::ComputeDevice;
use crate::base::error::{Error, Result};
use crate::base::model_ref::ModelRef;
use crate::base::stop::{Outcome, Stop};
use crate::content::imaging;
use crate::content::imaging::depth::DepthMap;
use crate::content::request::{Branch, ImageRef, Request, SafetyMode, Task, TaskKind, Valid};
use crate::content::text::Tokenizer;
use crate::families::{self, ComponentId, Footprint, ModelFiles};
use crate::ops;
use crate::schedulers::{SamplingOptions, SchedulerConfig, SchedulerKind};
use crate::storage::checkpoint::Recommended;

/// A checkpoint with its weights loaded, on a device.
pub struct DiffusionPipeline {
    class_name: String,
    recommended: Recommended,
    /// Notes on the model's files.
    notes: Vec<String>,
    resident: Resident,
    /// The last run of one picture, for looking back and going on from it.
    trail: Mutex<Option<Trail>>,
}

impl DiffusionPipeline {
    /// Opens a model and loads its weights onto a device, as far as they fit: what isn't loaded yet, and the safety checker and
    /// the depth estimator in any case, is when it is first needed. `on_loading` is told after each tensor.
    ///
    /// # Errors
    /// No such model, a class or an option that isn't known here, a damaged or missing file, weights that don't fit their config;
    /// what `on_loading` says.
    pub fn open(model: &ModelRef, compute: ComputeDevice, on_loading: &mut OnLoading<'_>) -> Outcome<Self> {
        let checkpoint = families::open(model)?;
        let (class_name, recommended) = (checkpoint.class_name().to_owned(), checkpoint.recommended());
        let files = Arc::new(ModelFiles { name: model.to_string(), checkpoint, compute });
        let resident = opening::open(files, on_loading)?;
        let notes = resident.model().components().notes();
        Ok(Self { class_name, recommended, notes, resident, trail: Mutex::default() })
    }

    /// Draws what the request asks for, as one batch: picture k from seed + k.
    ///
    /// # Errors
    /// The request doesn't fit the model or the memory, the arithmetic failed, or it was cancelled.
    pub fn run(&self, request: &Valid<Request>, hooks: Hooks<'_>) -> Outcome<Vec<Drawn>> {
        self.run_watched(request, hooks, None, None)
    }

    /// Goes on with a run of this request that was interrupted, and gives what it would have given.
    ///
    /// # Errors
    /// As for [`Self::run`]; the state is of another run ([`Self::check_resumption`]).
    pub fn resume(&self, request: &Valid<Request>, resumption: &Resumption, hooks: Hooks<'_>) -> Outcome<Vec<Drawn>> {
        self.run_watched(request, hooks, Some(resumption.clone()), None)
    }

    /// Makes sure that a run of this request can be gone on with.
    ///
    /// # Errors
    /// The state is of another run, or it isn't whole.
    pub fn check_resumption(&self, request: &Request, resumption: &Resumption) -> Result<()> {
        stages::check_size(self.resident.spec(), request)?;
        let mut scheduler = stages::scheduler(self.scheduler_config(), request)?;
        RunStart::Interrupted(resumption.clone()).take_up(&self.resident, &mut scheduler, request).map(drop)
    }

    /// As [`Self::run`], and lets a step be caught.
    fn run_watched(
        &self,
        request: &Valid<Request>,
        mut hooks: Hooks<'_>,
        resumption: Option<Resumption>,
        catcher: Option<&mut StepCatcher>,
    ) -> Outcome<Vec<Drawn>> {
        self.check_task(request.start.task.kind())?;
        self.check_safety(request)?;
        let start = match (resumption, &request.start.branch) {
            (Some(resumption), _) => Some(RunStart::Interrupted(resumption)),
            (None, Some(branch)) => Some(RunStart::Branch(Box::new(self.branch_point(branch, &mut hooks)?))),
            (None, None) => None,
        };
        // Two of them would take twice the memory.
        self.forget_steps();
        let mut trail = (request.seeds.count == 1).then(|| Trail::new(request));
        let mut watchers: Vec<&mut dyn StepHook> = Vec::new();
        watchers.extend(trail.as_mut().map(|trail| trail as &mut dyn StepHook));
        watchers.extend(catcher.map(|catcher| catcher as &mut dyn StepHook));
        let cancel = hooks.cancel;
        let mut context = RunContext::new(hooks.reborrow(), watchers);
        let drawn = ops::interruptible(cancel, || self.run_task(request, start, &mut context));
        *self.trail() = trail.filter(|trail| trail.steps > 0);
        drawn
    }

    fn run_task(
        &self,
        request: &Request,
        start: Option<RunStart>,
        context: &mut RunContext<'_>,
    ) -> Outcome<Vec<Drawn>> {
        let resident = &self.resident;
        match &request.start.task {
            Task::TextToImage | Task::Unconditional => from_noise::run(resident, request, start, context),
            Task::ImageToImage { image, .. } => {
                image_to_image::run(resident, request, start, &imaging::decode::rgb(image.path()?)?, context)
            }
            Task::Inpaint(task) => {
                inpaint::run(resident, request, start, task, &imaging::decode::rgb(task.image.path()?)?, context)
            }
            Task::DepthToImage { image, depth, .. } => {
                let depth = depth.as_ref().map(ImageRef::path).transpose()?;
                depth_to_image::run(resident, request, start, image.path()?, depth, context)
            }
        }
    }

    /// Finds what another run left after one of its steps: it is kept, or drawn again.
    fn branch_point(&self, branch: &Branch, hooks: &mut Hooks<'_>) -> Outcome<BranchPoint> {
        let scheduler = stages::scheduler(self.scheduler_config(), &branch.from)?;
        let kept = self.trail().as_ref().filter(|trail| trail.request == branch.from).and_then(|t| t.get(branch.step));
        let kept = kept.map_or_else(|| self.draw_up_to(branch, hooks), Ok)?;
        Ok(BranchPoint::new(kept, scheduler, &branch.from)?)
    }

    /// Draws another run as far as one of its steps.
    fn draw_up_to(&self, branch: &Branch, hooks: &mut Hooks<'_>) -> Outcome<KeptStep> {
        let mut catcher = StepCatcher::new(branch.step);
        let Hooks { on_phase, on_step, cancel, .. } = hooks.reborrow();
        let mut until_then = |step: Step<'_>| {
            let is_there = step.index + 1 == branch.step;
            // Nothing of it is to be gone on with: it is a part of another run.
            on_step(Step { state: None, ..step })?;
            if is_there { Err(Stop::Cancelled) } else { Ok(()) }
        };
        let partly = Hooks { on_phase, on_step: &mut until_then, cancel, trace: None };
        let ended = self.run_watched(&Valid::new(branch.from.clone())?, partly, None, Some(&mut catcher));
        cancel.check()?;
        match (catcher.caught, ended) {
            (Some(kept), Err(Stop::Cancelled)) => Ok(kept),
            (_, Err(stop)) => Err(stop),
            (_, Ok(_)) => Err(Error::new(format!("There is no step {} to go on from", branch.step)).into()),
        }
    }

    /// Draws one picture in several ways: requests that differ in sampler, steps and guidance alone, at the same time.
    /// `on_drawn` takes each picture, with its place among the requests, as soon as it is finished.
    ///
    /// # Errors
    /// As for [`Self::run`]; the requests differ in more; what `on_drawn` says.
    pub fn run_side_by_side(
        &self,
        requests: &[Valid<Request>],
        hooks: Hooks<'_>,
        on_drawn: &mut dyn FnMut(usize, Drawn) -> Outcome<()>,
    ) -> Outcome<()> {
        self.check_task(TaskKind::TextToImage)?;
        requests.iter().try_for_each(|request| self.check_safety(request))?;
        self.forget_steps();
        let cancel = hooks.cancel;
        let mut context = RunContext::new(hooks, Vec::new());
        ops::interruptible(cancel, || side_by_side::run(&self.resident, requests, &mut context, on_drawn))
    }

    /// The request of the last run of one picture, and how many of its steps were done; `None` if nothing of it is kept.
    pub fn kept_steps(&self) -> Option<(Request, usize)> {
        self.trail().as_ref().map(|trail| (trail.request.clone(), trail.steps))
    }

    /// Draws what the last run's picture looked like after a step, counted from 1; `None` if nothing of it is kept.
    ///
    /// # Errors
    /// The codec can't be loaded, or the device failed.
    pub fn look_back(&self, step: usize) -> Outcome<Option<RgbImage>> {
        let samples = self.trail().as_ref().and_then(|trail| trail.look(step).cloned());
        samples.map(|samples| decode::preview(&self.resident, &samples)).transpose()
    }

    fn forget_steps(&self) {
        *self.trail() = None;
    }

    fn trail(&self) -> MutexGuard<'_, Option<Trail>> {
        self.trail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tasks that it can do.
    pub fn tasks(&self) -> &'static [TaskKind] {
        self.resident.spec().tasks
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

    /// Refuses to block flagged pictures where the model's safety checker was left away.
    fn check_safety(&self, request: &Request) -> Result<()> {
        let is_left_out = self.resident.model().components().checkpoint().is_left_out("safety_checker");
        if request.finish.safety == SafetyMode::Block && is_left_out {
            return Err(Error::new(
                "Pictures that the safety checker flags are to be blocked, but this model's safety checker isn't there",
            )
            .advise("Download all of the model, or let the safety checker blur or be off"));
        }
        Ok(())
    }

    /// Estimates how near everything in a picture is, in the estimator's own size.
    ///
    /// # Errors
    /// The model has no depth estimator, or its parts don't fit each other.
    pub fn estimate_depth(&self, picture: &RgbImage) -> Outcome<DepthMap> {
        self.resident.estimate_depth(picture)
    }

    /// The memory that it takes.
    pub fn footprint(&self) -> &Footprint {
        self.resident.footprint()
    }

    /// The components that are loaded now.
    pub fn loaded(&self) -> Vec<ComponentId> {
        self.resident.model().components().loaded()
    }

    /// Bytes that its weights take now.
    pub fn loaded_bytes(&self) -> u64 {
        self.resident.model().components().loaded_bytes()
    }

    /// Notes on the model's files: components that aren't there, and tensors that nothing reads.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The pipeline's Diffusers class.
    pub fn class_name(&self) -> &str {
        &self.class_name
    }

    /// The checkpoint's own configuration of its sampler, which other samplers are built from, too.
    pub fn scheduler_config(&self) -> &SchedulerConfig {
        &self.resident.spec().scheduler_config
    }

    /// The sampler that the checkpoint asks for.
    ///
    /// # Errors
    /// It is none that is known here.
    pub fn scheduler(&self) -> Result<SchedulerKind> {
        SchedulerKind::from_config(self.scheduler_config())
    }

    /// The samplers that can't draw with it, and why.
    pub fn refused_schedulers(&self) -> Vec<(SchedulerKind, Error)> {
        // Enough steps for any of them.
        const STEPS: usize = 20;
        let refused = |&kind: &SchedulerKind| {
            let error = match kind.build(self.scheduler_config(), STEPS, &SamplingOptions::default()) {
                Ok(scheduler) => self.resident.model().objection(kind, &scheduler)?,
                Err(error) => error,
            };
            Some((kind, error))
        };
        SchedulerKind::ALL.iter().filter_map(refused).collect()
    }

    /// The settings that the model's card recommends.
    pub fn recommended(&self) -> Recommended {
        self.recommended
    }

    /// Steps by default: those of its pipeline's `__call__` in Diffusers.
    pub fn default_steps(&self) -> usize {
        self.resident.spec().steps
    }

    /// The guidance scale by default, likewise; `None` for a model without guidance.
    pub fn default_guidance_scale(&self) -> Option<f64> {
        self.resident.spec().guidance_scale
    }

    /// Width and height of the pictures that the model is made for, in pixels.
    pub fn default_size(&self) -> (usize, usize) {
        self.resident.spec().size
    }

    /// The number that both sides of a picture are multiples of.
    pub fn size_multiple(&self) -> usize {
        self.resident.spec().size_multiple
    }

    /// Its tokenizer, which counts the tokens of a prompt; `None` for a model that reads none.
    pub fn tokenizer(&self) -> Option<&Arc<dyn Tokenizer>> {
        self.resident.model().tokenizer()
    }

    /// The device that it runs on.
    pub fn compute(&self) -> &ComputeDevice {
        self.resident.compute()
    }

    /// The number of its parameters: those of the components that every run needs.
    pub fn num_params(&self) -> usize {
        self.footprint().usual_parameters() as usize
    }
}
