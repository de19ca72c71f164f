//! What is done with the picture in the centre, or with any other of the gallery.

use std::path::PathBuf;

use egui::ColorImage;

use crate::app::librarian::FittedPicture;
use crate::app::widgets::Zoom;
use crate::worker::{JobId, UnsavedPicture};

/// See [`super::Action::Picture`].
#[derive(Debug)]
pub(crate) enum PictureAction {
    /// Shows a picture of the gallery.
    Show {
        /// Its file.
        path: PathBuf,
        /// What it is called when it is read out.
        name: String,
    },
    /// Shows a picture from anywhere, and reads its settings if it has some.
    Open(PathBuf),
    /// Shows what is being drawn, as it comes.
    Watch,
    /// Shows a picture as it is that the safety checker flagged.
    Reveal(PathBuf),
    /// Shows the steps of the last picture, or hides them.
    LookBack,
    /// Shows a step of the last picture.
    LookBackAt {
        /// The job that drew it.
        id: JobId,
        /// Counted from 1.
        step: usize,
    },
    /// Shows the depth map of the picture in the centre, or the picture again.
    SwitchDepth,
    /// A picture's depth map is read.
    DepthRead {
        /// The picture's file.
        path: PathBuf,
        /// The map.
        map: FittedPicture,
    },
    /// Sets how large it is shown.
    Zoom(Zoom),
    /// Begins with the picture in the centre.
    BeginWith,
    /// Asks where to save a copy of a picture; without a file, of the one in the centre.
    SaveAs(Option<PathBuf>),
    /// Saves a copy of the picture in the centre where the last one was saved.
    SaveCopy,
    /// Writes a copy of a picture.
    Export {
        /// The picture's file.
        source: PathBuf,
        /// The copy's.
        target: PathBuf,
    },
    /// A copy is written.
    Exported(PathBuf),
    /// Asks where to save a picture that could be written nowhere.
    SaveUnsaved(UnsavedPicture),
    /// Writes it.
    WriteUnsaved {
        /// The picture.
        picture: UnsavedPicture,
        /// Its file.
        target: PathBuf,
    },
    /// It is written, as this file.
    UnsavedWritten(UnsavedPicture, PathBuf),
    /// Copies a picture to the clipboard; without a file, the one in the centre.
    Copy(Option<PathBuf>),
    /// A picture for the clipboard is read.
    Copied(ColorImage),
}
