//! What is done in the gallery.

use std::path::PathBuf;

use crate::content::request::Patch;
use crate::storage::gallery::search::Query;

/// See [`super::Action::Gallery`].
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum GalleryAction {
    /// Shows a picture on the canvas.
    Show {
        /// Its file.
        path: PathBuf,
        /// What it is called when it is read out.
        name: String,
    },
    /// Takes settings over, after a look at what they change.
    Reuse {
        /// What is taken over, in words.
        title: String,
        /// The settings.
        patch: Box<Patch>,
    },
    /// Reads what another app wrote into a picture.
    Import(PathBuf),
    /// Begins with a picture.
    BeginWith(PathBuf),
    /// Puts a picture on the clipboard.
    CopyPicture(PathBuf),
    /// Puts a text on the clipboard.
    CopyText(String),
    /// Saves a copy of a picture.
    SaveAs(PathBuf),
    /// Shows a picture's file in the system's file manager.
    OpenFolder(PathBuf),
    /// Shows only the pictures that fit.
    Search(Query),
    /// Compares two pictures.
    Compare([PathBuf; 2]),
    /// Marks pictures as favourites, or takes the marks away.
    SetFavourite(Vec<PathBuf>, bool),
    /// Moves pictures to the bin.
    Delete(Vec<PathBuf>),
    /// Gets back what was deleted last.
    UndoDelete,
}
