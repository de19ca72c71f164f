//! One job, from request to files.
//!
//! Pictures are drawn one after the other, so that each is saved as soon as it can be and memory doesn't grow with
//! their number; only a traced job draws them as one batch.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use image::RgbImage;

use crate::base::error::{Error, Result};
use crate::base::files::write_whole;
use crate::base::model_ref::ModelRef;
use crate::base::stop::{Outcome, Stop};
use crate::base::sync::{Latest, Outbox};
use crate::content::imaging::png_text;
use crate::content::imaging::texture::fit_texture;
use crate::content::request::{Recipe, Request, Sampling, Valid, Validate};
use crate::pipelines::{Drawn, Hooks, Overflow, Phase, Resumption, Step, TakeState, Trace};
use crate::schedulers::SchedulerKind;
use crate::storage::gallery::{self, Destination, Entry};
use crate::worker::engine::Engine;
use crate::worker::kept_run::{KeptRun, PictureTicket};
use crate::worker::preview::PreviewBudget;
use crate::worker::protocol::{Event, Job, Output, Preview, Previews};
use crate::worker::rescue::{self, UnsavedPicture};
use crate::worker::run_keeper::{Keeping, KeepingPace};
use crate::worker::tuning::Tuning;
use crate::worker::work::{MAX_VARIANTS, Work};

/// A job that is being done.
pub(super) struct Working<'a> {
    job: &'a Job,
    /// The model, as the user named it: recipes keep it.
    model: &'a str,
    /// What the model on disk is found again by.
    model_hash: Option<String>,
    outbox: &'a Outbox<Event>,
    /// One a variant.
    slots: &'a [Latest<Preview>],
    /// What the model's GPU has done before; `None` on the CPU.
    tuning: Option<&'a mut Tuning>,
    /// One a variant.
    budgets: [PreviewBudget; MAX_VARIANTS],
    /// When the last step and its preview ended.
    step_began: Instant,
    /// Whether previews are made: not any more once one couldn't be.
    gives_previews: bool,
    /// The picture that is being drawn, if it is kept, and when its state is taken.
    kept: Option<(PictureTicket, KeepingPace)>,
}

