//! Threads for work that takes time and is neither drawing nor the gallery: files, dialogs, the clipboard's pictures.
//!
//! A piece of work is a closure that returns the action that follows from it. One thread does them in order; each file dialog has
//! a thread to itself, since it stays open as long as the user likes. The window's thread never waits for any of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::app::action::Action;
use crate::app::files::dialog::FileDialog;
use crate::base::error::{Error, Result};
use crate::base::sync::Latest;

/// Jobs and answers that wait at most: far more than a person can ask for.
const CAPACITY: usize = 64;

/// A piece of work; the window takes in what follows from it.
type Job = Box<dyn FnOnce() -> Result<Option<Action>> + Send>;

/// Work of which only the newest counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// Writing the settings.
    Settings,
    /// How the painter's mask would look.
    MaskPreview,
    /// What the pipeline would make of the painter's mask.
    MaskSights,
}

impl Slot {
    const COUNT: usize = 3;
}

/// A slot's job, and whether the thread was told to look for it.
#[derive(Clone, Default)]
struct Newest {
    job: Latest<Job>,
    is_asked: Arc<AtomicBool>,
}

impl Newest {
    fn run(&self) -> Result<Option<Action>> {
        self.is_asked.store(false, Ordering::Release);
        self.job.take().map_or(Ok(None), |job| job())
    }
}

/// The window's end.
pub(crate) struct Background {
    jobs: Option<Sender<Job>>,
    answers: Receiver<Action>,
    outbox: Outbox,
    newest: [Newest; Slot::COUNT],
    thread: Option<JoinHandle<()>>,
}

/// Sends answers, and wakes the window.
#[derive(Clone)]
struct Outbox {
    answers: Sender<Action>,
    wake: Arc<dyn Fn() + Send + Sync>,
}

impl Outbox {
    fn send(&self, done: Result<Option<Action>>) {
        let Some(action) = done.unwrap_or_else(|error| Some(Action::Fail(error))) else { return };
        // The window is gone if nobody listens.
        if self.answers.send(action).is_ok() {
            (self.wake)();
        }
    }
}

impl Background {
    /// Starts the thread. `wake` is called after each answer.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub(crate) fn spawn(wake: Arc<dyn Fn() + Send + Sync>) -> Result<Self> {
        let (jobs, received) = bounded::<Job>(CAPACITY);
        let (answers, heard) = bounded(CAPACITY);
        let outbox = Outbox { answers, wake };
        let newest: [Newest; Slot::COUNT] = std::array::from_fn(|_| Newest::default());
        let (to, left) = (outbox.clone(), newest.clone());
        let work = move || {
            received.iter().for_each(|job| to.send(job()));
            // With a full queue the newest may still lie in its slot.
            left.iter().for_each(|newest| to.send(newest.run()));
        };
        let thread = thread::Builder::new().name("burnisher-files".to_owned()).spawn(work);
        let thread = thread.map_err(|cause| Error::new("the thread for files can't be started").caused_by(cause))?;
        Ok(Self { jobs: Some(jobs), answers: heard, outbox, newest, thread: Some(thread) })
    }

    /// Has a job done after those that wait.
    ///
    /// # Errors
    /// So much waits already that it can't be taken.
    pub(crate) fn run(&self, job: impl FnOnce() -> Result<Option<Action>> + Send + 'static) -> Result<()> {
        let busy = || Error::new("too much is going on with files").advise("Try again in a moment");
        self.jobs.as_ref().ok_or_else(busy)?.try_send(Box::new(job)).map_err(|_| busy())
    }

    /// Has a job done in place of the one in this slot that hasn't begun yet. With a full queue it is done by the next call, or at
    /// the end.
    pub(crate) fn run_newest(&self, slot: Slot, job: impl FnOnce() -> Result<Option<Action>> + Send + 'static) {
        let Some(newest) = self.newest.get(slot as usize) else { return };
        newest.job.put(Box::new(job));
        if !newest.is_asked.swap(true, Ordering::AcqRel) {
            let asked = newest.clone();
            if self.run(move || asked.run()).is_err() {
                newest.is_asked.store(false, Ordering::Release);
            }
        }
    }

    /// Has a job done on a thread of its own: a folder on a network may take its time.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub(crate) fn run_aside(
        &self,
        name: &str,
        job: impl FnOnce() -> Result<Option<Action>> + Send + 'static,
    ) -> Result<()> {
        let outbox = self.outbox.clone();
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || outbox.send(job()));
        thread.map(drop).map_err(|cause| Error::new("a thread can't be started").caused_by(cause))
    }

    /// Opens a file dialog.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub(crate) fn ask(&self, dialog: FileDialog<Action>) -> Result<()> {
        // The dialog is made here, on the window's thread, and waited for elsewhere.
        let asked = dialog.open();
        self.run_aside("burnisher-dialog", move || Ok(pollster::block_on(asked)))
    }

    /// The next answer, if there is one.
    pub(crate) fn answer(&self) -> Option<Action> {
        self.answers.try_recv().ok()
    }
}

impl Drop for Background {
    /// Finishes what was asked for: settings and copies are written.
    fn drop(&mut self) {
        self.jobs = None;
        self.answers = crossbeam_channel::never();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn jobs_are_done_in_order_and_of_a_slot_only_the_newest() {
        let background = Background::spawn(Arc::new(|| {})).expect("a thread");
        let (open, gate) = bounded::<()>(0);
        let done = Arc::new(AtomicUsize::new(0));
        background.run(move || Ok(gate.recv().ok().map(|()| Action::CopyText("first".to_owned())))).expect("room");
        for k in 0..5 {
            let done = done.clone();
            background.run_newest(Slot::Settings, move || {
                done.fetch_add(1, Ordering::Relaxed);
                Ok(Some(Action::CopyText(format!("newest {k}"))))
            });
        }
        background.run(|| Err(Error::new("no disk"))).expect("room");
        open.send(()).expect("it waits");
        let answers: Vec<String> = (0..3)
            .map(|_| match background.answers.recv().expect("an answer") {
                Action::CopyText(text) => text,
                Action::Fail(error) => error.to_string(),
                other => format!("{other:?}"),
            })
            .collect();
        assert_eq!(answers, ["first", "newest 4", "no disk"]);
        assert_eq!(done.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn what_was_asked_for_is_done_before_the_end() {
        let background = Background::spawn(Arc::new(|| {})).expect("a thread");
        let done = Arc::new(AtomicUsize::new(0));
        for _ in 0..CAPACITY {
            let done = done.clone();
            let _ = background.run(move || {
                done.fetch_add(1, Ordering::Relaxed);
                Ok(None)
            });
        }
        let last = done.clone();
        background.run_newest(Slot::Settings, move || {
            last.fetch_add(100, Ordering::Relaxed);
            Ok(None)
        });
        drop(background);
        assert!(done.load(Ordering::Relaxed) >= 100);
    }
}
