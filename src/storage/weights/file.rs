//! An open file of a model: on disk and memory-mapped, built into the binary, or made in memory.
//!
//! Limits: a mapped file must not shrink while it is in use, as with every program that maps its weights.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use memmap2::MmapOptions;

use crate::base::error::{Error, Result};

/// An open file. Cheap to clone.
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
    /// Opens a file on disk.
    ///
    /// # Errors
    /// It can't be opened.
    pub(crate) fn on_disk(path: &Path) -> Result<Self> {
        let place = path.display().to_string();
        let file = File::open(path).map_err(|error| unreadable(&place, error))?;
        Ok(Self::of(file, path))
    }

    /// Takes a file on disk that is open already.
    pub(crate) fn of(file: File, path: &Path) -> Self {
        Self { content: Content::OnDisk(Arc::new(file)), place: path.display().to_string() }
    }

    /// Takes the content of a file built into the binary.
    pub(crate) fn built_in(content: &'static [u8], place: String) -> Self {
        Self { content: Content::BuiltIn(content), place }
    }

    /// Makes a file that exists in memory only.
    pub(crate) fn made(content: Bytes, place: String) -> Self {
        Self { content: Content::Made(content), place }
    }

    /// Maps the whole file. Nothing is copied: pages of a file on disk are read when they are looked at.
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

    /// Maps a part of the file. Nothing is copied, and the memory is the system's again once the part is dropped.
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
                // SAFETY: The mapping is read-only, lies inside the file as it is now, and is owned by the bytes handed out, so
                // no reference outlives it. What can't be ruled out is another program that changes the file meanwhile: one
                // that writes into it changes numbers that were already checked, and one that shortens it has the system end
                // this process (SIGBUS). That is accepted, as by every program that maps weights: reading them instead would
                // hold a model of several gigabytes twice, and programs that save weights write a new file and rename it.
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
