//! Work with files and file dialogs, away from the window's thread.

mod background;
mod clipboard;
mod dialog;
mod on_disk;
mod opener;
mod paths;
mod system_dialogs;

pub(super) use background::{Background, NewestOf};
pub(super) use clipboard::copied_files;
pub(super) use dialog::{DialogKind, FileDialog};
pub(super) use on_disk::{LeadsTo, find, make_picture_folder, model_at};
pub(super) use opener::{open_folder, open_page};
pub(super) use paths::{paths_in, typed_path};
