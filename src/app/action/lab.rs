//! What is done in the lab.

use std::path::PathBuf;

use crate::app::stage::lab::LabSheet;
use crate::content::request::Request;

/// See [`super::Action::Lab`].
#[derive(Debug)]
pub(crate) enum LabAction {
    /// Opens the lab's dialog.
    SetUp,
    /// Draws these side by side.
    Start(Vec<Request>),
    /// Reads a finished picture.
    Open(PathBuf),
    /// A finished picture is read.
    Opened {
        /// Its file.
        path: PathBuf,
        /// Its pixels.
        picture: egui::ColorImage,
    },
    /// Goes on with one of the pictures.
    Pick(Box<Request>, Option<PathBuf>),
    /// Asks where to save all of them as one picture.
    ChooseSheet(Box<LabSheet>),
    /// Saves all of them as one picture.
    SaveSheet(Box<LabSheet>, PathBuf),
    /// Closes the lab.
    Close,
}
