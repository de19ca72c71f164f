//! The same file in several places: found by length first, and then by what is in it.
//!
//! Nothing is done about them: which one to keep is for people to decide.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::item::LibraryItem;
use crate::base::cancel::CancelToken;
use crate::base::digest::hex;
use crate::base::error::Error;
use crate::base::stop::{Outcome, Stop};

/// Read at a time.
const BLOCK: usize = 1 << 20;

/// Files with the same content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicates {
    /// The length of each.
    pub bytes: u64,
    /// What is in them, in hexadecimal digits.
    pub sha256: String,
    /// At least two, which aren't links to each other.
    pub files: Vec<PathBuf>,
}

/// Finds files with the same content among those of `items`, largest first, and tells of files that can't be read.
/// `on_bytes` hears how many bytes are read, and of how many.
///
/// # Errors
/// It was cancelled.
pub fn find_duplicates(
    items: &[LibraryItem],
    cancel: &CancelToken,
    on_bytes: &mut dyn FnMut(u64, u64),
) -> Outcome<(Vec<Duplicates>, Vec<Error>)> {
    let mut by_length: BTreeMap<u64, BTreeSet<&Path>> = BTreeMap::new();
    for file in items.iter().flat_map(|item| &item.files).filter(|file| file.bytes > 0) {
        by_length.entry(file.bytes).or_default().insert(&file.path);
    }
    by_length.retain(|_, files| files.len() > 1);
    let all = by_length.iter().map(|(bytes, files)| bytes * files.len() as u64).sum();
    let (mut done, mut troubles) = (0, Vec::new());
    let mut groups: BTreeMap<(u64, String), Vec<PathBuf>> = BTreeMap::new();
    for (bytes, files) in by_length {
        for file in files {
            let before = done;
            let mut on_block = |read| on_bytes(before + read, all);
            match sha256(file, cancel, &mut on_block) {
                Ok(hash) => groups.entry((bytes, hash)).or_default().push(file.to_owned()),
                Err(Stop::Cancelled) => return Err(Stop::Cancelled),
                Err(Stop::Failed(error)) => troubles.push(error),
            }
            done += bytes;
        }
    }
    let several = groups.into_iter().rev().filter(|(_, files)| files.len() > 1);
    let same = several.map(|((bytes, sha256), files)| Duplicates { bytes, sha256, files });
    Ok((same.collect(), troubles))
}

/// Returns the hash of a whole file in hexadecimal digits. `on_block` hears how many bytes are read.
pub(super) fn sha256(path: &Path, cancel: &CancelToken, on_block: &mut dyn FnMut(u64)) -> Outcome<String> {
    let failed =
        |cause: std::io::Error| Error::new(format!("A file can't be read: {}", path.display())).caused_by(cause);
    let mut file = File::open(path).map_err(failed)?;
    let mut hash = Sha256::new();
    let mut block = vec![0; BLOCK];
    let mut all = 0;
    loop {
        if cancel.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        match file.read(&mut block).map_err(failed)? {
            0 => return Ok(hex(&hash.finalize())),
            read => {
                hash.update(block.get(..read).unwrap_or_default());
                all += read as u64;
                on_block(all);
            }
        }
    }
}
