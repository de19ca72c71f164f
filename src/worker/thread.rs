//! What runs on the worker's thread: it obeys one command after the other.
//!
//! A panic is caught here and nowhere else: what the engine was doing is then unknown, so the engine goes, and the next job opens
//! the model again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use crossbeam_channel::Receiver;

use crate::base::cancel::CancelToken;
use crate::base::crash::words_of;
use crate::base::error::{Error, Result};
use crate::base::model_ref::ModelRef;
use crate::base::stop::{Outcome, Stop};
use crate::base::sync::{Latest, Outbox};
use crate::content::imaging::texture::fit_texture;
use crate::pipelines::{Loading, OnLoading};
use crate::storage::gallery::Entry;
use crate::worker::engine::Engine;
use crate::worker::protocol::{Command, Event, Job, JobEnd, JobId, Left, Preview};
use crate::worker::tuning::Tuning;
use crate::worker::work::MAX_VARIANTS;
use crate::worker::{job, memory, watch};

/// How much further a load comes from one of its events to the next: a hundredth.
const LOADING_TOLD: f32 = 0.01;

/// What lives on the thread.
pub(super) struct Worker<E, Open> {
    open: Open,
    /// The model to draw with, also when it has to be opened again.
    model: Option<ModelRef>,
    engine: Option<E>,
    outbox: Outbox<Event>,
    slots: [Latest<Preview>; MAX_VARIANTS],
    /// Raised when the handle is gone.
    closing: CancelToken,
    tuning: Tuning,
    /// The job whose last picture the engine remembers.
    last_drawn: Option<JobId>,
}

