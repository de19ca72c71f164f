//! The thread that writes the picture in the making to disk, and the handle that gives it the newest state.
//!
//! The state lies in a slot where the newest wins: a step never waits for the disk. Other pictures that wait half done, as one whose
//! decoding failed, stay in memory meanwhile. What must be on the disk before a picture takes
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
    slots: Arc<Mutex<KeptRuns>>,
    note: PathBuf,
    service: Service<(), Error>,
}

/// The newest state, whether the disk has it, and those of other generations.
#[derive(Debug, Default)]
struct KeptRuns {
    newest: Option<Arc<KeptRun>>,
    is_written: bool,
    others: Vec<Arc<KeptRun>>,
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
    /// Starts the thread, which writes beside a journal. `left` is what earlier sessions left, here or beside other journals.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn spawn(journal: &Path, left: Vec<KeptRun>, wake: Wake) -> Result<Self> {
        let mut left = left.into_iter().map(Arc::new);
        let newest = left.next();
        let slots = Arc::new(Mutex::new(KeptRuns { is_written: newest.is_none(), newest, others: left.collect() }));
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
        let key = run.ticket.key;
        let mut slots = self.slots();
        let before = slots.newest.replace(Arc::new(run));
        slots.others.extend(before);
        slots.others.retain(|other| other.ticket.key != key);
        slots.is_written = false;
        drop(slots);
        self.poke();
    }

    /// Notes that the decoding of the picture begins, so that a program that ends in it is found out.
    pub(super) fn decode_begins(&self, ticket: &PictureTicket) {
        let newest = self.of(ticket.key).filter(|run| run.ticket == *ticket && run.resumption.state.is_denoised());
        if let Some(run) = newest {
            self.keep(run.with_decode_begun());
        }
    }

    /// Forgets the state, if it is of the generation with this key.
    pub fn forget(&self, key: u64) {
        let mut slots = self.slots();
        slots.others.retain(|other| other.ticket.key != key);
        if slots.newest.take_if(|run| run.ticket.key == key).is_some() {
            // Another one that waits is worth the place on the disk now.
            slots.newest = slots.others.pop();
            slots.is_written = false;
            drop(slots);
            self.poke();
        }
    }

    /// The states that are kept, at most one a generation; the one on the disk comes first.
    pub fn all(&self) -> Vec<Arc<KeptRun>> {
        let slots = self.slots();
        slots.newest.iter().chain(&slots.others).cloned().collect()
    }

    /// The state of the generation with this key.
    pub fn of(&self, key: u64) -> Option<Arc<KeptRun>> {
        self.all().into_iter().find(|run| run.ticket.key == key)
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

    fn slots(&self) -> MutexGuard<'_, KeptRuns> {
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
fn write_all(slots: &Mutex<KeptRuns>, path: &Path, pokes: &Receiver<()>, outbox: &Outbox<Error>) {
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
fn lock(slots: &Mutex<KeptRuns>) -> MutexGuard<'_, KeptRuns> {
    slots.lock().unwrap_or_else(PoisonError::into_inner)
}

fn state_of(journal: &Path) -> PathBuf {
    journal.with_extension("run")
}

fn note_of(journal: &Path) -> PathBuf {
    journal.with_extension("saving")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::kept_run::testing::kept;

    #[test]
    fn a_picture_that_waits_half_done_stays_while_another_one_is_drawn() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = folder.path().join("session.journal");
        let keeper = RunKeeper::spawn(&journal, vec![kept(1), kept(2)], Arc::new(|| {})).expect("a thread");
        keeper.keep(kept(3));
        let keys = |keeper: &RunKeeper| keeper.all().iter().map(|run| run.ticket.key).collect::<Vec<_>>();
        assert_eq!(keys(&keeper), [3, 2, 1]);
        keeper.keep(kept(2).after_failed_decode());
        assert_eq!(keys(&keeper), [2, 1, 3], "one a generation");
        keeper.forget(1);
        keeper.forget(2);
        assert_eq!(keys(&keeper), [3]);
        drop(keeper);
        let left = LeftBehind::read(&journal).run.expect("a picture in the making");
        assert_eq!(left.ticket.key, 3, "it has the place on the disk again");
    }
}
