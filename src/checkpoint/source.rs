//! Where a checkpoint's files are read from: a folder on disk, memory-mapped, or the model built into the binary.
//!
//! Limits: a mapped file must not shrink while it is in use, as with every program that maps its weights.

use std::fs::File;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::bundled;
use crate::error::{Error, Result};

/// A tree of files, addressed by `/`-separated paths relative to its root.
pub(super) enum Source {
    /// A folder on disk.
    Folder(PathBuf),
    /// The model built into the binary.
    Bundled,
}

impl Source {
    /// The whole file, mapped or built in: nothing is copied. `None` if there is no such file.
    ///
    /// # Errors
    /// The file is there and can't be read.
    pub(super) fn read(&self, path: &str) -> Result<Option<Bytes>> {
        match self {
            Self::Folder(root) => map_file(&root.join(path)),
            Self::Bundled => {
                Ok(bundled::FILES.iter().find(|(name, _)| *name == path).map(|(_, bytes)| Bytes::from_static(bytes)))
            }
        }
    }

    /// The whole file as text. `None` if there is no such file.
    ///
    /// # Errors
    /// The file is there and can't be read, or isn't UTF-8.
    pub(super) fn read_text(&self, path: &str) -> Result<Option<String>> {
        let Some(bytes) = self.read(path)? else { return Ok(None) };
        match std::str::from_utf8(&bytes) {
            Ok(text) => Ok(Some(text.to_owned())),
            Err(error) => Err(Error::new(format!("this file should be text: {}", self.locate(path))).caused_by(error)),
        }
    }

    /// The names of the files directly inside a folder, sorted; empty if there is no such folder.
    pub(super) fn names(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<String> = match self {
            Self::Folder(root) => std::fs::read_dir(root.join(folder))
                .into_iter()
                .flatten()
                .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
                .collect(),
            Self::Bundled => bundled::FILES
                .iter()
                .filter_map(|(path, _)| path.strip_prefix(folder)?.strip_prefix('/'))
                .filter(|name| !name.contains('/'))
                .map(str::to_owned)
                .collect(),
        };
        names.sort();
        names
    }

    /// How a message names a file of this source.
    pub(super) fn locate(&self, path: &str) -> String {
        match self {
            Self::Folder(root) => root.join(path).display().to_string(),
            Self::Bundled => format!("bundled:{path}"),
        }
    }
}

/// Whether a name out of a JSON file is that of something directly inside a folder, and no way out of it.
pub(super) fn is_plain_name(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\\', ':', '\0'])
}

/// Maps a file. Linked and hidden files are as good as any other: the Hub's cache is made of links.
fn map_file(path: &Path) -> Result<Option<Bytes>> {
    let unreadable =
        |error: std::io::Error| Error::new(format!("can't read this file: {}", path.display())).caused_by(error);
    if !path.is_file() {
        return Ok(None);
    }
    let file = File::open(path).map_err(unreadable)?;
    #[expect(
        unsafe_code,
        reason = "mapping is the only way not to hold weights twice; the limit is in the module's doc"
    )]
    let map = unsafe { memmap2::Mmap::map(&file) }.map_err(unreadable)?;
    Ok(Some(Bytes::from_owner(map)))
}
