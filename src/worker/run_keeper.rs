//! The thread that writes the picture in the making to disk, and the handle that gives it the newest state.
//!
//! The state lies in a slot where the newest wins: a step never waits for the disk. What must be on the disk before a picture takes
//! its name is written by [`RunKeeper::will_save`], which does wait.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use crate::base::error::{Error, Result};
use crate::base::files::write_whole;
use crate::base::sync::{Limits, Outbox, Service, Wake};
use crate::worker::kept_run::{KeptRun, PictureTicket};
use crate::worker::saving::Saving;

/// One poke says as much as many.
const LIMITS: Limits = Limits { orders: 1, news: 4, patience: Duration::from_secs(10) };

/// The share of the denoising that taking states may cost, as its inverse.
const STEPS_PER_COST: u32 = 100;

/// Keeps the picture in the making. Clones share it.
#[derive(Clone, Debug)]
pub struct RunKeeper(Arc<KeeperShared>);

#[derive(Debug)]
struct KeeperShared {
    slots: Arc<Mutex<NewestRun>>,
    note: PathBuf,
    service: Service<(), Error>,
}

/// The newest state, and whether the disk has it.
#[derive(Debug, Default)]
struct NewestRun {
    newest: Option<Arc<KeptRun>>,
    is_written: bool,
}

/// What a session that ended too early has left.
#[derive(Debug, Default)]
pub struct LeftBehind {
    /// The picture that was being drawn.
    pub run: Option<KeptRun>,
    /// The picture that took its name last.
    pub saved: Option<PictureTicket>,
    /// Why nothing can be gone on with, although something was kept.
    pub trouble: Option<Error>,
}

/// Which generation a job belongs to, and where its pictures in the making are kept.
#[derive(Clone, Debug)]
pub struct Keeping {
    /// The generation's key.
    pub key: u64,
    /// Who keeps them.
    pub keeper: RunKeeper,
    /// The least time from one state to the next.
    pub least: Duration,
}

/// Decides when the state of a run is taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeepingPace {
    least: Duration,
    last: Instant,
    cost: Duration,
}

impl LeftBehind {
    /// Reads what lies beside a journal.
    pub fn read(journal: &Path) -> Self {
        let saved = Saving::done(&note_of(journal));
        match fs::read(state_of(journal)).map(|bytes| KeptRun::from_bytes(&bytes)) {
            Ok(Ok(run)) => Self { run: Some(run), saved, trouble: None },
            Ok(Err(trouble)) => Self { run: None, saved, trouble: Some(trouble) },
            Err(_) => Self { run: None, saved, trouble: None },
        }
    }
}

impl RunKeeper {
    /// Starts the thread, which writes beside a journal. `left` is what an earlier session left, here or beside another journal.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn spawn(journal: &Path, left: Option<KeptRun>, wake: Wake) -> Result<Self> {
        let slots = Arc::new(Mutex::new(NewestRun { is_written: left.is_none(), newest: left.map(Arc::new) }));
        let (shared, path) = (Arc::clone(&slots), state_of(journal));
        let service = Service::spawn("burnisher-run-keeper", LIMITS, wake, move |pokes, outbox| {
            write_all(&shared, &path, &pokes, &outbox);
        })?;
        let keeper = Self(Arc::new(KeeperShared { slots, note: note_of(journal), service }));
        keeper.poke();
        Ok(keeper)
    }

    /// Keeps this state from now on.
    pub fn keep(&self, run: KeptRun) {
        *self.slots() = NewestRun { newest: Some(Arc::new(run)), is_written: false };
        self.poke();
    }

    /// Notes that the decoding of the picture begins, so that a program that ends in it is found out.
    pub(super) fn decode_begins(&self, ticket: &PictureTicket) {
        let newest = self.newest().filter(|run| run.ticket == *ticket && run.resumption.state.is_denoised());
        if let Some(run) = newest {
            self.keep(run.with_decode_begun());
        }
    }

    /// Forgets the state, if it is of the generation with this key.
    pub fn forget(&self, key: u64) {
        let mut slots = self.slots();
        if slots.newest.as_ref().is_some_and(|run| run.ticket.key == key) {
            *slots = NewestRun::default();
            drop(slots);
            self.poke();
        }
    }

    /// The newest state.
    pub fn newest(&self) -> Option<Arc<KeptRun>> {
        self.slots().newest.clone()
    }

    /// Writes down that a picture is about to take a name.
    pub(super) fn will_save(&self, ticket: &PictureTicket, path: &Path, bytes: &[u8]) {
        // Without the note a crash in this very moment draws the picture twice. That is no reason to lose it now.
        let _ = Saving::new(ticket.clone(), path, bytes).write(&self.0.note);
    }

    /// What went wrong with writing.
    pub fn trouble(&self) -> Option<Error> {
        self.0.service.news()
    }

    fn slots(&self) -> MutexGuard<'_, NewestRun> {
        lock(&self.0.slots)
    }

    fn poke(&self) {
        // A full channel says the same.
        let _ = self.0.service.send(());
    }
}

impl Drop for KeeperShared {
    /// Removes the note: at an orderly end the journal has heard of every picture that was saved.
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.note);
    }
}

impl KeepingPace {
    /// The pace of a run that begins now.
    pub(super) fn new(least: Duration) -> Self {
        Self { least, last: Instant::now(), cost: Duration::ZERO }
    }

    /// Returns whether a state may be taken now. After the last step one always is: the decoding may fail.
    pub(super) fn is_due(&self, is_last: bool) -> bool {
        is_last || self.last.elapsed() >= self.least.max(self.cost.saturating_mul(STEPS_PER_COST))
    }

    /// Notes that a state was taken, and what it cost.
    pub(super) fn taken(&mut self, cost: Duration) {
        (self.last, self.cost) = (Instant::now(), cost);
    }
}

/// Writes what changes until the handle is gone, and then what is left.
fn write_all(slots: &Mutex<NewestRun>, path: &Path, pokes: &Receiver<()>, outbox: &Outbox<Error>) {
    let mut has_told = false;
    let mut write = || {
        let newest = {
            let mut slots = lock(slots);
            if std::mem::replace(&mut slots.is_written, true) {
                return;
            }
            slots.newest.clone()
        };
        let written = if let Some(run) = newest {
            run.to_bytes().and_then(|bytes| write_whole(path, &bytes))
        } else {
            // What can't be removed is of no picture that waits, and is ignored the next time.
            let _ = fs::remove_file(path);
            Ok(())
        };
        match written {
            Ok(()) => has_told = false,
            // A full disk isn't told again after every step.
            Err(error) if !std::mem::replace(&mut has_told, true) => {
                let lost = Error::new("The picture in the making isn't kept: a crash would cost it");
                outbox.tell_if_room(lost.caused_by(error));
            }
            Err(_) => {}
        }
    };
    while pokes.recv().is_ok() {
        write();
    }
    write();
}

/// A state is put in one move, so one left by a thread that panicked is whole.
fn lock(slots: &Mutex<NewestRun>) -> MutexGuard<'_, NewestRun> {
    slots.lock().unwrap_or_else(PoisonError::into_inner)
}

fn state_of(journal: &Path) -> PathBuf {
    journal.with_extension("run")
}

fn note_of(journal: &Path) -> PathBuf {
    journal.with_extension("saving")
}
