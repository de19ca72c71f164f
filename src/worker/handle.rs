//! The handle that commands the worker, from one other thread.
//!
//! It never waits for the worker except in [`WorkerHandle::recv`], [`WorkerHandle::finish`] and when it is dropped: at its end no longer
//! than [`PATIENCE`].

use std::sync::Arc;
use std::time::Duration;

use crate::base::cancel::CancelToken;
use crate::base::error::{Error, Result};
use crate::base::model_ref::ModelRef;
use crate::base::stop::Outcome;
use crate::base::sync::{Latest, Limits, Service};
use crate::pipelines::OnLoading;
use crate::worker::engine::Engine;
use crate::worker::protocol::{Command, Event, JobId, Preview};
use crate::worker::thread::Worker;
use crate::worker::work::MAX_VARIANTS;

/// How long the end of the thread is waited for: far more than a block of a network or a tile of a decode takes, and less than a
/// driver that hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// One command waits while another is obeyed, and more events than come in a frame's time.
const LIMITS: Limits = Limits { orders: 1, news: 64, patience: PATIENCE };

/// Commands the worker, from one other thread.
pub struct WorkerHandle {
    service: Service<Command, Event>,
    previews: [Latest<Preview>; MAX_VARIANTS],
    /// Jobs whose end hasn't been seen yet.
    jobs: Vec<(JobId, CancelToken)>,
    closing: CancelToken,
}

/// The worker has a command waiting already; this one comes back.
#[derive(Debug)]
pub struct Busy(pub Command);

/// Starts the worker for someone who waits for it ([`WorkerHandle::recv`]). `open` opens a model, on the worker's thread.
///
/// # Errors
/// The system has no thread to give.
pub fn spawn<E: Engine>(
    open: impl FnMut(&ModelRef, &mut OnLoading<'_>) -> Outcome<E> + Send + 'static,
) -> Result<WorkerHandle> {
    spawn_waking(open, || {})
}

/// Starts the worker for someone who sleeps until there is an event or a preview: `wake` is called after each, and when the
/// thread ends, on the worker's thread.
///
/// # Errors
/// The system has no thread to give.
pub fn spawn_waking<E: Engine>(
    open: impl FnMut(&ModelRef, &mut OnLoading<'_>) -> Outcome<E> + Send + 'static,
    wake: impl Fn() + Send + Sync + 'static,
) -> Result<WorkerHandle> {
    let (previews, closing) = (<[Latest<Preview>; MAX_VARIANTS]>::default(), CancelToken::new());
    let (slots, ending) = (previews.clone(), closing.clone());
    let service = Service::spawn("burnisher-worker", LIMITS, Arc::new(wake), move |commands, outbox| {
        Worker::new(open, outbox, slots, ending).obey_all(&commands);
    })?;
    Ok(WorkerHandle { service, previews, jobs: Vec::new(), closing })
}

impl WorkerHandle {
    /// Hands a command over, if there is room for it.
    ///
    /// # Errors
    /// Another one is waiting already.
    pub fn try_send(&mut self, command: Command) -> Result<(), Busy> {
        let job = if let Command::Generate(job) = &command { Some((job.id, job.cancel.clone())) } else { None };
        self.service.send(command).map_err(Busy)?;
        self.jobs.extend(job);
        Ok(())
    }

    /// Takes the next event, if there is one.
    pub fn try_recv(&mut self) -> Option<Event> {
        self.service.news().inspect(|event| forget_ended(&mut self.jobs, event))
    }

    /// Waits for the next event.
    ///
    /// # Errors
    /// The thread is gone.
    pub fn recv(&mut self) -> Result<Event> {
        let event = self.service.wait().ok_or_else(|| Error::new("The worker is gone"))?;
        forget_ended(&mut self.jobs, &event);
        Ok(event)
    }

    /// The slots in which the newest previews lie: one for each of the pictures that are drawn side by side. A picture that
    /// is drawn alone has the first.
    pub fn previews(&self) -> &[Latest<Preview>; MAX_VARIANTS] {
        &self.previews
    }

    /// Cancels what is going on and lets the thread end. Returns at once: [`Self::is_over`] says when it has ended.
    pub fn close(&mut self) {
        self.cancel();
        self.service.close();
    }

    /// Cancels what is going on, waits for the thread to end, and gives what it told until then.
    pub fn finish(&mut self) -> Vec<Event> {
        self.cancel();
        self.service.finish()
    }

    fn cancel(&self) {
        self.closing.cancel();
        for (_, job) in &self.jobs {
            job.cancel();
        }
    }

    /// Whether the thread has ended.
    pub fn is_over(&self) -> bool {
        self.service.is_over()
    }
}

fn forget_ended(jobs: &mut Vec<(JobId, CancelToken)>, event: &Event) {
    if let Event::JobEnded { id: ended, .. } = event {
        jobs.retain(|(id, _)| id != ended);
    }
}

impl Drop for WorkerHandle {
    /// Cancels what is going on; the service then waits for the thread to end.
    fn drop(&mut self) {
        self.close();
    }
}
