//! The journal's file: read once at the start, appended to, and now and then written anew.
//!
//! Limits: one window writes at a time; each has a journal of its own ([`Seat`](crate::session::Seat)).

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::Value;

use crate::base::error::{Error, Result};
use crate::base::files::write_whole;
use crate::session::journal::blobs::{self, Blobs};
use crate::session::journal::entry::JournalEntry;
use crate::session::journal::kept::Kept;
use crate::session::journal::line;

/// Bytes that may be appended before the file is written anew, if that gives a shorter one.
const GROWTH: usize = 1 << 20;

/// A journal on disk.
#[derive(Debug)]
pub(super) struct JournalFile {
    path: PathBuf,
    blobs: Blobs,
    /// Open for appending; `None` before the file is written for the first time, and after a failure.
    file: Option<File>,
    /// Bytes that were appended, blobs included, since the file was written anew.
    grown: usize,
    /// Bytes that it had then.
    base: usize,
}

impl JournalFile {
    /// The journal at `path`, with its blobs in a folder beside it.
    pub(super) fn new(path: PathBuf) -> Self {
        let blobs = Blobs::new(path.with_extension("blobs"));
        Self { path, blobs, file: None, grown: 0, base: 0 }
    }

    /// Reads what is kept, and how many entries were damaged; `None` if there is no journal yet.
    ///
    /// # Errors
    /// The file is there and can't be read.
    pub(super) fn read(&self) -> Result<Option<(Kept, usize)>> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(None),
            Err(cause) => {
                let error = Error::new(format!("The journal can't be read: {}", self.path.display()));
                return Err(error.caused_by(cause));
            }
        };
        let (lines, mut damaged) = line::decode(&bytes);
        let mut kept = Kept::default();
        for line in lines {
            match self.entry(line) {
                Ok(entry) => kept.apply(entry),
                Err(_) => damaged += 1,
            }
        }
        kept.draft.make_valid();
        Ok(Some((kept, damaged)))
    }

    fn entry(&self, json: &str) -> Result<JournalEntry> {
        let unreadable = |cause: serde_json::Error| Error::new("An entry makes no sense").caused_by(cause);
        let mut value: Value = serde_json::from_str(json).map_err(unreadable)?;
        self.blobs.put_back(&mut value, &mut HashSet::new())?;
        serde_json::from_value(value).map_err(unreadable)
    }

    /// Puts the file as it is aside, and says where.
    pub(super) fn put_aside(&self) -> Result<PathBuf> {
        let aside = self.path.with_extension("bad");
        let copied = fs::copy(&self.path, &aside);
        copied.map_err(|cause| Error::new(format!("It can't be copied to {}", aside.display())).caused_by(cause))?;
        Ok(aside)
    }

    /// Removes the journal, and what else was kept under its name. What can't be removed is tried again by the next start.
    pub(super) fn remove(self) {
        let _ = fs::remove_file(&self.path);
        for ending in ["run", "saving"] {
            let _ = fs::remove_file(self.path.with_extension(ending));
        }
        self.blobs.remove();
    }

    /// When it was written last.
    pub(super) fn modified(&self) -> Option<SystemTime> {
        fs::metadata(&self.path).and_then(|metadata| metadata.modified()).ok()
    }

    /// Keeps `now` from now on, in place of `before`.
    ///
    /// # Errors
    /// The disk is full, or the folder can't be written to. The next call writes the whole file anew.
    pub(super) fn keep(&mut self, before: &Kept, now: &Kept) -> Result<()> {
        let outgrown = self.grown > GROWTH.max(4 * self.base);
        // Someone may have taken the file away.
        let file = self.file.take().filter(|_| !outgrown && self.path.is_file());
        let Some(mut file) = file else { return self.write_anew(now) };
        let (entries, mut text) = (now.since(before), String::new());
        for entry in &entries {
            let mut value = to_value(entry)?;
            self.grown += self.blobs.take_out(&mut value)?;
            text.push_str(&line::encode(&value.to_string()));
        }
        self.grown += text.len();
        let failed =
            |cause| Error::new(format!("The journal can't be written: {}", self.path.display())).caused_by(cause);
        file.write_all(text.as_bytes()).map_err(failed)?;
        // What is typed is safe from a crash of the program as it is; the queue is worth being safe from a power cut too.
        if entries.iter().any(|entry| !matches!(entry, JournalEntry::Form(_))) {
            file.sync_data().map_err(failed)?;
        }
        self.file = Some(file);
        Ok(())
    }

    /// Writes the file whole, and removes the blobs that it doesn't name.
    ///
    /// # Errors
    /// The disk is full, or the folder can't be made or written to.
    pub(super) fn write_anew(&mut self, kept: &Kept) -> Result<()> {
        self.file = None;
        let folder = self.path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)
            .map_err(|cause| Error::new(format!("This folder can't be made: {}", folder.display())).caused_by(cause))?;
        let (mut text, mut used) = (String::new(), HashSet::new());
        for entry in kept.entries() {
            let mut value = to_value(&entry)?;
            self.blobs.take_out(&mut value)?;
            blobs::names(&value, &mut used);
            text.push_str(&line::encode(&value.to_string()));
        }
        write_whole(&self.path, text.as_bytes())?;
        self.blobs.sweep(&used);
        let file = OpenOptions::new().append(true).open(&self.path);
        let failed =
            |cause| Error::new(format!("The journal can't be written: {}", self.path.display())).caused_by(cause);
        self.file = Some(file.map_err(failed)?);
        (self.grown, self.base) = (0, text.len());
        Ok(())
    }
}

