//! The place that a window has beside the settings, so that two windows on the same settings don't take each other's queue.
//!
//! The first window has the first seat, and the second window the next one. A seat is a lock and the files that are written under
//! it: `session.journal` under `session.lock`, `session-2.journal` under `session-2.lock`. When a window crashes, the
//! system gives its lock back, and the next window that opens takes over the journal that it left.
//!
//! Limits: where the file system has no locks, every window believes that it is the first.

use std::fs;
use std::path::{Path, PathBuf};

use crate::base::files::parent_of;
use crate::base::lock::{FileLock, try_lock};

/// What the files of a session begin with.
const SESSION: &str = "session";

/// A window's place beside the settings, as long as it is kept.
#[derive(Debug)]
pub struct Seat {
    settings: PathBuf,
    number: usize,
    /// `None` where no file can be made.
    lock: Option<FileLock>,
}

/// A seat that nobody has, with a journal that was left there.
#[derive(Debug)]
pub(in crate::session) struct LeftSeat {
    pub(in crate::session) journal: PathBuf,
    /// Keeps others from taking it over, too.
    _lock: FileLock,
}

impl Seat {
    /// Takes the first free seat beside a file of settings.
    pub fn take(settings: PathBuf) -> Self {
        // A folder that can't be made is told of by whoever writes into it.
        let _ = fs::create_dir_all(parent_of(&settings));
        let mut number = 1;
        loop {
            match try_lock(&named(&settings, SESSION, number, "lock")) {
                Ok(None) => number += 1,
                taken => return Self { lock: taken.ok().flatten(), settings, number },
            }
        }
    }

    /// The file of the preferences, which all windows share.
    pub fn settings(&self) -> &Path {
        &self.settings
    }

    /// Counts the windows from 1.
    pub fn number(&self) -> usize {
        self.number
    }

    /// The journal of this window. What else it keeps lies beside it, under the same name with another ending.
    pub fn journal(&self) -> PathBuf {
        named(&self.settings, SESSION, self.number, "journal")
    }

    /// A file of this window alone, beside the settings.
    pub fn own_file(&self, stem: &str, ending: &str) -> PathBuf {
        named(&self.settings, stem, self.number, ending)
    }

    /// What the user should know of other windows, `taken_over` of whose generations were taken over.
    pub(in crate::session) fn about_others(&self, taken_over: usize) -> Vec<String> {
        let mut told = Vec::new();
        if self.number > 1 {
            told.push(format!(
                "Burnisher is open already. This is window {}: its queue and its form are its own, and its model takes memory of \
                 its own",
                self.number
            ));
        }
        match taken_over {
            0 => {}
            1 => told.push("One generation that another window left over waits in the queue".to_owned()),
            _ => told.push(format!("{taken_over} generations that another window left over wait in the queue")),
        }
        // Where no lock can be made at all, nothing can be kept either, which is told elsewhere.
        if self.lock.as_ref().is_some_and(|lock| !lock.keeps_out) {
            let folder = parent_of(&self.settings).display();
            told.push(format!(
                "Files can't be locked in {folder}: open one window at a time, or each overwrites the other's queue"
            ));
        }
        told
    }

    /// Takes the seats behind this one that nobody has and that have a journal, in order.
    pub(in crate::session) fn take_left(&self) -> Vec<LeftSeat> {
        if !self.lock.as_ref().is_some_and(|lock| lock.keeps_out) {
            return Vec::new();
        }
        let entries = fs::read_dir(parent_of(&self.settings)).into_iter().flatten().flatten();
        let numbers = entries.filter_map(|entry| {
            let name = entry.file_name();
            let number: usize =
                name.to_str()?.strip_prefix(SESSION)?.strip_prefix('-')?.strip_suffix(".journal")?.parse().ok()?;
            (number > self.number).then_some(number)
        });
        let mut numbers: Vec<usize> = numbers.collect();
        numbers.sort_unstable();
        let left = numbers.into_iter().filter_map(|number| {
            let lock = try_lock(&named(&self.settings, SESSION, number, "lock")).ok()??;
            Some(LeftSeat { journal: named(&self.settings, SESSION, number, "journal"), _lock: lock })
        });
        left.collect()
    }
}

/// `session.journal` for the first window, `session-2.journal` for the second.
fn named(settings: &Path, stem: &str, number: usize, ending: &str) -> PathBuf {
    let name = if number == 1 { format!("{stem}.{ending}") } else { format!("{stem}-{number}.{ending}") };
    settings.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_window_has_a_seat_of_its_own_and_a_free_one_is_taken_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = folder.path().join("below/settings.json");
        let take = || Seat::take(settings.clone());
        let (first, second, third) = (take(), take(), take());
        assert_eq!([&first, &second, &third].map(Seat::number), [1, 2, 3]);
        assert!(first.about_others(0).is_empty());
        assert!(second.about_others(2)[0].contains("This is window 2"));
        assert_eq!(first.journal(), settings.with_file_name("session.journal"));
        assert_eq!(second.journal(), settings.with_file_name("session-2.journal"));
        assert_eq!(third.own_file("window", "ron"), settings.with_file_name("window-3.ron"));
        drop(second);
        assert_eq!(take().number(), 2);
    }

    #[test]
    fn a_journal_is_left_where_nobody_has_the_seat() {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = folder.path().join("settings.json");
        let take = || Seat::take(settings.clone());
        let (first, second, third) = (take(), take(), take());
        for name in
            ["session.journal", "session-2.journal", "session-3.journal", "session-x.journal", "session-4.blobs"]
        {
            fs::write(folder.path().join(name), "").expect("written");
        }
        assert!(first.take_left().is_empty());
        drop((second, third));
        let left = first.take_left();
        let names: Vec<_> = left.iter().filter_map(|seat| seat.journal.file_name()).collect();
        assert_eq!(names, ["session-2.journal", "session-3.journal"]);
        assert_eq!(take().number(), 4, "nobody else takes it over meanwhile");
    }

    #[test]
    fn where_files_cannot_be_locked_it_is_said() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut seat = Seat::take(folder.path().join("settings.json"));
        fs::write(folder.path().join("session-2.journal"), "").expect("written");
        seat.lock.iter_mut().for_each(|lock| lock.keeps_out = false);
        assert!(seat.about_others(0)[0].contains("open one window at a time"));
        assert!(seat.take_left().is_empty(), "who knows whether somebody has it");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn where_no_file_can_be_made_a_window_opens_all_the_same() {
        let seat = Seat::take("/proc/nowhere/settings.json".into());
        assert_eq!(seat.number(), 1);
        assert!(seat.take_left().is_empty());
    }
}
