//! The walk through a folder and all below it, which picks out what looks like a model.
//!
//! Links are followed, each folder once. Limits: hidden folders and those of programs are passed over; a folder with very
//! many files, or very deep, isn't walked to its end, and is told of.

use std::collections::HashSet;
use std::fs::{self, DirEntry, FileType};
use std::path::{Path, PathBuf};

use super::area::{LibraryApp, SearchArea};
use super::candidate::Candidate;
use super::file_name::{is_candidate, is_component};
use super::found::ScanNews;
use crate::base::cancel::CancelToken;
use crate::base::error::Error;

/// Folders inside each other.
const MAX_DEPTH: usize = 12;

/// Files and folders in an area.
const MAX_ENTRIES: usize = 300_000;

/// Folders that hold programs and never models.
const PASSED_OVER: [&str; 6] =
    ["venv", "node_modules", "__pycache__", "site-packages", "$RECYCLE.BIN", "System Volume Information"];

/// A walk through areas, in which nothing is met twice.
pub(super) struct Walk<'a> {
    cancel: &'a CancelToken,
    tell: &'a (dyn Fn(ScanNews) + Sync),
    /// Links resolved.
    met: HashSet<PathBuf>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(cancel: &'a CancelToken, tell: &'a (dyn Fn(ScanNews) + Sync)) -> Self {
        Self { cancel, tell, met: HashSet::new() }
    }

    /// Walks through an area, in the order of names.
    pub(super) fn through(&mut self, area: &SearchArea, found: &mut dyn FnMut(Candidate)) {
        let mut waiting = vec![(area.folder.clone(), 0)];
        let mut entries = 0;
        while let Some((folder, depth)) = waiting.pop() {
            if self.cancel.is_cancelled() {
                return;
            }
            if depth <= 1 {
                (self.tell)(ScanNews::Looking(folder.clone()));
            }
            match self.look(area, &folder, &mut entries, found) {
                Ok(below) if depth < MAX_DEPTH => {
                    waiting.extend(below.into_iter().rev().map(|folder| (folder, depth + 1)));
                }
                Ok(below) => {
                    if !below.is_empty() {
                        self.trouble(&folder, "there are too many folders inside each other");
                    }
                }
                Err(cause) => (self.tell)(ScanNews::Trouble(
                    Error::new(format!("A folder can't be read: {}", folder.display())).caused_by(cause),
                )),
            }
            if entries >= MAX_ENTRIES {
                self.trouble(&area.folder, "there are too many files, and not all were looked at");
                return;
            }
        }
    }

    fn trouble(&self, folder: &Path, what: &str) {
        let advice = "Add a folder that holds only models";
        (self.tell)(ScanNews::Trouble(Error::new(format!("{what}: {}", folder.display())).advise(advice)));
    }

    /// Looks at what is directly inside a folder, and hands out the folders in it.
    fn look(
        &mut self,
        area: &SearchArea,
        folder: &Path,
        count: &mut usize,
        found: &mut dyn FnMut(Candidate),
    ) -> std::io::Result<Vec<PathBuf>> {
        if !self.met.insert(fs::canonicalize(folder)?) {
            return Ok(Vec::new());
        }
        let mut entries = Vec::new();
        for entry in fs::read_dir(folder)? {
            *count += 1;
            if *count >= MAX_ENTRIES || self.cancel.is_cancelled() {
                break;
            }
            // Of a file that vanishes meanwhile there is nothing to tell.
            entries.extend(entry.ok().and_then(|entry| WalkEntry::new(&entry)));
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        let app = area.app;
        if is_repository(folder, &entries) {
            found(Candidate::Repository { path: folder.to_owned(), app });
            return Ok(Vec::new());
        }
        let is_pipeline = entries.iter().any(|entry| entry.name == "model_index.json");
        if is_pipeline {
            found(Candidate::Folder { path: folder.to_owned(), app });
        } else if entries.iter().any(|entry| entry.name.ends_with(".mlmodelc") || entry.name.ends_with(".mlpackage")) {
            found(Candidate::CoreMl { path: folder.to_owned(), app });
            return Ok(Vec::new());
        }
        let mut below = Vec::new();
        for entry in entries {
            let path = folder.join(&entry.name);
            if entry.is_folder(&path) {
                // A pipeline's folders are its components.
                if !is_pipeline && !PASSED_OVER.contains(&&*entry.name) {
                    below.push(path);
                }
            } else if is_candidate(&entry.name, area.holds.is_some())
                && !(is_pipeline && is_component(&path))
                && app != LibraryApp::Hub
            {
                // A link that leads nowhere is told of under its own name.
                let real = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
                if self.met.insert(real) {
                    found(Candidate::File { path, app, holds: area.holds });
                }
            }
        }
        // The cache has its repositories directly inside.
        if app == LibraryApp::Hub {
            below.retain(|path| is_repository_name(path));
        }
        Ok(below)
    }
}

/// Something in a folder that isn't hidden.
struct WalkEntry {
    name: String,
    kind: Option<FileType>,
}

impl WalkEntry {
    fn new(entry: &DirEntry) -> Option<Self> {
        let name = entry.file_name().into_string().ok().filter(|name| !name.starts_with('.'))?;
        Some(Self { name, kind: entry.file_type().ok() })
    }

    /// Whether it is a folder, or a link to one.
    fn is_folder(&self, path: &Path) -> bool {
        match self.kind {
            Some(kind) if !kind.is_symlink() => kind.is_dir(),
            _ => path.is_dir(),
        }
    }
}

fn is_repository_name(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("models--"))
}

/// Whether a folder is a repository in a cache of the Hub.
fn is_repository(folder: &Path, entries: &[WalkEntry]) -> bool {
    is_repository_name(folder) && entries.iter().any(|entry| ["blobs", "snapshots"].contains(&&*entry.name))
}
