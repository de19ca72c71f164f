//! The worker: one named thread that does all tensor work, and the handle that commands it.
//!
//! burn keeps its streams per thread, so whatever touches a tensor lives on this thread and stays there. The handle
//! never waits for it except where a method says so.
//!
//! What holds, whatever happens on the thread: every [`Command::Generate`] ends in exactly one [`Event::JobEnded`],
//! after a panic too (the model is opened again for the next job); a picture is on disk before anyone is told of it;
//! a job can be cancelled while nobody drains the events; dropping the handle cancels what is going on and ends the
//! thread.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded, never};

use crate::cancel::CancelToken;
use crate::checkpoint::ModelRef;
use crate::error::{Error, Result};
use crate::worker::outbox::Outbox;

mod engine;
mod job;
mod latest;
mod outbox;
mod pipeline;
mod protocol;

pub use engine::{Engine, Hooks, StepDone};
pub use latest::Latest;
pub use pipeline::open;
pub use protocol::{Command, Event, Job, JobId, ModelInfo, Outcome, Phase, Preview, Previews};

/// Commands the worker, from one other thread.
pub struct WorkerHandle {
    commands: Sender<Command>,
    events: Receiver<Event>,
    previews: Latest<Preview>,
    /// Jobs whose end hasn't been seen yet.
    jobs: Vec<(JobId, CancelToken)>,
    closing: CancelToken,
    thread: Option<JoinHandle<()>>,
}

/// The worker has a command waiting already; this one comes back.
#[derive(Debug)]
pub struct Busy(pub Command);

/// Starts the worker. `open` opens a model, on the worker's thread.
///
/// # Errors
/// The system has no thread to give.
pub fn spawn<E: Engine>(open: impl FnMut(&ModelRef) -> Result<E> + Send + 'static) -> Result<WorkerHandle> {
    let (commands, obeyed) = bounded(1);
    let (outbox, events) = Outbox::new();
    let (previews, closing) = (Latest::new(), CancelToken::new());
    let (slot, ending) = (previews.clone(), closing.clone());
    let thread = thread::Builder::new()
        .name("burnisher-worker".to_owned())
        .spawn(move || Worker { open, model: None, engine: None, outbox, slot }.obey_all(&obeyed, &ending))
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

    /// The slot in which the newest preview lies.
    pub fn previews(&self) -> &Latest<Preview> {
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
    slot: Latest<Preview>,
}

impl<E: Engine, Open: FnMut(&ModelRef) -> Result<E>> Worker<E, Open> {
    /// Obeys until the handle is gone. Each command ends in one event, which comes from here alone.
    fn obey_all(mut self, commands: &Receiver<Command>, closing: &CancelToken) {
        while let Ok(command) = commands.recv() {
            if closing.is_cancelled() {
                break;
            }
            let ended = caught(|| self.obey(&command)).unwrap_or_else(|error| {
                // What it was doing is unknown, so it goes; the next job opens the model again.
                let broken = self.engine.take();
                let _ = caught(|| drop(broken));
                Err(error)
            });
            self.outbox.tell(ended.unwrap_or_else(|error| match command {
                Command::Load(model) => Event::ModelFailed { model: model.to_string(), error },
                Command::Generate(job) => Event::JobEnded { id: job.id, outcome: Outcome::Failed(error) },
            }));
        }
        let _ = caught(|| drop(self.engine));
    }

    fn obey(&mut self, command: &Command) -> Result<Event> {
        match command {
            Command::Load(model) => {
                // Let go first: two models may not fit.
                self.model = None;
                self.engine = None;
                let info = self.open(model)?.info();
                self.model = Some(model.clone());
                Ok(Event::ModelLoaded { model: model.to_string(), info })
            }
            Command::Generate(job) => Ok(Event::JobEnded { id: job.id, outcome: self.generate(job)? }),
        }
    }

    fn generate(&mut self, job: &Job) -> Result<Outcome> {
        if job.cancel.is_cancelled() {
            return Ok(Outcome::Cancelled);
        }
        job.check()?;
        let model = self.model.clone().ok_or_else(|| Error::new("no model is loaded"))?;
        let name = model.to_string();
        if self.engine.is_none() {
            let info = self.open(&model)?.info();
            self.outbox.tell(Event::ModelLoaded { model: name.clone(), info });
        }
        let engine = self.engine.as_mut().ok_or_else(|| Error::new("no model is loaded"))?;
        job::Working { job, model: &name, outbox: &self.outbox, slot: &self.slot }.run(engine)
    }

    fn open(&mut self, model: &ModelRef) -> Result<&mut E> {
        self.outbox.tell(Event::ModelLoading { model: model.to_string() });
        Ok(self.engine.insert((self.open)(model)?))
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
