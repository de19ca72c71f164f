//! The worker: one named thread that does all tensor work, and the handle that commands it.
//!
//! burn keeps its streams per thread, so whatever touches a tensor lives on this thread and stays there. The handle
//! never waits for it except where a method says so.
//!
//! What holds, whatever happens on the thread: every [`Command::Generate`] ends in exactly one [`Event::JobEnded`],
//! after a panic too (the model is opened again for the next job); a picture is on disk before anyone is told of it;
//! a job and a load can be cancelled while nobody drains the events; a model stays in use until another one stands, or is
//! opened again for the next job if it had to make room; dropping the handle cancels what is going on and
//! ends the thread.

use std::any::Any;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, bounded, never};

use crate::base::cancel::CancelToken;
use crate::base::error::{Error, Result};
use crate::base::model_ref::ModelRef;
use crate::base::sync::Latest;
use crate::worker::outbox::Outbox;
use crate::worker::tuning::Tuning;

mod engine;
mod job;

mod memory;
mod outbox;
mod pipeline;
mod preview;
mod protocol;
mod tokens;
mod tuning;

pub use crate::pipelines::{ComponentInspection, Footprint, Inspection, Part, Plan, Room, Wish};
pub use engine::{Engine, Hooks, Loading, Look, OnLoading, StepDone};
pub use memory::resident_bytes;
pub use pipeline::{Host, inspect, open};
pub use protocol::{Command, Event, Job, JobId, Left, MAX_VARIANTS, ModelInfo, Outcome, Phase, Preview, Previews};
pub use tokens::{TokenCount, TokenCounter};

/// How much further a load comes from one of its events to the next: a hundredth.
const LOADING_TOLD: f32 = 0.01;

/// Commands the worker, from one other thread.
pub struct WorkerHandle {
    commands: Sender<Command>,
    events: Receiver<Event>,
    previews: [Latest<Preview>; MAX_VARIANTS],
    /// Jobs whose end hasn't been seen yet.
    jobs: Vec<(JobId, CancelToken)>,
    closing: CancelToken,
    thread: Option<JoinHandle<()>>,
}

/// The worker has a command waiting already; this one comes back.
#[derive(Debug)]
pub struct Busy(pub Command);

