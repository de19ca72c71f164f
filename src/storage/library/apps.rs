//! The apps whose folders are known: how each is recognized, and where in it models lie.
//!
//! Folders are told by what is in them and not by their names, which people change.

use std::path::{Path, PathBuf};

use super::{comfyui, invokeai, webui};
use crate::storage::checkpoint::family::Kind;

/// Whose folder something is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum App {
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

impl App {
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
pub(super) struct Area {
    /// Whose it is.
    pub(super) app: App,
    /// Where to look, subfolders included.
    pub(super) folder: PathBuf,
    /// Which part of a model lies there; `None` where whole ones do.
    pub(super) holds: Option<Kind>,
}

impl Area {
    /// A folder of an app, which holds whole models or one kind of parts.
    pub(super) fn new(app: App, folder: PathBuf, holds: Option<Kind>) -> Self {
        Self { app, folder, holds }
    }
}

/// Where to look in a folder, which may be an app's.
pub(super) fn areas(folder: &Path) -> Vec<Area> {
    recognized(folder).unwrap_or_else(|| vec![Area::new(App::Folder, folder.to_owned(), None)])
}

/// Where to look in a folder that is an app's; `None` if it isn't one's that is known.
pub(super) fn recognized(folder: &Path) -> Option<Vec<Area>> {
    let known = webui::areas(folder).or_else(|| invokeai::areas(folder)).or_else(|| comfyui::areas(folder));
    known.or_else(|| {
        // A cache of the Hub that isn't ours, or the folder above it: no name leads there, so it is a folder as any other.
        let cache = [folder.to_owned(), folder.join("hub")].into_iter().find(|folder| is_cache(folder))?;
        Some(vec![Area::new(App::Folder, cache, None)])
    })
}

/// Whether a folder is laid out as the Hub's cache: the first folder with a name is a repository's.
fn is_cache(folder: &Path) -> bool {
    let Ok(entries) = folder.read_dir() else { return false };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.take(64).any(|name| name.starts_with("models--"))
}

/// Those of a folder's subfolders that are there, as areas.
pub(super) fn present(app: App, root: &Path, folders: &[(&str, Option<Kind>)]) -> Vec<Area> {
    let areas = folders.iter().map(|(name, holds)| Area::new(app, root.join(name), *holds));
    areas.filter(|area| area.folder.is_dir()).collect()
}
