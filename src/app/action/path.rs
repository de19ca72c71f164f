//! What happens while a path is typed because the system has no file dialog.

use std::path::PathBuf;

use crate::app::action::Action;
use crate::app::files::{FileDialog, Found};

/// See [`super::Action::Path`].
#[derive(Debug)]
pub(crate) enum PathAction {
    /// Asks for a path in place of this dialog.
    Ask(FileDialog<Action>),
    /// Looks what the path leads to that was typed.
    Look(PathBuf),
    /// It is known what a path leads to.
    Looked {
        /// The path.
        path: PathBuf,
        /// What is there.
        found: Found,
    },
    /// Takes the path, whatever it leads to.
    Take(PathBuf),
    /// Leaves the question open.
    Cancel,
}
