//! A question that the system's file dialog asks, and what follows from its answer. Where the system has no dialog, the window asks
//! for a path.

use std::fmt;
use std::path::PathBuf;
use std::pin::Pin;

use crate::app::files::system_dialogs;

/// Endings of the pictures that can be read.
pub(crate) const READABLE: &[&str] = &["png", "jpg", "jpeg", "webp", "gif", "bmp", "tif", "tiff", "jfif"];

/// A file dialog; `A` is what follows from its answer.
pub(crate) struct FileDialog<A> {
    title: &'static str,
    kind: DialogKind,
    filters: Vec<(&'static str, &'static [&'static str])>,
    folder: Option<PathBuf>,
    then: Box<dyn FnOnce(PathBuf) -> A + Send>,
}

/// What is chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DialogKind {
    File,
    Folder,
    /// A file to be written, with the name to suggest.
    NewFile(String),
}

/// How a dialog ended.
#[derive(Debug)]
pub(crate) enum Answer<A> {
    /// With a choice, from which this follows.
    Chosen(A),
    /// Without a choice.
    Closed,
    /// It never appeared: the question is still open.
    Unavailable(FileDialog<A>),
}

impl<A: 'static> FileDialog<A> {
    /// Asks for a file that exists.
    pub(crate) fn file(title: &'static str, then: impl FnOnce(PathBuf) -> A + Send + 'static) -> Self {
        Self::new(title, DialogKind::File, Box::new(then))
    }

    /// Asks for a picture that exists.
    pub(crate) fn picture(title: &'static str, then: impl FnOnce(PathBuf) -> A + Send + 'static) -> Self {
        Self::file(title, then).only("Pictures", READABLE)
    }

    /// Asks for a folder that exists.
    pub(crate) fn folder(title: &'static str, then: impl FnOnce(PathBuf) -> A + Send + 'static) -> Self {
        Self::new(title, DialogKind::Folder, Box::new(then))
    }

    /// Asks where to write a file, and suggests a name.
    pub(crate) fn new_file(
        title: &'static str,
        name: impl Into<String>,
        then: impl FnOnce(PathBuf) -> A + Send + 'static,
    ) -> Self {
        Self::new(title, DialogKind::NewFile(name.into()), Box::new(then))
    }

    fn new(title: &'static str, kind: DialogKind, then: Box<dyn FnOnce(PathBuf) -> A + Send>) -> Self {
        Self { title, kind, filters: Vec::new(), folder: None, then }
    }

    /// Offers only files with these endings. Further calls add further choices.
    pub(crate) fn only(mut self, label: &'static str, endings: &'static [&'static str]) -> Self {
        self.filters.push((label, endings));
        self
    }

    /// Begins in this folder.
    pub(crate) fn starting_in(mut self, folder: Option<PathBuf>) -> Self {
        self.folder = folder;
        self
    }

    /// What it asks for.
    pub(crate) fn title(&self) -> &'static str {
        self.title
    }

    /// What is chosen.
    pub(crate) fn kind(&self) -> &DialogKind {
        &self.kind
    }

    /// Where it begins.
    pub(crate) fn begins_in(&self) -> Option<&PathBuf> {
        self.folder.as_ref()
    }

    /// What follows from a choice.
    pub(crate) fn choose(self, path: PathBuf) -> A {
        (self.then)(path)
    }

    /// Opens the dialog.
    ///
    /// It has to be called on the window's thread, where macOS wants it; the future may be waited for anywhere.
    pub(crate) fn open(self) -> Pin<Box<dyn Future<Output = Answer<A>> + Send>> {
        let mut dialog = rfd::AsyncFileDialog::new().set_title(self.title);
        for (label, endings) in &self.filters {
            dialog = dialog.add_filter(*label, endings);
        }
        if let Some(folder) = &self.folder {
            dialog = dialog.set_directory(folder);
        }
        let chosen: Pin<Box<dyn Future<Output = Option<rfd::FileHandle>> + Send>> = match &self.kind {
            DialogKind::File => Box::pin(dialog.pick_file()),
            DialogKind::Folder => Box::pin(dialog.pick_folder()),
            DialogKind::NewFile(name) => Box::pin(dialog.set_file_name(name).save_file()),
        };
        Box::pin(async move {
            match chosen.await {
                Some(file) => Answer::Chosen(self.choose(file.path().to_owned())),
                // The same answer stands for a dialog that was closed and for one that never appeared.
                None if system_dialogs::are_there().await => Answer::Closed,
                None => Answer::Unavailable(self),
            }
        })
    }
}

impl<A> fmt::Debug for FileDialog<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileDialog").field("title", &self.title).field("kind", &self.kind).finish_non_exhaustive()
    }
}
