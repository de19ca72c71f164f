//! The journal at the start of the program: read, or begun with what the settings of 0.1.0 held.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::base::error::{Error, Result};
use crate::session::journal::file::JournalFile;
use crate::session::journal::kept::Kept;
use crate::session::settings::remember;

/// What there is at the start.
pub(in crate::session) struct Opened {
    pub(super) file: JournalFile,
    pub(in crate::session) kept: Kept,
    /// What couldn't be read.
    pub(in crate::session) trouble: Option<Error>,
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

/// Opens the journal that belongs to a file of settings.
pub(in crate::session) fn open(settings: &Path) -> Opened {
    let file = JournalFile::new(path_beside(settings));
    match file.read() {
        Ok(Some((kept, 0))) => Opened { file, kept, trouble: None, is_moved: false },
        Ok(Some((kept, damaged))) => {
            let what = if damaged == 1 { "One entry".to_owned() } else { format!("{damaged} entries") };
            let trouble = Error::new(format!("{what} of the journal couldn't be read and had to be left out"));
            let trouble = match file.put_aside() {
                Ok(aside) => trouble.advise(format!("The file as it was is kept as {}", aside.display())),
                Err(error) => trouble.caused_by(error),
            };
            Opened { file, kept, trouble: Some(trouble), is_moved: false }
        }
        Ok(None) => {
            let values = fs::read(settings).ok().and_then(|text| serde_json::from_slice(&text).ok());
            let kept = of_settings(values.unwrap_or_default());
            let is_moved = kept != Kept::default();
            Opened { file, kept, trouble: None, is_moved }
        }
        Err(error) => {
            let trouble = match file.put_aside() {
                Ok(aside) => error.advise(format!("The file as it was is kept as {}", aside.display())),
                Err(_) => error.advise("Form and queue begin anew"),
            };
            Opened { file, kept: Kept::default(), trouble: Some(trouble), is_moved: false }
        }
    }
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
        let opened = open(&settings);
        assert!(opened.is_moved && opened.trouble.is_none());
        assert_eq!((opened.kept.draft.values.prompts.prompt.as_str(), opened.kept.history.len()), ("a fox", 2));
        let queue: Vec<_> = opened.kept.waiting().map(|waiting| waiting.work.first().clone()).collect();
        assert_eq!(queue, [request]);
        write(&settings, &Kept::default()).expect("written");
        let opened = open(&settings);
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
        let opened = open(&settings);
        assert_eq!((opened.kept.history.len(), opened.kept.draft.values.prompts.prompt.as_str()), (2, ""));
        let trouble = opened.trouble.expect("it is told").to_string();
        assert!(trouble.starts_with("One entry of the journal") && trouble.contains("session.bad"), "{trouble}");
        assert_eq!(fs::read_to_string(path.with_extension("bad")).expect("it is kept"), text);
        assert!(read(&settings).is_err());
    }
}
