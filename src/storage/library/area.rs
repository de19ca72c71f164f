//! A folder to look through, and whose it is.

use std::path::{Path, PathBuf};

use crate::storage::checkpoint::family::FileKind;

/// Whose folder something is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LibraryApp {
    /// Our own.
    Burnisher,
    /// The Hub's cache, shared by everything that uses it.
    Hub,
    /// AUTOMATIC1111's web UI, Forge, and others of that kind.
    WebUi,
    /// ComfyUI.
    ComfyUi,
    /// InvokeAI.
    InvokeAi,
    /// Draw Things.
    DrawThings,
    /// DiffusionBee.
    DiffusionBee,
    /// Mochi Diffusion.
    Mochi,
    /// None that is known.
    Folder,
}

impl LibraryApp {
    /// What people call it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Burnisher => "Burnisher",
            Self::Hub => "Hub cache",
            Self::WebUi => "A1111 or Forge",
            Self::ComfyUi => "ComfyUI",
            Self::InvokeAi => "InvokeAI",
            Self::DrawThings => "Draw Things",
            Self::DiffusionBee => "DiffusionBee",
            Self::Mochi => "Mochi Diffusion",
            Self::Folder => "Folder",
        }
    }

    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Burnisher => "burnisher",
            Self::Hub => "hub",
            Self::WebUi => "a1111",
            Self::ComfyUi => "comfyui",
            Self::InvokeAi => "invokeai",
            Self::DrawThings => "draw_things",
            Self::DiffusionBee => "diffusionbee",
            Self::Mochi => "mochi",
            Self::Folder => "folder",
        }
    }
}

/// A folder to look through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SearchArea {
    /// Whose it is.
    pub(super) app: LibraryApp,
    /// Where to look, subfolders included.
    pub(super) folder: PathBuf,
    /// Which part of a model lies there; `None` where whole ones do.
    pub(super) holds: Option<FileKind>,
}

impl SearchArea {
    /// A folder of an app, which holds whole models or one kind of parts.
    pub(super) fn new(app: LibraryApp, folder: PathBuf, holds: Option<FileKind>) -> Self {
        Self { app, folder, holds }
    }
}

/// Those of a folder's subfolders that are there, as areas.
pub(super) fn present(app: LibraryApp, root: &Path, folders: &[(&str, Option<FileKind>)]) -> Vec<SearchArea> {
    let areas = folders.iter().map(|(name, holds)| SearchArea::new(app, root.join(name), *holds));
    areas.filter(|area| area.folder.is_dir()).collect()
}
