//! One job, from request to files.
//!
//! Pictures are drawn one after the other, so that each is saved as soon as it can be and memory doesn't grow with
//! their number; only a traced job draws them as one batch.

use std::cell::RefCell;
use std::ops::ControlFlow;
use std::time::Instant;

use image::RgbImage;

use crate::error::{Error, Result};
use crate::gallery::{self, Destination, Entry};
use crate::imaging::png_text;
use crate::pipelines::{Run, Trace};
use crate::request::{Recipe, Request};
use crate::schedulers::SchedulerKind;
use crate::worker::engine::{Engine, Hooks, StepDone};
use crate::worker::latest::Latest;
use crate::worker::outbox::Outbox;
use crate::worker::preview::Budget;
use crate::worker::protocol::{Event, Job, Outcome, Phase, Preview, Previews};
use crate::worker::tuning::Tuning;

/// A job on its way.
pub(super) struct Working<'a> {
    job: &'a Job,
    /// The model, as the user named it: recipes keep it.
    model: &'a str,
    outbox: &'a Outbox,
    slot: &'a Latest<Preview>,
    /// What the model's GPU has done before; `None` on the CPU.
    tuning: Option<&'a mut Tuning>,
    budget: Budget,
    /// When the last step, and its preview, were done.
    step_began: Instant,
}

impl<'a> Working<'a> {
    pub(super) fn new(
        job: &'a Job,
        model: &'a str,
        outbox: &'a Outbox,
        slot: &'a Latest<Preview>,
        tuning: Option<&'a mut Tuning>,
    ) -> Self {
        Self { job, model, outbox, slot, tuning, budget: Budget::default(), step_began: Instant::now() }
    }

    /// Draws and saves every picture of the job; `scheduler` is the checkpoint's own.
    pub(super) fn run(&mut self, engine: &mut impl Engine, scheduler: Option<SchedulerKind>) -> Result<Outcome> {
        // The recipe names the sampler that drew the picture, also where the checkpoint chose it, and the steps that it took.
        let scheduler = self.job.request.scheduler.or(scheduler);
        let mut request = Request { scheduler, ..self.job.request.clone() };
        request.steps = scheduler.map_or(request.steps, |kind| kind.steps(request.steps, &request.sampling));
        self.outbox.tell(Event::JobStarted { id: self.job.id, request: request.clone() });
        let entries = if let Some(path) = &self.job.trace {
            let mut trace = Trace::default();
            let Some(entries) = self.draw(engine, &request, 0, Some(&mut trace))? else {
                return Ok(Outcome::Cancelled);
            };
            gallery::write_whole(path, &trace.to_safetensors()?)?;
            entries
        } else {
            let mut entries = Vec::new();
            for picture in 0..request.count {
                let Some(drawn) = self.draw(engine, &request.picture(picture), picture, None)? else {
                    return Ok(Outcome::Cancelled);
                };
                entries.extend(drawn);
            }
            entries
        };
        Ok(Outcome::Finished(entries))
    }

    /// Draws one batch and saves its pictures, the first of which is picture `first` of the job. `None`: cancelled.
    fn draw(
        &mut self,
        engine: &mut impl Engine,
        request: &Request,
        first: usize,
        trace: Option<&mut Trace>,
    ) -> Result<Option<Vec<Entry>>> {
        let cancel = &self.job.cancel;
        self.budget.picture(request.width * request.height);
        if let Some(tuning) = &mut self.tuning {
            // What a job that was stopped, or broke down, had begun.
            tuning.abandon();
        }
        let mut failure = None;
        // Both hooks keep the books.
        let this = RefCell::new(&mut *self);
        let run = engine.run(
            request,
            Hooks {
                on_phase: &mut |phase| this.borrow_mut().begin(first, phase, request),
                on_step: &mut |step| {
                    failure = this.borrow_mut().step_done(first, request, step).err();
                    if failure.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                },
                cancel,
                trace,
            },
        )?;
        if let Some(error) = failure {
            return Err(error);
        }
        let Run::Done(pictures) = run else {
            return Ok(None);
        };
        self.begin(first, Phase::Saving, request);
        let mut entries = Vec::new();
        for (k, picture) in pictures.into_iter().enumerate() {
            let recipe = Recipe { verdict: picture.verdict, ..Recipe::of_picture(request, k, self.model) };
            let entry = gallery::save(&picture.image, first + k, recipe.clone(), &self.job.destination)
                .map_err(|error| put_aside(&picture.image, recipe, error))?;
            self.outbox.tell(Event::PictureSaved { id: self.job.id, entry: entry.clone() });
            entries.push(entry);
        }
        Ok(Some(entries))
    }