fn to_value(entry: &JournalEntry) -> Result<Value> {
    serde_json::to_value(entry).map_err(|cause| Error::new("An entry of the journal can't be written").caused_by(cause))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::model_ref::ModelRef;
    use crate::content::request::{Request, Seeds};
    use crate::session::waiting::Waiting;

    fn kept(prompt: &str, queue: &[u64]) -> Kept {
        let waiting = |key: &u64| {
            (*key, Waiting::new(ModelRef::Bundled, Request { seeds: Seeds::one(*key), ..Request::default() }))
        };
        let mut kept =
            Kept { history: vec!["a".into()], queue: queue.iter().map(waiting).collect(), ..Kept::default() };
        kept.draft.values.prompts.prompt = prompt.into();
        kept
    }

    #[test]
    fn what_is_kept_is_read_and_a_damaged_entry_costs_only_itself() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("below/journal");
        let mut file = JournalFile::new(path.clone());
        assert!(file.read().expect("none").is_none());
        let states = [kept("a fox", &[1]), kept("a fox", &[1, 2, 3]), kept("a hen", &[3, 1, 2])];
        let mut before = Kept::default();
        for state in &states {
            file.keep(&before, state).expect("written");
            assert_eq!(file.read().expect("readable"), Some((state.clone(), 0)));
            before = state.clone();
        }
        let whole = fs::read(&path).expect("a file");
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x15;
            fs::write(&path, damaged).expect("written");
            let (read, _) = file.read().expect("readable").expect("a journal");
            let lost = 3 - read.queue.len()
                + usize::from(read.draft.values.prompts.prompt != "a hen")
                + usize::from(read.history.is_empty());
            assert!(lost <= 1, "{lost} entries for the byte at {at}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_picture_whose_path_is_no_text_stays_in_form_and_queue() {
        use std::os::unix::ffi::OsStrExt;

        use crate::content::request::Task;
        use crate::storage::gallery::Destination;

        let folder = tempfile::tempdir().expect("a folder");
        let odd = PathBuf::from(std::ffi::OsStr::from_bytes(b"/caf\xe9.png"));
        let mut state = kept("a fox", &[1, 2]);
        (state.draft.start.image, state.draft.start.depth) = (Some(odd.clone()), Some(odd.clone()));
        let task = Task::ImageToImage { image: odd.clone().into(), strength: 0.5 };
        let mut waiting =
            Waiting::new(ModelRef::Folder(odd.clone()), Request { start: task.into(), ..Request::default() });
        waiting.output = Some(Destination::Folder(odd).into());
        state.queue.push((3, waiting));
        let mut file = JournalFile::new(folder.path().join("journal"));
        file.keep(&Kept::default(), &state).expect("written");
        assert_eq!(file.read().expect("readable"), Some((state, 0)));
    }

    #[test]
    fn a_journal_stays_short_and_a_long_prompt_is_written_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal");
        let mut file = JournalFile::new(path.clone());
        let mut before = Kept::default();
        for seed in 0..4000 {
            let mut state = kept(&"long ".repeat(1000), &[1]);
            state.draft.values.seeds.first = seed;
            file.keep(&before, &state).expect("written");
            before = state;
        }
        assert!(fs::metadata(&path).expect("a file").len() < 2 * GROWTH as u64);
        assert_eq!(fs::read_dir(path.with_extension("blobs")).expect("a folder").count(), 1);
        assert_eq!(file.read().expect("readable"), Some((before, 0)));
    }

    #[test]
    fn after_a_failure_the_whole_file_is_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("below/journal");
        let mut file = JournalFile::new(path.clone());
        fs::write(folder.path().join("below"), "in the way").expect("written");
        let first = kept("a fox", &[1, 2]);
        assert!(file.keep(&Kept::default(), &first).is_err());
        fs::remove_file(folder.path().join("below")).expect("out of the way");
        file.keep(&first, &kept("a hen", &[1, 2])).expect("written");
        assert_eq!(file.read().expect("readable"), Some((kept("a hen", &[1, 2]), 0)));
    }
}
