//! The place of the worker: one at a time.
//!
//! Where another one is to take its place, the old one is told to end, and the new one is started when it has: two of them would
//! need the memory and the processor twice.

use crate::base::error::Result;
use crate::base::sync::{Latest, Wake};
use crate::session::settings::Settings;
use crate::session::setup::{OpenWorker, host_of};
use crate::storage::hub::Shelf;
use crate::worker::{Command, Event, Host, Preview, WorkerHandle};

/// The worker, the one before it, and how another one is started.
pub(super) struct WorkerSlot {
    open: OpenWorker,
    shelf: Shelf,
    wake: Wake,
    worker: Option<WorkerHandle>,
    /// It is told to end and hasn't yet.
    retiring: Option<WorkerHandle>,
    /// Whether one is to be started.
    is_wanted: bool,
    /// Where the present one opens models.
    host: Option<Host>,
}

impl WorkerSlot {
    /// An empty place, whose worker is started by [`Self::start_if_free`].
    pub(super) fn new(open: OpenWorker, shelf: Shelf, wake: Wake) -> Self {
        Self { open, shelf, wake, worker: None, retiring: None, is_wanted: true, host: None }
    }

    /// Where models of the Hub lie.
    pub(super) fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    /// Where the present worker opens models.
    pub(super) fn host(&self) -> Option<Host> {
        self.host
    }

    /// Has another worker take the place of this one.
    pub(super) fn replace(&mut self) {
        self.is_wanted = true;
        if let Some(mut old) = self.worker.take() {
            old.close();
            self.retiring = Some(old);
        }
    }

    /// Has another worker take the place of one that is left behind because its GPU was lost. Returns whether there was one.
    pub(super) fn replace_lost(&mut self) -> bool {
        let is_lost = self.worker.take_if(|worker| worker.is_given_up()).is_some();
        self.is_wanted |= is_lost;
        is_lost
    }

    /// Starts the worker that is wanted, if the one before it has ended.
    ///
    /// # Errors
    /// It can't be started. It isn't tried again.
    pub(super) fn start_if_free(&mut self, settings: &Settings) -> Result<()> {
        self.retiring.take_if(|old| old.is_left_behind() || old.is_over());
        if self.retiring.is_some() || !std::mem::take(&mut self.is_wanted) {
            return Ok(());
        }
        self.host = Some(host_of(settings));
        self.worker = Some((self.open)(settings, &self.shelf, self.wake.clone())?);
        Ok(())
    }

    /// Hands a command over. Returns false if the worker has one waiting, or isn't there.
    pub(super) fn send(&mut self, command: Command) -> bool {
        self.worker.as_mut().is_some_and(|worker| worker.try_send(command).is_ok())
    }

    /// Takes the next thing that the worker tells.
    pub(super) fn event(&mut self) -> Option<Event> {
        self.worker.as_mut()?.try_recv()
    }

    /// Cancels what is going on, waits for the worker to end, and gives what it told until then.
    pub(super) fn finish(&mut self) -> Vec<Event> {
        self.is_wanted = false;
        self.worker.as_mut().map(WorkerHandle::finish).unwrap_or_default()
    }

    /// Whether there is no worker, and none to come.
    pub(super) fn is_gone(&self) -> bool {
        !self.is_wanted && self.worker.as_ref().is_none_or(WorkerHandle::is_over)
    }

    /// The slots of the newest previews.
    pub(super) fn previews(&self) -> &[Latest<Preview>] {
        self.worker.as_ref().map_or(&[], |worker| worker.previews())
    }
}