    /// Tells that a picture has come into its next phase.
    fn begin(&mut self, picture: usize, phase: Phase, request: &Request) {
        let tuning = self.tuning.as_mut().is_some_and(|tuning| tuning.begin(self.model, phase, request));
        self.outbox.tell(Event::JobPhase { id: self.job.id, picture, phase, tuning });
        self.step_began = Instant::now();
    }

    /// Shows what the picture looks like after a step, if the job asks for it and it is time, and tells of the step.
    fn step_done(&mut self, picture: usize, request: &Request, step: StepDone<'_>) -> Result<()> {
        let (done, steps) = (step.index + 1, step.of);
        let step_secs = self.step_began.elapsed().as_secs_f64();
        self.budget.step(step_secs);
        match &self.job.previews {
            Previews::Newest { every }
                if done.is_multiple_of(every.get()) && self.slot.is_empty() && self.budget.allows(steps) =>
            {
                let (id, width, height) = (self.job.id, request.width, request.height);
                let began = Instant::now();
                let decodes = step.sketch.is_none();
                let Some(image) = step.sketch.unwrap_or(step.decode)()? else { return Ok(()) };
                let cost_secs = began.elapsed().as_secs_f64();
                let tuning = decodes && self.tuning.as_mut().is_some_and(|tuning| tuning.decoded(self.model, request));
                self.budget.preview(cost_secs, tuning);
                self.slot.put(Preview { id, picture, step: done, steps, image, width, height, cost_secs });
                self.outbox.wake();
            }
            Previews::Files { every, folder } if done.is_multiple_of(every.get()) => {
                let Some(image) = (step.decode)()? else { return Ok(()) };
                let file = png_text::encode(&image, &[])?;
                gallery::make_folder(folder)?;
                gallery::write_whole(&folder.join(format!("{}-{done:04}.png", request.seed)), &file)?;
            }
            _ => {}
        }
        if let Some(tuning) = &mut self.tuning {
            tuning.done();
        }
        let (id, preview_share) = (self.job.id, self.budget.share());
        self.outbox.tell_if_room(Event::JobStep { id, picture, step: done, steps, step_secs, preview_share });
        self.step_began = Instant::now();
        Ok(())
    }
}

/// Keeps a picture that couldn't be saved where it should be: it took minutes to draw.
fn put_aside(picture: &RgbImage, recipe: Recipe, error: Error) -> Error {
    let folder = std::env::temp_dir().join("burnisher-rescued");
    match gallery::save(picture, 0, recipe, &Destination::Folder(folder)) {
        Ok(entry) => error.advise(format!(
            "The picture was put aside as {}: move it before the computer is restarted",
            entry.path.display()
        )),
        Err(_) => error,
    }
}

impl Job {
    /// Finds out what can be found out before any work is spent: whether the request makes sense, and whether its
    /// results could be written.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<()> {
        self.request.validate()?;
        self.destination.check()?;
        if let Previews::Files { folder, .. } = &self.previews {
            Destination::Folder(folder.clone()).check()?;
        }
        self.trace.as_ref().map_or(Ok(()), |path| Destination::File(path.clone()).check())
    }
}
