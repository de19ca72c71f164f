//! Where a checkpoint's files are read from: a folder on disk, memory-mapped, a single file that holds them all, or the
//! model built into the binary.
//!
//! Limits: a mapped file must not shrink while it is in use, as with every program that maps its weights.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use memmap2::MmapOptions;

use super::bundled;
use super::single_file::SingleFile;
use crate::base::error::{Error, Result};

/// A tree of files, addressed by `/`-separated paths relative to its root.
pub(crate) enum Source {
    /// A folder on disk.
    Folder(PathBuf),
    /// A file with all weights, whose configs are made.
    File(Box<SingleFile>),
    /// The model built into the binary.
    Bundled,
}

impl Source {
    /// A file, opened. `None` if there is no such file.
    ///
    /// # Errors
    /// The file is there and can't be opened.
    pub(crate) fn open(&self, path: &str) -> Result<Option<SourceFile>> {
        let content = match self {
            Self::Folder(root) => {
                let path = root.join(path);
                // Links count as what they point to: the Hub's cache is made of them.
                if !path.is_file() {
                    return Ok(None);
                }
                return SourceFile::on_disk(&path).map(Some);
            }
            Self::File(file) => return file.open_file(path),
            Self::Bundled => match bundled::FILES.iter().find(|(name, _)| *name == path) {
                Some((_, bytes)) => Content::BuiltIn(bytes),
                None => return Ok(None),
            },
        };
        Ok(Some(SourceFile { content, place: self.locate(path) }))
    }

    /// The whole file as text. `None` if there is no such file.
    ///
    /// # Errors
    /// The file is there and can't be read, or isn't UTF-8.
    pub(crate) fn read_text(&self, path: &str) -> Result<Option<String>> {
        let Some(file) = self.open(path)? else { return Ok(None) };
        let bytes = file.all()?;
        match std::str::from_utf8(&bytes) {
            Ok(text) => Ok(Some(text.to_owned())),
            Err(error) => Err(Error::new(format!("this file should be text: {}", self.locate(path))).caused_by(error)),
        }
    }

    /// The names of the files directly inside a folder, sorted; empty if there is no such folder.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<String> = match self {
            Self::Folder(root) => std::fs::read_dir(root.join(folder))
                .into_iter()
                .flatten()
                .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
                .collect(),
            Self::File(_) => Vec::new(),
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
    pub(crate) fn locate(&self, path: &str) -> String {
        match self {
            Self::Folder(root) => root.join(path).display().to_string(),
            Self::File(file) => file.locate(path),
            Self::Bundled => format!("bundled:{path}"),
        }
    }
}

/// Whether a name out of a JSON file is that of something directly inside a folder, and no way out of it.
pub(crate) fn is_plain_name(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\\', ':', '\0'])
}

/// An open file of a source. Cheap to clone.
#[derive(Clone)]
pub(crate) struct SourceFile {
    content: Content,
    /// How a message names it.
    pub(crate) place: String,
}

#[derive(Clone)]
enum Content {
    OnDisk(Arc<File>),
    BuiltIn(&'static [u8]),
    Made(Bytes),
}

impl SourceFile {
    /// A file on disk.
    ///
    /// # Errors
    /// It can't be opened.
    pub(crate) fn on_disk(path: &Path) -> Result<Self> {
        let place = path.display().to_string();
        let file = File::open(path).map_err(|error| unreadable(&place, error))?;
        Ok(Self { content: Content::OnDisk(Arc::new(file)), place })
    }

    /// What would be a file in a folder.
    pub(crate) fn made(content: Bytes, place: String) -> Self {
        Self { content: Content::Made(content), place }
    }

    /// The whole file. Nothing is copied: pages of a file on disk are read when they are looked at.
    ///
    /// # Errors
    /// The file can't be mapped.
    pub(crate) fn all(&self) -> Result<Bytes> {
        let len = match &self.content {
            Content::OnDisk(file) => file.metadata().map_err(|error| self.unreadable(error))?.len() as usize,
            Content::BuiltIn(bytes) => bytes.len(),
            Content::Made(bytes) => bytes.len(),
        };
        self.range(0..len)
    }

    /// A part of the file. Nothing is copied, and the memory is the system's again once the part is dropped.
    ///
    /// # Errors
    /// The file can't be mapped, or ends before the part does.
    pub(crate) fn range(&self, range: Range<usize>) -> Result<Bytes> {
        let short = || self.unreadable(io::ErrorKind::UnexpectedEof.into());
        match &self.content {
            _ if range.is_empty() => Ok(Bytes::new()),
            Content::BuiltIn(bytes) => bytes.get(range).map(Bytes::from_static).ok_or_else(short),
            Content::Made(bytes) if range.end <= bytes.len() => Ok(bytes.slice(range)),
            Content::Made(_) => Err(short()),
            Content::OnDisk(file) => {
                if file.metadata().map_err(|error| self.unreadable(error))?.len() < range.end as u64 {
                    return Err(short());
                }
                let mut options = MmapOptions::new();
                options.offset(range.start as u64).len(range.len());
                #[expect(unsafe_code, reason = "only a mapping lets weights be read without holding them twice")]
                let map = unsafe { options.map(file.as_ref()) }.map_err(|error| self.unreadable(error))?;
                Ok(Bytes::from_owner(map))
            }
        }
    }

    fn unreadable(&self, error: io::Error) -> Error {
        unreadable(&self.place, error)
    }
}

fn unreadable(place: &str, error: io::Error) -> Error {
    Error::new(format!("can't read this file: {place}")).caused_by(error)
}
