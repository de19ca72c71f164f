//! Threads for work that takes time and is neither drawing nor the gallery: files, dialogs, the clipboard's pictures.
//!
//! A job is a closure that returns the action that follows from it. One thread does jobs in order; each file dialog has a thread to
//! itself, since it stays open as long as the user likes. The window's thread never waits for any of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam_channel::Receiver;

use crate::app::action::Action;
use crate::app::files::dialog::{Answer, FileDialog};
use crate::base::error::{Error, Result};
use crate::base::sync::{Latest, Limits, Outbox, Service, Wake, outbox};

/// Jobs and answers that wait at most: far more than a person can ask for.
const CAPACITY: usize = 64;

/// How long the end waits for what was asked for: settings and copies are written.
const PATIENCE: Duration = Duration::from_secs(10);

/// A piece of work; the window carries out what follows from it.
type BackgroundJob = Box<dyn FnOnce() -> Result<Option<Action>> + Send>;

/// Work of which only the newest counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NewestOf {
    /// How the painter's mask would look.
    MaskPreview,
    /// What the pipeline would make of the painter's mask.
    MaskSights,
}

impl NewestOf {
    const COUNT: usize = 2;
}

/// The newest job of its kind, and whether the thread was told to look for it.
#[derive(Clone, Default)]
struct Newest {
    job: Latest<BackgroundJob>,
    is_asked: Arc<AtomicBool>,
}

impl Newest {
    fn run(&self) -> Result<Option<Action>> {
        self.is_asked.store(false, Ordering::Release);
        self.job.take().map_or(Ok(None), |job| job())
    }
}

/// The window's end. Dropping it finishes what was asked for.
pub(crate) struct Background {
    jobs: Service<BackgroundJob, Action>,
    /// What jobs on threads of their own send, and where they send it.
    aside: (Outbox<Action>, Receiver<Action>),
    newest: [Newest; NewestOf::COUNT],
}

/// Sends what follows from a job, or why it failed.
fn send(outbox: &Outbox<Action>, done: Result<Option<Action>>) {
    if let Some(action) = done.unwrap_or_else(|error| Some(Action::Fail(error))) {
        // The window is gone if nobody listens.
        let _ = outbox.tell(action);
    }
}

impl Background {
    /// Starts the thread. `wake` is called after each answer.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub(crate) fn spawn(wake: Wake) -> Result<Self> {
        let newest: [Newest; NewestOf::COUNT] = std::array::from_fn(|_| Newest::default());
        let left = newest.clone();
        let limits = Limits { orders: CAPACITY, news: CAPACITY, patience: PATIENCE };
        let work = move |jobs: Receiver<BackgroundJob>, outbox: Outbox<Action>| {
            jobs.iter().for_each(|job| send(&outbox, job()));
            // With a full queue the newest may still lie in its slot.
            for newest in &left {
                send(&outbox, newest.run());
            }
        };
        let jobs = Service::spawn("burnisher-files", limits, wake.clone(), work)?;
        Ok(Self { jobs, aside: outbox(CAPACITY, wake), newest })
    }

    /// Has a job done after those that wait.
    ///
    /// # Errors
    /// So much waits already that it can't be taken.
    pub(crate) fn run(&self, job: impl FnOnce() -> Result<Option<Action>> + Send + 'static) -> Result<()> {
        let busy = || Error::new("too much is going on with files").advise("Try again in a moment");
        self.jobs.send(Box::new(job)).map_err(|_| busy())
    }

    /// Has a job done in place of the one of its kind that hasn't begun yet. With a full queue it is done by the next call, or at
    /// the end.
    pub(crate) fn run_newest(&self, of: NewestOf, job: impl FnOnce() -> Result<Option<Action>> + Send + 'static) {
        let Some(newest) = self.newest.get(of as usize) else { return };
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
        let outbox = self.aside.0.clone();
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || send(&outbox, job()));
        thread.map(drop).map_err(|cause| Error::new("a thread can't be started").caused_by(cause))
    }

    /// Opens a file dialog; where the system has none, the window asks for a path.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub(crate) fn ask(&self, dialog: FileDialog<Action>) -> Result<()> {
        // The dialog is made here, on the window's thread, and waited for elsewhere.
        let asked = dialog.open();
        self.run_aside("burnisher-dialog", move || {
            Ok(match pollster::block_on(asked) {
                Answer::Chosen(action) => Some(action),
                Answer::Closed => None,
                Answer::Unavailable(dialog) => Some(Action::AskPath(dialog)),
            })
        })
    }

    /// The next answer, if there is one.
    pub(crate) fn answer(&self) -> Option<Action> {
        self.jobs.news().or_else(|| self.aside.1.try_recv().ok())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn jobs_are_done_in_order_and_of_a_slot_only_the_newest() {
        let background = Background::spawn(Arc::new(|| {})).expect("a thread");
        let (open, gate) = crossbeam_channel::bounded::<()>(0);
        let done = Arc::new(AtomicUsize::new(0));
        background.run(move || Ok(gate.recv().ok().map(|()| Action::CopyText("first".to_owned())))).expect("room");
        for k in 0..5 {
            let done = done.clone();
            background.run_newest(NewestOf::MaskPreview, move || {
                done.fetch_add(1, Ordering::Relaxed);
                Ok(Some(Action::CopyText(format!("newest {k}"))))
            });
        }
        background.run(|| Err(Error::new("no disk"))).expect("room");
        open.send(()).expect("it waits");
        let answers: Vec<String> = (0..3)
            .map(|_| match background.jobs.wait().expect("an answer") {
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
        background.run_newest(NewestOf::MaskPreview, move || {
            last.fetch_add(100, Ordering::Relaxed);
            Ok(None)
        });
        drop(background);
        assert!(done.load(Ordering::Relaxed) >= 100);
    }
}
