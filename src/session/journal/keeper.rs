//! The thread that writes preferences and journal, and the handle that tells it what has changed.
//!
//! What has changed lies in slots where the newest wins, and the thread finds out what to write. Changes of the queue are written at
//! once; what a person types or paints is written together, a few times a second. What couldn't be written is tried again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use crate::base::error::{Error, Result};
use crate::base::files::{parent_of, sweep_temporary};
use crate::base::sync::{Latest, Limits, Outbox, Service, Wake};
use crate::session::journal::file::JournalFile;
use crate::session::journal::kept::Kept;
use crate::session::journal::opening::Opened;
use crate::session::queue::{Key, Queue};
use crate::session::seat::{LeftSeat, Seat};
use crate::session::settings::{Draft, Settings};
use crate::session::waiting::Waiting;

/// The least time between two writes of what is typed.
const INTERVAL: Duration = Duration::from_millis(400);

/// From one try to the next where the last write failed: by then the disk may have room, or be back.
const AGAIN: Duration = Duration::from_secs(5);

/// One poke says as much as many; the end waits for the last write, but not for a disk that doesn't answer.
const LIMITS: Limits = Limits { orders: 1, news: 16, patience: Duration::from_secs(10) };

/// Keeps preferences, form, history and queue on disk.
#[derive(Debug)]
pub(in crate::session) struct Journal {
    slots: Slots,
    service: Service<(), Error>,
    /// What was handed over last.
    settings: Settings,
    draft: Draft,
    queue: u64,
}

/// What has changed and isn't written yet.
#[derive(Clone, Debug, Default)]
struct Slots {
    settings: Latest<Settings>,
    draft: Latest<Draft>,
    history: Latest<Vec<String>>,
    /// With its revision.
    queue: Latest<(u64, Vec<(Key, Waiting)>)>,
    is_urgent: Arc<AtomicBool>,
    /// The queue's revision that is on the disk, or couldn't be put there.
    written: Arc<AtomicU64>,
}

/// What lives on the thread.
struct Keeper {
    slots: Slots,
    /// Held until everything is written.
    seat: Seat,
    /// The preferences of this window as they were read or written last.
    saved: Settings,
    /// Those that are to be written.
    unsaved: Option<Settings>,
    file: JournalFile,
    /// What the file holds, or should.
    written: Kept,
    /// Whether the last write failed.
    is_behind: bool,
    /// What was taken over and still lies there.
    left: Vec<LeftSeat>,
    outbox: Outbox<Error>,
    told: ToldFailures,
}

/// The failures that were told last, of the preferences and of the journal: a full disk isn't told again with every letter.
#[derive(Default)]
struct ToldFailures {
    settings: Option<String>,
    journal: Option<String>,
}

impl Journal {
    /// Starts the thread. It first writes the journal anew, with the keys that the queue has now.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub(in crate::session) fn spawn(
        seat: Seat,
        opened: Opened,
        settings: &Settings,
        queue: &Queue,
        wake: Wake,
    ) -> Result<Self> {
        let slots = Slots::default();
        let Opened { file, kept, left, is_moved, .. } = opened;
        let kept = Kept { queue: queue.to_keep(), ..kept };
        let draft = kept.draft.clone();
        let (shared, saved, revision) = (slots.clone(), settings.clone(), queue.revision());
        let service = Service::spawn("burnisher-journal", LIMITS, wake, move |pokes, outbox| {
            let (unsaved, is_behind, told) = (None, false, ToldFailures::default());
            let mut keeper =
                Keeper { slots: shared, seat, saved, unsaved, file, written: kept, is_behind, left, outbox, told };
            if is_moved {
                // The file of the preferences holds too much now.
                let saved = keeper.saved.save(keeper.seat.settings());
                tell(&keeper.outbox, &mut keeper.told.settings, saved);
            }
            sweep_temporary(parent_of(keeper.seat.settings()));
            let begun = keeper.file.write_anew(&keeper.written);
            keeper.kept(begun);
            keeper.queue_is_written(revision);
            keeper.write();
            keeper.run(&pokes);
        })?;
        Ok(Self { slots, service, settings: settings.clone(), draft, queue: queue.revision() })
    }

    /// Keeps the preferences.
    pub(in crate::session) fn keep_settings(&mut self, settings: &Settings) {
        if *settings != self.settings {
            self.settings.clone_from(settings);
            self.slots.settings.put(settings.clone());
            self.poke(false);
        }
    }

    /// Keeps the form.
    pub(in crate::session) fn keep_form(&mut self, draft: &Draft) {
        if *draft != self.draft {
            self.draft.clone_from(draft);
            self.slots.draft.put(draft.clone());
            self.poke(false);
        }
    }

    /// Keeps the prompts that were drawn.
    pub(in crate::session) fn keep_history(&self, history: &[String]) {
        self.slots.history.put(history.to_vec());
        self.poke(false);
    }

    /// Keeps what has to be drawn.
    pub(in crate::session) fn keep_queue(&mut self, queue: &Queue) {
        if queue.revision() != self.queue {
            self.queue = queue.revision();
            self.slots.queue.put((queue.revision(), queue.to_keep()));
            self.poke(true);
        }
    }

    /// The queue's revision that is on the disk. Where that failed, it is told ([`Self::trouble`]), and counts as done.
    pub(in crate::session) fn written_queue(&self) -> u64 {
        self.slots.written.load(Ordering::Acquire)
    }

    /// What went wrong with writing.
    pub(in crate::session) fn trouble(&self) -> Option<Error> {
        self.service.news()
    }

    fn poke(&self, is_urgent: bool) {
        if is_urgent {
            self.slots.is_urgent.store(true, Ordering::Release);
        }
        // A full channel says the same.
        let _ = self.service.send(());
    }
}

