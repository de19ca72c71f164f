//! Work with files and file dialogs, away from the window's thread.

mod background;
mod dialog;
mod on_disk;

pub(super) use background::{Background, NewestOf};
pub(super) use dialog::FileDialog;
pub(super) use on_disk::{make_picture_folder, model_at};
