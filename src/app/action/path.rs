//! What happens while a path is typed because the system has no file dialog.

use std::path::PathBuf;

use crate::app::files::LeadsTo;

/// See [`super::Action::Path`].
#[derive(Debug)]
pub(crate) enum PathAction {
    /// Looks what the path leads to that was typed.
    Look(PathBuf),
    /// It is known what a path leads to.
    Looked {
        /// The path.
        path: PathBuf,
        /// What is there.
        found: LeadsTo,
    },
    /// Takes the path, whatever it leads to.
    Take(PathBuf),
    /// Leaves the question open.
    Cancel,
}
