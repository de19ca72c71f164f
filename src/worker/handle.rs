//! The handle that commands the worker, from one other thread.
//!
//! It never waits for the worker except in [`WorkerHandle::recv`], [`WorkerHandle::finish`] and when it is dropped: at its end no longer
//! than [`PATIENCE`]. A worker that is stuck because its GPU was lost is left behind: its commands end as failed.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::base::cancel::CancelToken;
use crate::base::device;
use crate::base::error::{Error, Result};
use crate::base::model_ref::ModelRef;
use crate::base::stop::{Outcome, Stop};
use crate::base::sync::{Latest, Limits, Service, Wake};
use crate::pipelines::OnLoading;
use crate::worker::engine::Engine;
use crate::worker::protocol::{Command, Event, Preview};
use crate::worker::thread::Worker;
use crate::worker::watch;
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
    /// Commands whose end hasn't been seen yet, in order, and how many the watch is told of.
    pending: VecDeque<Command>,
    counted: Arc<AtomicUsize>,
    closing: CancelToken,
    watch: Service<(), ()>,
    /// Whether the thread is left behind.
    is_lost: bool,
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
    spawn_watched(open, wake, device::is_one_in_use_lost)
}

/// The same with another answer to whether the GPU that the worker uses is lost. It is asked on a thread of its own.
///
/// # Errors
/// The system has no thread to give.
pub fn spawn_watched<E: Engine>(
    open: impl FnMut(&ModelRef, &mut OnLoading<'_>) -> Outcome<E> + Send + 'static,
    wake: impl Fn() + Send + Sync + 'static,
    is_lost: impl Fn() -> bool + Send + 'static,
) -> Result<WorkerHandle> {
    let (previews, closing) = (<[Latest<Preview>; MAX_VARIANTS]>::default(), CancelToken::new());
    let (slots, ending) = (previews.clone(), closing.clone());
    let (wake, counted): (Wake, _) = (Arc::new(wake), Arc::new(AtomicUsize::new(0)));
    let service = Service::spawn("burnisher-worker", LIMITS, Arc::clone(&wake), move |commands, outbox| {
        Worker::new(open, outbox, slots, ending).obey_all(&commands);
    })?;
    let pending = Arc::clone(&counted);
    let watch = Service::spawn("burnisher-gpu-watch", watch::LIMITS, wake, move |pokes, outbox| {
        watch::watch(&pokes, &outbox, &pending, is_lost);
    })?;
    Ok(WorkerHandle { service, previews, pending: VecDeque::new(), counted, closing, watch, is_lost: false })
}

impl WorkerHandle {
    /// Hands a command over, if there is room for it.
    ///
    /// # Errors
    /// Another one is waiting already.
    pub fn try_send(&mut self, command: Command) -> Result<(), Busy> {
        self.service.send(command.clone()).map_err(Busy)?;
        self.pending.push_back(command);
        self.counted.store(self.pending.len(), Ordering::Release);
        // A full channel says the same.
        let _ = self.watch.send(());
        Ok(())
    }

    /// Takes the next event, if there is one.
    pub fn try_recv(&mut self) -> Option<Event> {
        if let Some(event) = self.service.news() {
            self.note_end(&event);
            return Some(event);
        }
        if !self.is_left_behind() {
            return None;
        }
        self.pending.pop_front().map(|command| command.stopped(Stop::Failed(watch::lost()), None))
    }

    /// Whether the thread is left behind because its GPU was lost, which this finds out.
    pub fn is_left_behind(&mut self) -> bool {
        if !self.is_lost && self.watch.news().is_some() {
            self.is_lost = true;
            self.close();
            self.service.abandon();
        }
        self.is_lost
    }

    /// Waits for the next event. It doesn't hear of a lost GPU.
    ///
    /// # Errors
    /// The thread is gone.
    pub fn recv(&mut self) -> Result<Event> {
        let event = self.service.wait().ok_or_else(|| Error::new("The worker is gone"))?;
        self.note_end(&event);
        Ok(event)
    }

    fn note_end(&mut self, event: &Event) {
        if self.pending.front().is_some_and(|command| command.ends_in(event)) {
            self.pending.pop_front();
            self.counted.store(self.pending.len(), Ordering::Release);
        }
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
        for command in &self.pending {
            if let Command::Generate(job) = command {
                job.cancel.cancel();
            }
        }
    }

    /// Whether the thread is left behind, and how its commands ended is told.
    pub fn is_given_up(&self) -> bool {
        self.is_lost && self.pending.is_empty()
    }

    /// Whether the thread has ended, or is known to be left behind.
    pub fn is_over(&self) -> bool {
        self.is_lost || self.service.is_over()
    }
}

impl Drop for WorkerHandle {
    /// Cancels what is going on; the service then waits for the thread to end.
    fn drop(&mut self) {
        self.close();
    }
}
