//! Everything that can happen in the window: what the user asks for, and what follows from work in the background.
//!
//! Panels and background jobs return actions; `App::apply` carries them out, in order. There is no other way to have an effect.

mod form;
mod gallery;
mod help;
mod lab;
mod model;
mod models;
mod painter;
mod path;
mod picture;
mod queue;
mod settings;

use std::path::PathBuf;

use crate::app::command::UiCommand;
use crate::app::files::FileDialog;
use crate::base::error::Error;

pub(super) use form::FormAction;
pub(super) use gallery::GalleryAction;
pub(super) use help::HelpAction;
pub(super) use lab::LabAction;
pub(super) use model::ModelAction;
pub(super) use models::{HubAction, ModelsAction};
pub(super) use painter::PainterAction;
pub(super) use path::PathAction;
pub(super) use picture::PictureAction;
pub(super) use queue::QueueAction;
pub(super) use settings::SettingsAction;

/// Something to be done.
#[derive(Debug)]
pub(crate) enum Action {
    /// What a menu, a button or a key stands for.
    Command(UiCommand),
    /// Changes what is drawn next.
    Form(FormAction),
    /// Changes what waits or is being drawn.
    Queue(QueueAction),
    /// Changes the model in use.
    Model(ModelAction),
    /// Does something with the picture in the centre.
    Picture(PictureAction),
    /// Compares ways to draw a picture.
    Lab(LabAction),
    /// Changes the mask.
    Painter(PainterAction),
    /// Does something in the gallery.
    Gallery(GalleryAction),
    /// Does something with the models on this computer.
    Models(ModelsAction),
    /// Does something with the Hub.
    Hub(HubAction),
    /// Changes what the settings are about.
    Settings(SettingsAction),
    /// Shows what a report needs.
    Help(HelpAction),
    /// Opens a file dialog.
    Browse(FileDialog<Action>),
    /// Asks for a path in place of this dialog, which the system doesn't have.
    AskPath(FileDialog<Action>),
    /// Goes on with the question for a path.
    Path(PathAction),
    /// Shows a folder in the file manager.
    OpenFolder(PathBuf),
    /// Shows a page in the browser.
    OpenPage(String),
    /// Puts a text on the clipboard.
    CopyText(String),
    /// Shows a notice that something failed.
    Fail(Error),
    /// Closes the dialog in front.
    CloseDialog,
    /// Closes the window, whatever is left over.
    CloseNow,
}

/// Lets a panel's own actions be pushed as they are.
macro_rules! from {
    ($($variant:ident($inner:ty)),* $(,)?) => {
        $(impl From<$inner> for Action {
            fn from(action: $inner) -> Self {
                Self::$variant(action)
            }
        })*
    };
}

from! {
    Command(UiCommand),
    Form(FormAction),
    Queue(QueueAction),
    Model(ModelAction),
    Picture(PictureAction),
    Lab(LabAction),
    Painter(PainterAction),
    Gallery(GalleryAction),
    Models(ModelsAction),
    Hub(HubAction),
    Settings(SettingsAction),
    Help(HelpAction),
    Path(PathAction),
}
