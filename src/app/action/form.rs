//! What changes the form: the settings of the next picture.

use std::path::PathBuf;
use std::sync::Arc;

use crate::app::panels::form::outlook::{Asked, Planned};
use crate::app::panels::form::source::Glance;
use crate::base::error::Result;
use crate::content::request::Branch;
use crate::content::request::Patch;
use crate::schedulers::SchedulerKind;

/// See [`super::Action::Form`].
#[derive(Debug)]
pub(crate) enum FormAction {
    /// Draws with this sampler from now on.
    UseSampler(SchedulerKind),
    /// Rolls a new seed and lets it change with every picture.
    NewSeed,
    /// Exchanges width and height.
    SwapSides,
    /// Goes so many prompts back in the history; newer ones are negative.
    WalkHistory(isize),
    /// Begins with this picture.
    BeginWith(PathBuf),
    /// Takes this picture as the depth map.
    UseDepth(PathBuf),
    /// Takes over a file that was dropped on a form that begins with a picture.
    Drop(PathBuf),
    /// Keeps a picture that was pasted, and begins with it.
    Paste(Arc<egui::ColorImage>),
    /// Has the next pictures go on from another run, or begin from the start.
    GoOnFrom(Option<Box<Branch>>),
    /// Takes files that were pasted; if none is there, `text` is typed.
    TakeFiles {
        /// The files.
        files: Vec<PathBuf>,
        /// What was pasted, if it may have been meant as a text.
        text: Option<String>,
    },
    /// Takes files that are there as if they were dropped.
    FilesFound(Vec<PathBuf>),
    /// Takes the files on the clipboard, which has nothing else.
    PasteFiles,
    /// Types a text that was pasted.
    TypePasted(String),
    /// Reads the settings of a picture.
    Import(PathBuf),
    /// Reads the settings of a picture, if it has some.
    ImportIfAny(PathBuf),
    /// Reads settings from a text, as other apps write them.
    ImportText(String),
    /// Shows what settings from elsewhere would change.
    Review {
        /// Where they come from, in words.
        title: String,
        /// What can't be taken over, in words.
        notes: Vec<String>,
        /// The settings.
        patch: Box<Patch>,
    },
    /// Takes over the chosen ones of the settings that are shown.
    TakePatch,
    /// Finds out what kind of picture a file is.
    Look(PathBuf),
    /// A file was looked at.
    Looked {
        /// The file.
        path: PathBuf,
        /// What it is.
        glance: Result<Glance>,
    },
    /// Plans the memory of the next picture.
    Plan(Box<Asked>),
    /// The memory of the next picture is planned.
    Planned(Box<Planned>),
}
