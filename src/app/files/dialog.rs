//! A question that the system's file dialog asks, and what follows from its answer.

use std::fmt;
use std::path::PathBuf;
use std::pin::Pin;

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
#[derive(Debug)]
enum DialogKind {
    File,
    Folder,
    /// A file to be written, with the name to suggest.
    NewFile(String),
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

    /// Opens the dialog. The future gives what follows, or `None` if the user closes it without a choice.
    ///
    /// It has to be called on the window's thread, where macOS wants it; the future may be waited for anywhere.
    pub(crate) fn open(self) -> Pin<Box<dyn Future<Output = Option<A>> + Send>> {
        let Self { title, kind, filters, folder, then } = self;
        let mut dialog = rfd::AsyncFileDialog::new().set_title(title);
        for (label, endings) in filters {
            dialog = dialog.add_filter(label, endings);
        }
        if let Some(folder) = folder {
            dialog = dialog.set_directory(folder);
        }
        match kind {
            DialogKind::File => {
                let chosen = dialog.pick_file();
                Box::pin(async move { Some(then(chosen.await?.path().to_owned())) })
            }
            DialogKind::Folder => {
                let chosen = dialog.pick_folder();
                Box::pin(async move { Some(then(chosen.await?.path().to_owned())) })
            }
            DialogKind::NewFile(name) => {
                let chosen = dialog.set_file_name(name).save_file();
                Box::pin(async move { Some(then(chosen.await?.path().to_owned())) })
            }
        }
    }
}

impl<A> fmt::Debug for FileDialog<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileDialog").field("title", &self.title).field("kind", &self.kind).finish_non_exhaustive()
    }
}
