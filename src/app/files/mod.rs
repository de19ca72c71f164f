//! Work with files and file dialogs, away from the window's thread.

mod background;
mod dialog;

pub(super) use background::{Background, NewestOf};
pub(super) use dialog::FileDialog;
