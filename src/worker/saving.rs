//! The note that a finished picture is about to take its name, written before it does.
//!
//! A program that is ended between the picture's taking its name and the queue's hearing of it finds the note the next time, and the
//! picture under its name: it is done, and isn't drawn again.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::base::digest::sha256;
use crate::base::error::{Error, Result};
use crate::base::files::write_whole;
use crate::worker::kept_run::PictureTicket;

/// The version of the note.
const VERSION: u32 = 1;

/// A picture that is about to take its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Saving {
    version: u32,
    ticket: PictureTicket,
    #[serde(with = "crate::base::path_text")]
    path: PathBuf,
    /// The SHA-256 of its file.
    hash: String,
}

impl Saving {
    /// The note that a picture with these bytes takes the name `path`.
    pub(super) fn new(ticket: PictureTicket, path: &Path, bytes: &[u8]) -> Self {
        Self { version: VERSION, ticket, path: path.to_owned(), hash: sha256(bytes) }
    }

    /// Writes the note, in place of the last one.
    ///
    /// # Errors
    /// It can't be written.
    pub(super) fn write(&self, note: &Path) -> Result<()> {
        let json = serde_json::to_vec(self)
            .map_err(|cause| Error::new("The picture's name can't be written down").caused_by(cause))?;
        write_whole(note, &json)
    }

    /// Returns the picture of a note, if it has taken its name. A note that can't be read says nothing.
    pub(super) fn done(note: &Path) -> Option<PictureTicket> {
        let saving: Self = serde_json::from_slice(&fs::read(note).ok()?).ok()?;
        let is_there = || fs::read(&saving.path).is_ok_and(|bytes| sha256(&bytes) == saving.hash);
        (saving.version == VERSION && is_there()).then_some(saving.ticket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::request::Request;

    #[test]
    fn a_picture_is_done_once_it_has_its_name_and_not_before() {
        let folder = tempfile::tempdir().expect("a folder");
        let (note, path) = (folder.path().join("note"), folder.path().join("a.png"));
        let ticket = PictureTicket::of(7, "bundled", &Request::default()).expect("a ticket");
        Saving::new(ticket.clone(), &path, b"picture").write(&note).expect("written");
        assert_eq!(Saving::done(&note), None);
        fs::write(&path, "another").expect("written");
        assert_eq!(Saving::done(&note), None, "it is another picture's name");
        fs::write(&path, "picture").expect("written");
        assert_eq!(Saving::done(&note), Some(ticket));
        fs::write(&note, "{").expect("written");
        assert_eq!(Saving::done(&note), None);
    }
}