/// Starts the worker for someone who waits for it ([`WorkerHandle::recv`]). `open` opens a model, on the worker's thread.
///
/// # Errors
/// The system has no thread to give.
pub fn spawn<E: Engine>(
    open: impl FnMut(&ModelRef, &mut OnLoading<'_>) -> Result<Option<E>> + Send + 'static,
) -> Result<WorkerHandle> {
    spawn_waking(open, || {})
}

/// Starts the worker for someone who sleeps until there is an event or a preview: `wake` is called after each, on the
/// worker's thread.
///
/// # Errors
/// The system has no thread to give.
pub fn spawn_waking<E: Engine>(
    open: impl FnMut(&ModelRef, &mut OnLoading<'_>) -> Result<Option<E>> + Send + 'static,
    wake: impl Fn() + Send + 'static,
) -> Result<WorkerHandle> {
    let (commands, obeyed) = bounded(1);
    let (outbox, events) = Outbox::new(wake);
    let (previews, closing) = (<[Latest<Preview>; MAX_VARIANTS]>::default(), CancelToken::new());
    let (slots, ending) = (previews.clone(), closing.clone());
    let thread = thread::Builder::new()
        .name("burnisher-worker".to_owned())
        .spawn(move || {
            let tuning = Tuning::default();
            Worker { open, model: None, engine: None, outbox, slots, closing: ending, tuning, last_drawn: None }
                .obey_all(&obeyed);
        })
        .map_err(|cause| Error::new("the worker's thread can't be started").caused_by(cause))?;
    Ok(WorkerHandle { commands, events, previews, jobs: Vec::new(), closing, thread: Some(thread) })
}

impl WorkerHandle {
    /// Hands a command over, if there is room for it.
    ///
    /// # Errors
    /// Another one is waiting already.
    pub fn try_send(&mut self, command: Command) -> Result<(), Busy> {
        let job = if let Command::Generate(job) = &command { Some((job.id, job.cancel.clone())) } else { None };
        self.commands.try_send(command).map_err(|refused| Busy(refused.into_inner()))?;
        self.jobs.extend(job);
        Ok(())
    }

    /// The next event, if there is one.
    pub fn try_recv(&mut self) -> Option<Event> {
        self.events.try_recv().ok().inspect(|event| forget_ended(&mut self.jobs, event))
    }

    /// Waits for the next event.
    ///
    /// # Errors
    /// The thread is gone.
    pub fn recv(&mut self) -> Result<Event> {
        let event = self.events.recv().map_err(|cause| Error::new("the worker is gone").caused_by(cause))?;
        forget_ended(&mut self.jobs, &event);
        Ok(event)
    }

    /// The slots in which the newest previews lie: one for each of the pictures that are drawn side by side. A picture that
    /// is drawn alone has the first.
    pub fn previews(&self) -> &[Latest<Preview>; MAX_VARIANTS] {
        &self.previews
    }
}

fn forget_ended(jobs: &mut Vec<(JobId, CancelToken)>, event: &Event) {
    if let Event::JobEnded { id: ended, .. } = event {
        jobs.retain(|(id, _)| id != ended);
    }
}

impl Drop for WorkerHandle {
    /// Cancels what is going on and waits for the thread to end.
    fn drop(&mut self) {
        self.closing.cancel();
        for (_, job) in &self.jobs {
            job.cancel();
        }
        // With the other ends gone, the thread neither waits for room for an event nor for another command.
        self.events = never();
        self.commands = bounded(0).0;
        if let Some(thread) = self.thread.take() {
            // A panic was reported as an event already.
            let _ = thread.join();
        }
    }
}

/// What lives on the thread.
struct Worker<E, Open> {
    open: Open,
    /// The model to draw with, also when it has to be opened again.
    model: Option<ModelRef>,
    engine: Option<E>,
    outbox: Outbox,
    slots: [Latest<Preview>; MAX_VARIANTS],
    /// Raised when the handle is gone.
    closing: CancelToken,
    tuning: Tuning,
    /// The job whose last picture the engine remembers.
    last_drawn: Option<JobId>,
}

impl<E: Engine, Open: FnMut(&ModelRef, &mut OnLoading<'_>) -> Result<Option<E>>> Worker<E, Open> {
    /// Obeys until the handle is gone. Each command ends in one event, which comes from here alone.
    fn obey_all(mut self, commands: &Receiver<Command>) {
        while let Ok(command) = commands.recv() {
            if self.closing.is_cancelled() {
                break;
            }
            let ended = caught(|| self.obey(&command)).unwrap_or_else(|error| {
                // A model whose place another one was to take had no part in it.
                let is_sound = |engine: &E| matches!(caught(|| engine.is_sound()), Ok(true));
                if !matches!(command, Command::Load { .. }) || !self.engine.as_ref().is_some_and(is_sound) {
                    // What it was doing is unknown, so it goes; the next job opens the model again.
                    let broken = self.engine.take();
                    let _ = caught(|| drop(broken));
                }
                Err(error)
            });
            if !matches!(command, Command::Generate(_) | Command::LookBack { .. }) {
                // What the next model didn't take up again.
                memory::give_back();
            }
            self.outbox.tell(ended.unwrap_or_else(|error| match command {
                Command::Load { model, .. } => {
                    Event::ModelFailed { model: model.to_string(), error, left: self.left() }
                }
                // The memory is free, if in a hard way.
                Command::Unload => Event::ModelUnloaded,
                Command::LookBack { id, step } => Event::LookedBack { id, step, error: Some(error) },
                Command::Generate(job) => Event::JobEnded { id: job.id, outcome: Outcome::Failed(error) },
            }));
        }
        let _ = caught(|| drop(self.engine));
    }

    fn obey(&mut self, command: &Command) -> Result<Event> {
        match command {
            Command::Load { model, cancel } => {
                let Some(engine) = self.open(model, cancel)? else {
                    return Ok(Event::ModelCancelled { model: model.to_string(), left: self.left() });
                };
                self.free();
                self.model = Some(model.clone());
                Ok(Event::ModelLoaded { model: model.to_string(), info: self.engine.insert(engine).info() })
            }
            Command::Unload => {
                self.free();
                Ok(Event::ModelUnloaded)
            }
            Command::LookBack { id, step } => {
                let error = self.look_back(*id, *step).err();
                Ok(Event::LookedBack { id: *id, step: *step, error })
            }
            Command::Generate(job) => Ok(Event::JobEnded { id: job.id, outcome: self.generate(job)? }),
        }
    }

    fn generate(&mut self, job: &Job) -> Result<Outcome> {
        if job.cancel.is_cancelled() {
            return Ok(Outcome::Cancelled);
        }
        job.check()?;
        let nothing_loaded = || Error::new("no model is loaded");
        let model = self.model.clone().ok_or_else(nothing_loaded)?;
        let name = model.to_string();
        if self.engine.is_none() {
            let Some(engine) = self.open(&model, &job.cancel)? else {
                self.outbox.tell(Event::ModelCancelled { model: name, left: self.left() });
                return Ok(Outcome::Cancelled);
            };
            let info = self.engine.insert(engine).info();
            self.outbox.tell(Event::ModelLoaded { model: name.clone(), info });
        }
        let engine = self.engine.as_mut().ok_or_else(nothing_loaded)?;
        let info = engine.info();
        let tuning = info.on_gpu.then_some(&mut self.tuning);
        let outcome = job::Working::new(job, &name, &self.outbox, &self.slots, tuning).run(engine, info.scheduler);
        self.last_drawn = Some(job.id);
        if let Some((request, steps)) = engine.kept_steps() {
            self.outbox.tell(Event::StepsKept { id: job.id, request, steps });
        }
        if outcome.is_err() && !engine.is_sound() {
            self.free();
        }
        outcome
    }

    /// Puts a preview of the last picture after one of its steps into the slot.
    fn look_back(&mut self, id: JobId, step: usize) -> Result<()> {
        let gone =
            || Error::new("the steps of this picture are gone").advise("They are kept until another one is drawn");
        let engine = self.engine.as_mut().filter(|_| self.last_drawn == Some(id)).ok_or_else(gone)?;
        let began = Instant::now();
        let (request, steps) = engine.kept_steps().ok_or_else(gone)?;
        let image = engine.look_back(step)?.ok_or_else(gone)?;
        let (width, height, cost_secs) = (request.width, request.height, began.elapsed().as_secs_f64());
        self.slots[0].put(Preview { id, picture: 0, step, steps, image, width, height, cost_secs });
        Ok(())
    }

    /// Opens a model, beside the one in use if there is room for both. `None`: it was cancelled.
    fn open(&mut self, model: &ModelRef, cancel: &CancelToken) -> Result<Option<E>> {
        let name = model.to_string();
        let Self { open, model: in_use, engine, outbox, closing, .. } = self;
        let mut told = (None, 0.0);
        outbox.tell(Event::ModelLoading { model: name.clone(), component: None, number: 0, of: 0, fraction: 0.0 });
        let mut on_loading = |loading: Loading<'_>| {
            let Loading { component, number, of, fraction, room } = loading;
            if let Some(room) = room {
                if let Some(old) = engine.take_if(|old| !room.is_beside(old.held_bytes())) {
                    old.free();
                    memory::give_back();
                    let model = in_use.as_ref().map_or(String::new(), ModelRef::to_string);
                    outbox.tell(Event::ModelLetGo { model });
                }
            } else if told.0.as_deref() != Some(component) || fraction - told.1 >= LOADING_TOLD {
                told = (Some(component.to_owned()), fraction);
                let (model, component) = (name.clone(), told.0.clone());
                outbox.tell_if_room(Event::ModelLoading { model, component, number, of, fraction });
            }
            if cancel.is_cancelled() || closing.is_cancelled() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        if cancel.is_cancelled() { Ok(None) } else { open(model, &mut on_loading) }
    }

    /// The model in use.
    fn left(&self) -> Option<Left> {
        let model = self.model.as_ref()?.to_string();
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

/// What a panic said.
fn words_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no reason given")
}