impl<'a> Working<'a> {
    pub(super) fn new(
        job: &'a Job,
        (model, name): (&ModelRef, &'a str),
        outbox: &'a Outbox<Event>,
        slots: &'a [Latest<Preview>],
        tuning: Option<&'a mut Tuning>,
    ) -> Self {
        let model_hash = job.local_files.fingerprint(model);
        let (budgets, step_began) = (Default::default(), Instant::now());
        Self {
            job,
            model: name,
            model_hash,
            outbox,
            slots,
            tuning,
            budgets,
            step_began,
            gives_previews: true,
            kept: None,
        }
    }

    /// Draws and saves every picture of the job; `scheduler` is the checkpoint's own.
    pub(super) fn run(&mut self, engine: &mut impl Engine, scheduler: Option<SchedulerKind>) -> Outcome<Vec<Entry>> {
        // The recipe names the sampler that drew the picture, also where the checkpoint chose it, and the steps that it took.
        let named = |request: &Request| {
            let Sampling { scheduler: asked, options, steps, .. } = &request.sampling;
            let scheduler = asked.or(scheduler);
            let steps = scheduler.map_or(*steps, |kind| kind.steps(*steps, options));
            self.job.local_files.prepare(request).and_then(|request| {
                Valid::new(
                    request.with(|request| (request.sampling.scheduler, request.sampling.steps) = (scheduler, steps)),
                )
            })
        };
        let request = named(self.job.work.first())?;
        self.outbox.tell(Event::JobStarted { id: self.job.id, request: Request::clone(&request) });
        if let Work::Compare(variants) = &self.job.work {
            let variants = variants.iter().map(named).collect::<Result<Vec<Valid<Request>>>>()?;
            return self.draw_side_by_side(engine, &request, &variants);
        }
        if let Some(path) = &self.job.output.trace {
            let mut trace = Trace::default();
            let drawn = self.draw(engine, &request, 0, Some(&mut trace));
            // What led up to an overflow is worth the most.
            let is_worth_it = match &drawn {
                Ok(_) => true,
                Err(Stop::Failed(error)) => Overflow::of(error).is_some(),
                Err(Stop::Cancelled) => false,
            };
            if is_worth_it && let Err(error) = trace.to_safetensors().and_then(|file| write_whole(path, &file)) {
                self.note("The trace of this run couldn't be written", error);
            }
            return drawn;
        }
        let mut entries = Vec::new();
        for picture in 0..request.seeds.count {
            entries.extend(self.draw(engine, &request.picture(picture), picture, None)?);
        }
        Ok(entries)
    }

    /// Draws one batch and saves its pictures, the first of which is picture `first` of the job.
    fn draw(
        &mut self,
        engine: &mut impl Engine,
        request: &Valid<Request>,
        first: usize,
        trace: Option<&mut Trace>,
    ) -> Outcome<Vec<Entry>> {
        let cancel = &self.job.cancel;
        self.budgets[0].picture(request.size.width * request.size.height);
        if let Some(tuning) = &mut self.tuning {
            // What a job that was stopped, or broke down, had begun.
            tuning.abandon();
        }
        // A trace is of a whole run.
        let keeping = self.job.keeping.as_ref().filter(|_| trace.is_none());
        self.kept = keeping.and_then(|keeping| Some((self.ticket(first)?, KeepingPace::new(keeping.least))));
        let resumption = self.resumption(engine, request);
        // Both hooks keep the books.
        let this = RefCell::new(&mut *self);
        let hooks = Hooks {
            on_phase: &mut |phase| this.borrow_mut().begin(first, phase, request),
            on_step: &mut |step| this.borrow_mut().step_done(first, request, step),
            cancel,
            trace,
        };
        let drawn = match &resumption {
            Some(resumption) => engine.resume(request, resumption, hooks),
            None => engine.run(request, hooks),
        };
        let pictures = drawn.map_err(|stop| self.rescue(stop, |_| Recipe::of_picture(request, 0, self.model)))?;
        self.begin(first, Phase::Saving, request);
        let mut entries = Vec::new();
        for (k, picture) in pictures.into_iter().enumerate() {
            entries.push(self.save(picture, first + k, Recipe::of_picture(request, k, self.model))?);
        }
        Ok(entries)
    }

    /// The ticket of one of the job's pictures; `None` if nobody keeps them.
    fn ticket(&self, picture: usize) -> Option<PictureTicket> {
        let request = match &self.job.work {
            Work::Pictures(request) => request.picture(picture),
            Work::Compare(variants) => variants.iter().nth(picture)?.picture(0),
        };
        PictureTicket::of(self.job.keeping.as_ref()?.key, self.model, &request)
    }

    /// How the present picture is gone on with, if it is the one that was half done.
    fn resumption(&self, engine: &impl Engine, request: &Request) -> Option<Resumption> {
        let (ticket, _) = self.kept.as_ref()?;
        let begun = self.job.begun.as_ref().filter(|begun| begun.ticket == *ticket)?;
        let resumption = begun.next_resumption();
        let checked = if begun.model_hash == self.model_hash {
            engine.check_resumption(request, &resumption)
        } else {
            Err(Error::new("The files of its model have changed"))
        };
        if let Err(why) = checked {
            self.outbox.tell(Event::StartedOver { id: self.job.id, why });
            return None;
        }
        Some(resumption)
    }

    /// Keeps the state after a step, if it is time.
    fn keep(&mut self, state: &mut TakeState<'_>, is_last: bool) {
        let Some(Keeping { keeper, .. }) = &self.job.keeping else { return };
        let Some((ticket, pace)) = self.kept.as_mut().filter(|(_, pace)| pace.is_due(is_last)) else { return };
        let began = Instant::now();
        // What can't be read back fails the run at its next step.
        let Ok(state) = state() else { return };
        keeper.keep(KeptRun::new(ticket.clone(), self.model_hash.clone(), Arc::new(state)));
        pace.taken(began.elapsed());
    }

    /// Draws the job's variants at the same time, and saves each as soon as it is finished.
    fn draw_side_by_side(
        &mut self,
        engine: &mut impl Engine,
        first: &Valid<Request>,
        variants: &[Valid<Request>],
    ) -> Outcome<Vec<Entry>> {
        let cancel = &self.job.cancel;
        self.budgets.iter_mut().for_each(|budget| budget.picture(first.size.width * first.size.height));
        let mut entries = Vec::new();
        // All hooks keep the books.
        let this = RefCell::new(&mut *self);
        let done = engine.run_side_by_side(
            variants,
            Hooks {
                on_phase: &mut |phase| this.borrow_mut().begin(0, phase, first),
                on_step: &mut |step| {
                    let request = variants.get(step.variant).unwrap_or(first);
                    this.borrow_mut().step_done(step.variant, request, step)
                },
                cancel,
                trace: None,
            },
            &mut |variant, picture| {
                let request = variants.get(variant).unwrap_or(first);
                let mut this = this.borrow_mut();
                let recipe = Recipe::of_picture(request, 0, this.model);
                entries.push(this.save(picture, variant, recipe)?);
                Ok(())
            },
        );
        let recipe = |variant: usize| Recipe::of_picture(variants.get(variant).unwrap_or(first), 0, self.model);
        done.map_err(|stop| self.rescue(stop, recipe))?;
        Ok(entries)
    }

    /// Saves a finished picture, and tells of it.
    fn save(&mut self, picture: Drawn, place: usize, recipe: Recipe) -> Result<Entry> {
        let recipe = Recipe { verdict: picture.verdict, model_hash: self.model_hash.clone(), ..recipe };
        let ticket = self.ticket(place);
        let mut announce = |path: &Path, bytes: &[u8]| {
            if let (Some(Keeping { keeper, .. }), Some(ticket)) = (&self.job.keeping, &ticket) {
                keeper.will_save(ticket, path, bytes);
            }
        };
        let entry = gallery::save_announced(
            &picture.image,
            picture.depth.as_ref(),
            place,
            recipe.clone(),
            &self.job.output.destination,
            &mut announce,
        )
        .map_err(|error| self.put_aside(place, picture.image, recipe, error))?;
        self.outbox.tell(Event::PictureSaved { id: self.job.id, picture: place, entry: entry.clone() });
        Ok(entry)
    }

    /// Tells that a picture enters its next phase.
    fn begin(&mut self, picture: usize, phase: Phase, request: &Request) {
        if let (Phase::Decoding, Some(Keeping { keeper, .. }), Some((ticket, _))) =
            (phase, &self.job.keeping, &self.kept)
        {
            keeper.decode_begins(ticket);
        }
        let tuning = self.tuning.as_mut().is_some_and(|tuning| tuning.begin(self.model, phase, request));
        self.outbox.tell(Event::JobPhase { id: self.job.id, picture, phase, tuning });
        self.step_began = Instant::now();
    }

    /// Shows what the picture looks like after a step, if the job asks for it and it is time, and tells of the step.
    fn step_done(&mut self, picture: usize, request: &Request, step: Step<'_>) -> Outcome<()> {
        let (done, steps) = (step.index + 1, step.of);
        let beyond = || Error::new(format!("at most {MAX_VARIANTS} pictures are drawn side by side"));
        let slot = self.slots.get(step.variant).ok_or_else(beyond)?;
        let budget = self.budgets.get_mut(step.variant).ok_or_else(beyond)?;
        let step_secs = self.step_began.elapsed().as_secs_f64();
        budget.step(step_secs);
        let show = || -> Outcome<()> {
            match &self.job.output.previews {
                Previews::Newest { every }
                    if done.is_multiple_of(every.get()) && slot.is_empty() && budget.allows(steps) =>
                {
                    let (id, width, height) = (self.job.id, request.size.width, request.size.height);
                    let began = Instant::now();
                    let decodes = step.sketch.is_none();
                    let image = step.sketch.unwrap_or(step.decode)()?;
                    let cost_secs = began.elapsed().as_secs_f64();
                    let tuning =
                        decodes && self.tuning.as_mut().is_some_and(|tuning| tuning.decoded(self.model, request));
                    budget.preview(cost_secs, tuning);
                    let image = fit_texture(image.into()).into_rgb8();
                    slot.put(Preview { id, picture, step: done, steps, image, width, height, cost_secs });
                    self.outbox.wake();
                }
                Previews::Files { every, folder } if done.is_multiple_of(every.get()) => {
                    let image = (step.decode)()?;
                    let file = png_text::encode(&image, &[])?;
                    gallery::make_folder(folder)?;
                    write_whole(&folder.join(format!("{}-{done:04}.png", request.seeds.first)), &file)?;
                }
                _ => {}
            }
            Ok(())
        };
        let shown = if self.gives_previews { show() } else { Ok(()) };
        let preview_share = budget.share();
        match shown {
            // An extra costs no picture.
            Err(Stop::Failed(error)) if Overflow::of(&error).is_none() => {
                self.gives_previews = false;
                self.note("No more previews are made of this job", error);
            }
            shown => shown?,
        }
        if let Some(tuning) = &mut self.tuning {
            tuning.done();
        }
        let id = self.job.id;
        self.outbox.tell_if_room(Event::JobStep { id, picture, step: done, steps, step_secs, preview_share });
        if let Some(state) = step.state {
            self.keep(state, done == steps);
        }
        self.step_began = Instant::now();
        Ok(())
    }

    /// Tells that something beside the pictures couldn't be done.
    fn note(&self, what: &str, error: Error) {
        self.outbox.tell(Event::JobNote { id: self.job.id, note: Error::new(what).caused_by(error) });
    }

    /// Keeps a finished picture that couldn't be saved: on another disk, or else in memory.
    fn put_aside(&self, place: usize, picture: RgbImage, recipe: Recipe, error: Error) -> Error {
        let folder = self.job.local_files.rescue_folder();
        let (error, is_kept) = rescue::put_aside("The picture", &picture, &recipe, folder, error);
        if !is_kept {
            let unsaved = UnsavedPicture::new(picture, recipe);
            self.outbox.tell(Event::PictureUnsaved { id: self.job.id, picture: place, unsaved });
        }
        error
    }

    /// Keeps what a picture looked like before its numbers overflowed; `recipe` gives the recipe of a variant.
    fn rescue(&self, stop: Stop, recipe: impl Fn(usize) -> Recipe) -> Stop {
        let Stop::Failed(error) = stop else { return stop };
        Stop::Failed(match Overflow::of(&error) {
            Some(Overflow { variant, image: Some(image) }) => {
                let (recipe, folder) = (recipe(*variant), self.job.local_files.rescue_folder());
                rescue::put_aside("The unfinished picture", image, &recipe, folder, error.clone()).0
            }
            _ => error,
        })
    }
}

impl Job {
    /// Checks what can be checked before any work is done: whether the request makes sense, and whether its results can be
    /// written.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<()> {
        self.work.requests().try_for_each(Validate::validate)?;
        self.output.check()
    }
}

impl Output {
    /// Checks whether all of it can be written.
    ///
    /// # Errors
    /// The first of it that can't be.
    pub fn check(&self) -> Result<()> {
        self.destination.check()?;
        if let Previews::Files { folder, .. } = &self.previews {
            Destination::Folder(folder.clone()).check()?;
        }
        self.trace.as_ref().map_or(Ok(()), |path| Destination::File(path.clone()).check())
    }
}
