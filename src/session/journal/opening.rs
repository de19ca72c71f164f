//! The journal at the start of the program: read, or begun with what the settings of 0.1.0 held.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::base::error::{Error, Result};
use crate::session::journal::file::JournalFile;
use crate::session::journal::kept::Kept;
use crate::session::seat::{LeftSeat, Seat};
use crate::session::settings::remember;

/// What there is at the start.
pub(in crate::session) struct Opened {
    pub(super) file: JournalFile,
    pub(in crate::session) kept: Kept,
    /// The journals that it is from: the own one, and those that were taken over.
    pub(in crate::session) journals: Vec<PathBuf>,
    /// What was taken over, to be removed once it is kept here. Nobody else takes it over meanwhile.
    pub(super) left: Vec<LeftSeat>,
    /// How many generations were taken over.
    pub(in crate::session) taken_over: usize,
    /// What couldn't be read.
    pub(in crate::session) troubles: Vec<Error>,
    /// Whether it was taken over from the settings, which hold too much now.
    pub(super) is_moved: bool,
}

/// The journal that belongs to a file of settings.
pub fn path_beside(settings: &Path) -> PathBuf {
    settings.with_file_name("session.journal")
}

/// Reads what the journal that belongs to a file of settings keeps; nothing if there is none.
///
/// # Errors
/// It can't be read, or a part of it is damaged.
pub fn read(settings: &Path) -> Result<Kept> {
    match JournalFile::new(path_beside(settings)).read()? {
        Some((_, damaged)) if damaged > 0 => Err(Error::new(format!("{damaged} entries of the journal are damaged"))),
        found => Ok(found.map(|(kept, _)| kept).unwrap_or_default()),
    }
}

/// Writes a journal anew, for a program that isn't running.
///
/// # Errors
/// The folder can't be made or written to.
pub fn write(settings: &Path, kept: &Kept) -> Result<()> {
    JournalFile::new(path_beside(settings)).write_anew(kept)
}

/// Opens the journal of a window, and takes over those that other windows left.
pub(in crate::session) fn open(seat: &Seat) -> Opened {
    let mut troubles = Vec::new();
    let file = JournalFile::new(seat.journal());
    let read = sound_part(&file, &mut troubles);
    let is_begun = read.is_some();
    let kept = match read {
        Some(kept) => kept,
        None if seat.number() == 1 => {
            let values = fs::read(seat.settings()).ok().and_then(|text| serde_json::from_slice(&text).ok());
            of_settings(values.unwrap_or_default())
        }
        // As the first window stands. An entry that is just being written is left out.
        None => {
            let first = JournalFile::new(path_beside(seat.settings())).read().ok().flatten();
            Kept { queue: Vec::new(), ..first.map(|(kept, _)| kept).unwrap_or_default() }
        }
    };
    let is_moved = !is_begun && seat.number() == 1 && kept != Kept::default();
    let modified = file.modified();
    let journals = vec![seat.journal()];
    let mut opened = Opened { file, kept, journals, left: Vec::new(), taken_over: 0, troubles, is_moved };
    for left in seat.take_left() {
        let file = JournalFile::new(left.journal.clone());
        if let Some(kept) = sound_part(&file, &mut opened.troubles) {
            opened.taken_over += kept.queue.len();
            opened.kept.take_over(kept, file.modified() > modified);
        }
        opened.journals.push(left.journal.clone());
        opened.left.push(left);
    }
    opened
}

/// What of a journal can be read; `None` if there is none. The rest is put aside and told.
fn sound_part(file: &JournalFile, troubles: &mut Vec<Error>) -> Option<Kept> {
    let (kept, trouble) = match file.read() {
        Ok(None) => return None,
        Ok(Some((kept, 0))) => return Some(kept),
        Ok(Some((kept, damaged))) => {
            let what = if damaged == 1 { "One entry".to_owned() } else { format!("{damaged} entries") };
            let trouble = Error::new(format!("{what} of the journal couldn't be read and had to be left out"));
            (
                kept,
                match file.put_aside() {
                    Ok(aside) => trouble.advise(format!("The file as it was is kept as {}", aside.display())),
                    Err(error) => trouble.caused_by(error),
                },
            )
        }
        Err(error) => (
            Kept::default(),
            match file.put_aside() {
                Ok(aside) => error.advise(format!("The file as it was is kept as {}", aside.display())),
                Err(_) => error.advise("The form and the queue are empty"),
            },
        ),
    };
    troubles.push(trouble);
    Some(kept)
}

/// What the settings of 0.1.0 held: whatever of it makes sense.
fn of_settings(mut values: Map<String, Value>) -> Kept {
    let mut take = |key: &str| values.remove(key).unwrap_or_default();
    let mut kept = Kept { draft: serde_json::from_value(take("draft")).unwrap_or_default(), ..Kept::default() };
    kept.draft.make_valid();
    let prompts: Vec<String> = serde_json::from_value(take("history")).unwrap_or_default();
    prompts.iter().rev().for_each(|prompt| remember(&mut kept.history, prompt));
    if let Value::Array(queue) = take("queue") {
        let waiting = queue.into_iter().filter_map(|waiting| serde_json::from_value(waiting).ok());
        kept.queue = (1..).zip(waiting).collect();
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::request::{Request, Seeds};

    #[test]
    fn what_the_first_version_kept_in_its_settings_is_taken_over_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = folder.path().join("settings.json");
        let request = Request { seeds: Seeds::one(7), ..Request::default() };
        let old = serde_json::json!({
            "theme": "light", "draft": { "prompt": "a fox" }, "history": ["b", "a"],
            "queue": [{ "model": "bundled", "request": request }, { "model": "bundled", "request": 5 }],
        });
        fs::write(&settings, old.to_string()).expect("written");
        let opened = open(&Seat::take(settings.clone()));
        assert!(opened.is_moved && opened.troubles.is_empty());
        assert_eq!((opened.kept.draft.values.prompts.prompt.as_str(), opened.kept.history.len()), ("a fox", 2));
        let queue: Vec<_> = opened.kept.waiting().map(|waiting| waiting.work.first().clone()).collect();
        assert_eq!(queue, [request]);
        write(&settings, &Kept::default()).expect("written");
        let opened = open(&Seat::take(settings.clone()));
        assert!(!opened.is_moved && opened.kept == Kept::default(), "the journal counts from now on");
    }

    #[test]
    fn a_damaged_journal_is_kept_aside_and_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = folder.path().join("settings.json");
        let mut kept = Kept { history: vec!["b".into(), "a".into()], ..Kept::default() };
        kept.draft.values.prompts.prompt = "a fox".into();
        write(&settings, &kept).expect("written");
        let path = path_beside(&settings);
        let text = fs::read_to_string(&path).expect("text").replace("a fox", "a fix");
        fs::write(&path, &text).expect("written");
        let opened = open(&Seat::take(settings.clone()));
        assert_eq!((opened.kept.history.len(), opened.kept.draft.values.prompts.prompt.as_str()), (2, ""));
        let trouble = opened.troubles[0].to_string();
        assert!(trouble.starts_with("One entry of the journal") && trouble.contains("session.bad"), "{trouble}");
        assert_eq!(fs::read_to_string(path.with_extension("bad")).expect("it is kept"), text);
        assert!(read(&settings).is_err());
    }
}