impl Keeper {
    /// Writes what changes until the handle is gone, and then what is left.
    fn run(&mut self, pokes: &Receiver<()>) {
        let mut due = Instant::now();
        loop {
            let is_behind = self.is_behind || self.unsaved.is_some();
            let poked = if is_behind { pokes.recv_timeout(AGAIN) } else { pokes.recv().map_err(Into::into) };
            let mut is_over = poked == Err(RecvTimeoutError::Disconnected);
            while !is_over && !self.slots.is_urgent.load(Ordering::Acquire) {
                let left = due.saturating_duration_since(Instant::now());
                match pokes.recv_timeout(left) {
                    Ok(()) => {}
                    Err(RecvTimeoutError::Timeout) => break,
                    Err(RecvTimeoutError::Disconnected) => is_over = true,
                }
            }
            self.write();
            if is_over {
                return;
            }
            due = Instant::now() + INTERVAL;
        }
    }

    fn write(&mut self) {
        // Before the slots are emptied: what is put into them from now on pokes again.
        self.slots.is_urgent.store(false, Ordering::Release);
        if let Some(settings) = self.slots.settings.take().or(self.unsaved.take()) {
            let saved = settings.save_changes(&self.saved, self.seat.settings());
            if saved.is_ok() {
                self.saved = settings;
            } else {
                self.unsaved = Some(settings);
            }
            tell(&self.outbox, &mut self.told.settings, saved);
        }
        let mut now = self.written.clone();
        if let Some(draft) = self.slots.draft.take() {
            now.draft = draft;
        }
        if let Some(history) = self.slots.history.take() {
            now.history = history;
        }
        let queue = self.slots.queue.take();
        let revision = queue.map(|(revision, queue)| {
            now.queue = queue;
            revision
        });
        if now != self.written || self.is_behind {
            // After a failure the whole file is written.
            let kept = self.file.keep(&self.written, &now);
            self.written = now;
            self.kept(kept);
        }
        if let Some(revision) = revision {
            self.queue_is_written(revision);
        }
    }

    fn queue_is_written(&self, revision: u64) {
        self.slots.written.store(revision, Ordering::Release);
        self.outbox.wake();
    }

    /// Takes in whether the journal could be written. What was taken over is removed only now.
    fn kept(&mut self, written: Result<()>) {
        self.is_behind = written.is_err();
        if !self.is_behind {
            for left in self.left.drain(..) {
                JournalFile::new(left.journal.clone()).remove();
            }
        }
        tell(&self.outbox, &mut self.told.journal, written.map_err(not_kept));
    }
}

/// Tells of a failure, unless it was told last.
fn tell(outbox: &Outbox<Error>, told: &mut Option<String>, written: Result<()>) {
    match written {
        Ok(()) => *told = None,
        Err(error) if told.as_ref() == Some(&error.to_string()) => {}
        Err(error) => {
            *told = Some(error.to_string());
            outbox.tell_if_room(error);
        }
    }
}

fn not_kept(cause: Error) -> Error {
    Error::new("What you do can't be saved; it is tried again every few seconds").caused_by(cause)
}
