//! What is looked up or made on the disk for the window. It is called on the files' thread only.

use std::fs;
use std::path::{Path, PathBuf};

use crate::base::error::{Error, Result};
use crate::base::model_ref::ModelRef;

/// Makes the folder for pictures if it isn't there.
///
/// # Errors
/// It can't be made.
pub(crate) fn make_picture_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(|cause| {
        Error::new(format!("The folder for pictures can't be made: {}", folder.display()))
            .caused_by(cause)
            .advise("Choose another one in the settings")
    })
}

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LeadsTo {
    Nothing,
    File,
    Folder,
}

/// Looks what a path leads to.
pub(crate) fn find(path: &Path) -> LeadsTo {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => LeadsTo::Folder,
        Ok(_) => LeadsTo::File,
        Err(_) => LeadsTo::Nothing,
    }
}

/// Returns the model that a path leads to: a folder in Diffusers' format, or a file that holds one.
pub(crate) fn model_at(path: &Path) -> Option<ModelRef> {
    let model = ModelRef::of_path(PathBuf::from(path));
    let is_model = path.join("model_index.json").is_file() || (path.is_file() && matches!(model, ModelRef::File(_)));
    is_model.then_some(model)
}
