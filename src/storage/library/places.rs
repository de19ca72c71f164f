//! Where models are looked for.

use std::path::{Path, PathBuf};

use super::apps;
use super::area::{LibraryApp, SearchArea};
use crate::storage::hub::Options;

/// Where models are looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// Whether the model that is built in is told of.
    pub bundled: bool,
    /// Our own folder for models.
    pub own: Option<PathBuf>,
    /// The Hub's cache.
    pub hub: Option<PathBuf>,
    /// Folders that usually hold those of apps: the home folder, documents.
    pub homes: Vec<PathBuf>,
    /// Folders that the user added: models, or an app's folder, which is known by what is in it.
    pub added: Vec<PathBuf>,
}

/// What the folders of apps are usually called, below [`Places::homes`]. What they are is told by what is in them.
const USUAL: [&str; 19] = [
    "stable-diffusion-webui",
    "stable-diffusion-webui-forge",
    "stable-diffusion-webui-reForge",
    "stable-diffusion-webui-amdgpu",
    "sd-webui-forge-classic",
    "sd-webui-forge-neo",
    "webui_forge_cu121_torch231/webui",
    "sd.webui/webui",
    "automatic",
    "sdnext",
    "ComfyUI",
    "comfy/ComfyUI",
    "ComfyUI_windows_portable/ComfyUI",
    // What its desktop app writes, below the system's folders for configs.
    "AppData/Roaming/ComfyUI",
    "Library/Application Support/ComfyUI",
    ".config/ComfyUI",
    "Fooocus",
    "invokeai",
    "InvokeAI",
];

/// Folders of apps that keep nothing else in them.
const KNOWN: [(&str, LibraryApp); 4] = [
    ("Library/Containers/com.liuliu.draw-things/Data/Documents/Models", LibraryApp::DrawThings),
    (".diffusionbee/downloads", LibraryApp::DiffusionBee),
    (".diffusionbee/custom_models", LibraryApp::DiffusionBee),
    ("MochiDiffusion/models", LibraryApp::Mochi),
];

impl Places {
    /// The user's own, and the folders that the user added.
    pub fn of_user(added: Vec<PathBuf>) -> Self {
        let homes = [dirs::home_dir(), dirs::document_dir()];
        Self {
            bundled: true,
            own: dirs::data_dir().map(|data| data.join("burnisher/models")),
            hub: Some(Options::from_env(None).cache),
            homes: homes.into_iter().flatten().collect(),
            added,
        }
    }

    /// These folders, and nothing else.
    pub fn only(folders: Vec<PathBuf>) -> Self {
        Self { added: folders, ..Self::default() }
    }

    /// Every folder to look through, ours first: of what is found twice, the first place counts.
    pub(super) fn areas(&self) -> Vec<SearchArea> {
        let known = |app: LibraryApp, folder: &Path| SearchArea::new(app, folder.to_owned(), None);
        let mut areas: Vec<SearchArea> = self.own.iter().map(|own| known(LibraryApp::Burnisher, own)).collect();
        areas.extend(self.hub.iter().map(|hub| known(LibraryApp::Hub, hub)));
        // Before 0.14, Diffusers had a cache of its own beside the Hub's.
        areas.extend(self.hub.iter().map(|hub| known(LibraryApp::Hub, &hub.with_file_name("diffusers"))));
        for home in &self.homes {
            areas.extend(USUAL.iter().filter_map(|name| apps::recognized(&home.join(name))).flatten());
            areas.extend(KNOWN.iter().map(|(name, app)| known(*app, &home.join(name))));
        }
        // A folder that the user added and that isn't there is told of; the others needn't be there.
        areas.retain(|area| area.folder.is_dir());
        areas.extend(self.added.iter().flat_map(|folder| apps::areas(folder)));
        areas
    }
}
