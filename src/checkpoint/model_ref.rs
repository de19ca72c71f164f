//! `ModelRef`: how people name a model, on the command line and in a recipe.
//!
//! Limits: single files and Hub ids are recognised, so that they can be refused clearly, and not opened.

use std::convert::Infallible;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::error::{Error, Result};

/// A model by name: the bundled one, or a diffusers folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ModelRef {
    /// The model built into the binary: `bundled`.
    #[default]
    Bundled,
    /// A folder with a `model_index.json`.
    Folder(PathBuf),
}

impl FromStr for ModelRef {
    type Err = Infallible;

    fn from_str(text: &str) -> std::result::Result<Self, Infallible> {
        Ok(if text == "bundled" { Self::Bundled } else { Self::Folder(PathBuf::from(text)) })
    }
}

impl fmt::Display for ModelRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bundled => f.write_str("bundled"),
            Self::Folder(path) => path.display().fmt(f),
        }
    }
}

/// Says why a path that should be a model's folder isn't one.
///
/// # Errors
/// The path is no folder.
pub(super) fn check_folder(path: &Path) -> Result<()> {
    let shown = path.display();
    if path.is_dir() {
        return Ok(());
    }
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_ascii_lowercase();
    if ["ckpt", "bin", "pt", "pth"].contains(&extension.as_str()) {
        return Err(Error::new(format!("this is a pickled checkpoint, which can run code when it is opened: {shown}"))
            .advise("Give the folder of a model in diffusers format, with safetensors weights"));
    }
    if path.is_file() {
        return Err(Error::new(format!("single-file checkpoints can't be opened yet: {shown}"))
            .advise("Give the folder of a model in diffusers format, with a model_index.json"));
    }
    let error = Error::new(format!("no such model: {shown}"));
    Err(if looks_like_hub_id(path) {
        error.advise("Models on the Hub can't be fetched yet: download the repository and give its folder")
    } else {
        error.advise("A model is `bundled` or the folder of a model in diffusers format, with a model_index.json")
    })
}

/// `owner/name`, as the Hub spells its repositories.
fn looks_like_hub_id(path: &Path) -> bool {
    let word = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    path.to_str().and_then(|text| text.split_once('/')).is_some_and(|(owner, name)| word(owner) && word(name))
}
