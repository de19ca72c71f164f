//! Whether a model of the Hub is what the Hub gave: the names of large files in its cache are their hashes.
//!
//! Limits: small files are named by Git's own hash, and aren't looked at; nor are models from elsewhere, of which nothing
//! says what they should be.

use std::path::PathBuf;

use super::duplicates::sha256;
use super::item::{ItemState, LibraryItem};
use crate::base::cancel::CancelToken;
use crate::base::stop::Outcome;

/// The hexadecimal digits of a SHA-256.
const DIGITS: usize = 64;

/// What came of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Soundness {
    /// This many files are what they should be.
    Sound(usize),
    /// These aren't.
    Damaged(Vec<PathBuf>),
    /// Nothing says what its files should be.
    Unknown,
}

/// Reads all weights of a model and compares them with what they should be. `on_bytes` hears how many bytes are read,
/// and of how many.
///
/// # Errors
/// It was cancelled; a file can't be read.
pub fn verify(item: &LibraryItem, cancel: &CancelToken, on_bytes: &mut dyn FnMut(u64, u64)) -> Outcome<Soundness> {
    let named: Vec<_> = item.files.iter().filter_map(|file| Some((file, expected(&file.path)?))).collect();
    let all = named.iter().map(|(file, _)| file.bytes).sum();
    let (mut done, mut damaged) = (0, Vec::new());
    for (file, expected) in &named {
        let before = done;
        let hash = sha256(&file.path, cancel, &mut |read| on_bytes(before + read, all))?;
        if hash != *expected {
            damaged.push(file.path.clone());
        }
        done += file.bytes;
    }
    Ok(match (named.len(), damaged.is_empty()) {
        (0, _) => Soundness::Unknown,
        (files, true) => Soundness::Sound(files),
        (_, false) => Soundness::Damaged(damaged),
    })
}

impl LibraryItem {
    /// The same item, as a check found it.
    #[must_use]
    pub fn verified(mut self, verdict: &Soundness) -> Self {
        if let Soundness::Damaged(files) = verdict {
            let files_are = if files.len() == 1 { "A file isn't" } else { "Files aren't" };
            self.state = ItemState::Broken { why: format!("{files_are} what the Hub gave: the checksum differs") };
            self.damaged.clone_from(files);
        }
        self
    }
}

/// What a file of the Hub's cache should hash to: its name, where that is a hash.
fn expected(path: &std::path::Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let is_blob = path.parent()?.file_name()? == "blobs";
    let is_hash = name.len() == DIGITS && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_blob && is_hash).then(|| name.to_ascii_lowercase())
}