impl<E: Engine, Open: FnMut(&ModelRef, &mut OnLoading<'_>) -> Outcome<E>> Worker<E, Open> {
    /// A worker that has no model yet. Once `closing` is raised, it ends as soon as it can.
    pub(super) fn new(
        open: Open,
        outbox: Outbox<Event>,
        slots: [Latest<Preview>; MAX_VARIANTS],
        closing: CancelToken,
    ) -> Self {
        Self { open, model: None, engine: None, outbox, slots, closing, tuning: Tuning::default(), last_drawn: None }
    }

    /// Obeys until the handle is gone. Each command ends in one event, which comes from here alone.
    pub(super) fn obey_all(mut self, commands: &Receiver<Command>) {
        while let Ok(command) = commands.recv() {
            if self.closing.is_cancelled() {
                break;
            }
            let ended = caught(|| self.obey(&command)).unwrap_or_else(|error| {
                let is_sound = |engine: &E| matches!(caught(|| engine.is_sound()), Ok(true));
                let is_sound = self.engine.as_ref().is_none_or(is_sound);
                let error = if is_sound { error } else { watch::lost().caused_by(error) };
                // A model whose place another one was to take had no part in it.
                if !matches!(command, Command::Load { .. }) || !is_sound {
                    // What it was doing is unknown, so it goes; the next job opens the model again.
                    let broken = self.engine.take();
                    let _ = caught(|| drop(broken));
                }
                Err(Stop::Failed(error))
            });
            if !matches!(command, Command::Generate(_) | Command::LookBack { .. }) {
                // What the next model didn't take up again.
                memory::give_back();
            }
            let event = ended.unwrap_or_else(|stop| command.stopped(stop, self.left()));
            self.outbox.tell(event);
        }
        let _ = caught(|| drop(self.engine));
    }

    fn obey(&mut self, command: &Command) -> Outcome<Event> {
        match command {
            Command::Load { model, cancel } => {
                let engine = self.open(model, cancel)?;
                self.free();
                self.model = Some(model.clone());
                Ok(Event::ModelLoaded { model: model.clone(), info: self.engine.insert(engine).info() })
            }
            Command::Unload => {
                self.free();
                Ok(Event::ModelUnloaded)
            }
            Command::LookBack { id, step } => {
                self.look_back(*id, *step)?;
                Ok(Event::LookedBack { id: *id, step: *step, error: None })
            }
            Command::Generate(job) => {
                Ok(Event::JobEnded { id: job.id, outcome: JobEnd::Finished(self.generate(job)?) })
            }
        }
    }

    /// Draws and saves the pictures of a job.
    fn generate(&mut self, job: &Job) -> Outcome<Vec<Entry>> {
        job.cancel.check()?;
        job.check()?;
        let nothing_loaded = || Error::new("no model is loaded");
        let model = self.model.clone().ok_or_else(nothing_loaded)?;
        if self.engine.as_ref().is_some_and(|engine| !engine.is_sound()) {
            // Its device was lost since the last job.
            self.free();
        }
        if self.engine.is_none() {
            let engine = self.open(&model, &job.cancel).inspect_err(|stop| {
                if matches!(stop, Stop::Cancelled) {
                    self.outbox.tell(Event::ModelCancelled { model: model.clone(), left: self.left() });
                }
            })?;
            let info = self.engine.insert(engine).info();
            self.outbox.tell(Event::ModelLoaded { model: model.clone(), info });
        }
        let engine = self.engine.as_mut().ok_or_else(nothing_loaded)?;
        let info = engine.info();
        let tuning = info.on_gpu.then_some(&mut self.tuning);
        let name = model.to_string();
        let outcome =
            job::Working::new(job, (&model, &name), &self.outbox, &self.slots, tuning).run(engine, info.scheduler);
        self.last_drawn = Some(job.id);
        if let Some((request, steps)) = engine.kept_steps() {
            self.outbox.tell(Event::StepsKept { id: job.id, request, steps });
        }
        match outcome {
            Err(Stop::Failed(error)) if !engine.is_sound() => {
                self.free();
                Err(watch::lost().caused_by(error).into())
            }
            outcome => outcome,
        }
    }

    /// Puts a preview of the last picture after one of its steps into the slot.
    fn look_back(&mut self, id: JobId, step: usize) -> Outcome<()> {
        let gone =
            || Error::new("the steps of this picture are gone").advise("They are kept until another one is drawn");
        let engine = self.engine.as_mut().filter(|_| self.last_drawn == Some(id)).ok_or_else(gone)?;
        let began = Instant::now();
        let (request, steps) = engine.kept_steps().ok_or_else(gone)?;
        let image = engine.look_back(step)?.ok_or_else(gone)?;
        let (width, height, cost_secs) = (request.size.width, request.size.height, began.elapsed().as_secs_f64());
        let image = fit_texture(image.into()).into_rgb8();
        self.slots[0].put(Preview { id, picture: 0, step, steps, image, width, height, cost_secs });
        Ok(())
    }

    /// Opens a model, beside the one in use if there is room for both.
    fn open(&mut self, model: &ModelRef, cancel: &CancelToken) -> Outcome<E> {
        let Self { open, model: in_use, engine, outbox, closing, .. } = self;
        let mut told = (None, 0.0);
        outbox.tell(Event::ModelLoading { model: model.clone(), component: None, number: 0, of: 0, fraction: 0.0 });
        let mut on_loading = |loading: Loading<'_>| {
            let Loading { component, number, of, fraction, room } = loading;
            if let Some(room) = room {
                if let Some(old) = engine.take_if(|old| !room.is_beside(old.held_bytes())) {
                    old.free();
                    memory::give_back();
                    let model = in_use.clone().unwrap_or_default();
                    outbox.tell(Event::ModelLetGo { model });
                }
            } else if told.0.as_deref() != Some(component) || fraction - told.1 >= LOADING_TOLD {
                told = (Some(component.to_owned()), fraction);
                let (model, component) = (model.clone(), told.0.clone());
                outbox.tell_if_room(Event::ModelLoading { model, component, number, of, fraction });
            }
            cancel.check()?;
            closing.check()
        };
        cancel.check()?;
        open(model, &mut on_loading)
    }

    /// The model in use.
    fn left(&self) -> Option<Left> {
        let model = self.model.clone()?;
        Some(Left { model, is_loaded: self.engine.is_some() })
    }

    /// Gives the model's memory back.
    fn free(&mut self) {
        if let Some(engine) = self.engine.take() {
            engine.free();
        }
    }
}

/// Does what may panic: a bug of ours, or the device running out of memory or being lost, which burn answers with a
/// panic. The error is the panic.
fn caught<T>(work: impl FnOnce() -> T) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        Error::new(format!("the engine broke down: {}", words_of(&*panic)))
            .advise("A smaller size needs less memory; if that isn't it, this is a bug in Burnisher")
    })
}
