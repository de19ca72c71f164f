//! How far a download is: bytes per file and in all, the rate, and the time left.
//!
//! The rate is that of the last seconds, and counts what has come over the network: what lay here already is none.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::listing::Wanted;

/// Over how long the rate is measured.
const WINDOW: Duration = Duration::from_secs(5);

/// How far a download is.
#[derive(Clone, Debug, PartialEq)]
pub struct DownloadProgress {
    /// Each file of the offer, in its order.
    pub files: Vec<FileProgress>,
    /// Bytes that are here.
    pub bytes: u64,
    /// Of how many.
    pub of: u64,
    /// How fast they come.
    pub bytes_per_sec: f64,
    /// How long the rest will take at this rate; `None` while nothing comes.
    pub secs_left: Option<f64>,
    /// What goes on: the liveliest of the files' states.
    pub state: TransferState,
}

/// How far a file is.
#[derive(Clone, Debug, PartialEq)]
pub struct FileProgress {
    /// Its path in the repository.
    pub path: String,
    /// Bytes that are here.
    pub bytes: u64,
    /// Of how many.
    pub of: u64,
    /// What goes on with it.
    pub state: TransferState,
}

/// What goes on with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransferState {
    /// Its turn hasn't come.
    Queued,
    /// Its bytes come.
    Fetching,
    /// What is here is being checked.
    Checking,
    /// It can't go on now, and goes on by itself.
    Waiting {
        /// For what, in words.
        why: String,
        /// For how long; `None` if that isn't known.
        secs: Option<u64>,
    },
    /// It is here, checked.
    Done,
}

impl TransferState {
    /// Livelier states hide others.
    fn liveliness(&self) -> u8 {
        match self {
            Self::Fetching => 4,
            Self::Checking => 3,
            Self::Waiting { .. } => 2,
            Self::Queued => 1,
            Self::Done => 0,
        }
    }
}

/// Where the transfers note how far they are.
pub(super) struct Board(Mutex<Notes>);

struct Notes {
    progress: DownloadProgress,
    /// What has come over the network, in all.
    fetched: u64,
    /// What had come by when, over the last seconds.
    samples: VecDeque<(Instant, u64)>,
}

impl Board {
    pub(super) fn new(files: &[Wanted]) -> Self {
        let file = |wanted: &Wanted| FileProgress {
            path: wanted.path.clone(),
            bytes: 0,
            of: wanted.bytes,
            state: TransferState::Queued,
        };
        let progress = DownloadProgress {
            files: files.iter().map(file).collect(),
            bytes: 0,
            of: files.iter().map(|file| file.bytes).sum(),
            bytes_per_sec: 0.0,
            secs_left: None,
            state: TransferState::Queued,
        };
        Self(Mutex::new(Notes { progress, fetched: 0, samples: VecDeque::new() }))
    }

    /// Notes how many bytes of a file are here, and what goes on with it.
    pub(super) fn set(&self, number: usize, bytes: u64, state: TransferState) {
        if let Some(file) = self.notes().progress.files.get_mut(number) {
            (file.bytes, file.state) = (bytes, state);
        }
    }

    /// Notes that bytes of a file have come.
    pub(super) fn fetched(&self, number: usize, count: usize) {
        let mut notes = self.notes();
        notes.fetched += count as u64;
        if let Some(file) = notes.progress.files.get_mut(number) {
            file.bytes += count as u64;
            file.state = TransferState::Fetching;
        }
    }

    /// The notes. They are sound whatever became of a thread that wrote some.
    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far it is now.
    pub(super) fn read(&self) -> DownloadProgress {
        let mut notes = self.notes();
        let (now, fetched) = (Instant::now(), notes.fetched);
        notes.samples.push_back((now, fetched));
        while notes.samples.len() > 2 && notes.samples.front().is_some_and(|(then, _)| now - *then > WINDOW) {
            notes.samples.pop_front();
        }
        let rate = notes.samples.front().map_or(0.0, |(then, had)| {
            let secs = (now - *then).as_secs_f64();
            if secs > 0.0 { (fetched - had) as f64 / secs } else { 0.0 }
        });
        let progress = &mut notes.progress;
        progress.bytes = progress.files.iter().map(|file| file.bytes).sum();
        progress.bytes_per_sec = rate;
        progress.secs_left = (rate > 0.0).then(|| progress.of.saturating_sub(progress.bytes) as f64 / rate);
        let liveliest = progress.files.iter().map(|file| &file.state).max_by_key(|state| state.liveliness());
        progress.state = liveliest.cloned().unwrap_or(TransferState::Done);
        progress.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_here_counts_as_progress_but_not_as_speed() {
        let files = [("a", 100), ("b", 50)].map(|(path, bytes)| Wanted::for_test(path, bytes));
        let board = Board::new(&files);
        board.set(0, 60, TransferState::Checking);
        let before = board.read();
        assert_eq!((before.bytes, before.of, &before.state), (60, 150, &TransferState::Checking));
        assert_eq!((before.bytes_per_sec, before.secs_left), (0.0, None));
        board.fetched(0, 40);
        board.set(1, 0, TransferState::Waiting { why: "the Hub is busy".to_owned(), secs: Some(3) });
        std::thread::sleep(Duration::from_millis(2));
        let after = board.read();
        assert_eq!((after.bytes, &after.state), (100, &TransferState::Fetching));
        assert!(after.bytes_per_sec > 0.0 && after.secs_left.is_some_and(|secs| secs > 0.0));
        board.set(0, 100, TransferState::Done);
        assert!(matches!(board.read().state, TransferState::Waiting { .. }));
        board.set(1, 50, TransferState::Done);
        assert_eq!(board.read().state, TransferState::Done);
    }
}
