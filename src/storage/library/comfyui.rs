//! The folders of ComfyUI, and those that its `extra_model_paths.yaml` names.
//!
//! The file is read as ComfyUI does it (`utils/extra_config.py`): sections of any name, each with a `base_path` and a
//! folder, or several in lines of their own, for each kind of model.
//! Limits: kinds that aren't listed below are passed over: upscalers, ControlNets, vision models.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::area::{LibraryApp, SearchArea, present};
use crate::storage::checkpoint::family::FileKind;

/// Kinds by the names of their folders (`folder_paths.py`), the older names included.
const FOLDERS: [(&str, Option<FileKind>); 9] = [
    ("checkpoints", None),
    ("diffusers", None),
    ("diffusion_models", Some(FileKind::Unet)),
    ("unet", Some(FileKind::Unet)),
    ("vae", Some(FileKind::Vae)),
    ("text_encoders", Some(FileKind::TextEncoder)),
    ("clip", Some(FileKind::TextEncoder)),
    ("loras", Some(FileKind::Lora)),
    ("embeddings", Some(FileKind::Embedding)),
];

/// Files that name further folders: the program's, and the desktop app's.
const CONFIGS: [&str; 2] = ["extra_model_paths.yaml", "extra_models_config.yaml"];

/// Where to look, if the folder is ComfyUI's, its `models`, or one with a config of its desktop app.
pub(super) fn areas(folder: &Path) -> Option<Vec<SearchArea>> {
    let is_program = folder.join("comfy").is_dir() && folder.join("main.py").is_file();
    let configs: Vec<PathBuf> = CONFIGS.iter().map(|name| folder.join(name)).filter(|path| path.is_file()).collect();
    let mut areas = if folder.join("models/checkpoints").is_dir() || is_program {
        present(LibraryApp::ComfyUi, &folder.join("models"), &FOLDERS)
    } else if folder.join("checkpoints").is_dir() && configs.is_empty() {
        present(LibraryApp::ComfyUi, folder, &FOLDERS)
    } else if configs.is_empty() {
        return None;
    } else {
        Vec::new()
    };
    for config in configs {
        let text = fs::read_to_string(&config).unwrap_or_default();
        areas.extend(named(&text, folder));
    }
    Some(areas)
}

/// The folders that a config in `beside` names.
fn named(text: &str, beside: &Path) -> Vec<SearchArea> {
    let config: Map<String, Value> = serde_saphyr::from_str(text).unwrap_or_default();
    let mut areas = Vec::new();
    for section in config.values().filter_map(Value::as_object) {
        let base = section.get("base_path").and_then(Value::as_str).map(expanded);
        let base = base.map_or_else(|| beside.to_owned(), |base| beside.join(base));
        for (name, holds) in FOLDERS {
            let lines = section.get(name).and_then(Value::as_str).unwrap_or_default().lines();
            // In a text of several lines, YAML takes a comment for a part of it.
            let folders = lines.map(|line| line.split(" #").next().unwrap_or(line).trim());
            let folders = folders.filter(|line| !line.is_empty() && !line.starts_with('#'));
            areas
                .extend(folders.map(|folder| SearchArea::new(LibraryApp::ComfyUi, base.join(expanded(folder)), holds)));
        }
    }
    areas
}

/// A path with the home folder in place of `~`, and the environment's values in place of `$NAME` and `${NAME}`.
fn expanded(path: &str) -> PathBuf {
    let mut expanded = String::new();
    let mut rest = path.trim();
    if let Some(below) = rest.strip_prefix('~').filter(|below| below.is_empty() || below.starts_with(['/', '\\']))
        && let Some(home) = dirs::home_dir()
    {
        expanded.push_str(&home.to_string_lossy());
        rest = below;
    }
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let (name, end) = match after.strip_prefix('{').and_then(|inside| inside.split_once('}')) {
            Some((name, end)) => (name, end),
            None => after.split_at(after.find(|c| !is_name(c)).unwrap_or(after.len())),
        };
        match std::env::var(name) {
            Ok(value) => expanded.push_str(&value),
            // Unknown names stay, as in Python's `expandvars`.
            Err(_) => expanded.push_str(&rest[before.len()..rest.len() - end.len()]),
        }
        rest = end;
    }
    expanded.push_str(rest);
    expanded.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(text: &str) -> Vec<(String, Option<FileKind>)> {
        let areas = named(text, Path::new("/comfy"));
        areas.into_iter().map(|area| (area.folder.display().to_string(), area.holds)).collect()
    }

    fn models(text: &str) -> Vec<String> {
        folders(text).into_iter().map(|(folder, _)| folder).collect()
    }

    #[test]
    fn folders_are_read_as_comfyui_reads_them() {
        // After `extra_model_paths.yaml.example`.
        let text = "
a111:
    base_path: /sd/webui/
    checkpoints: models/Stable-diffusion
    vae: models/VAE
    loras: |
         models/Lora
         models/LyCORIS
    upscale_models: |
                  models/ESRGAN
    controlnet: models/ControlNet

# comfyui:
#     base_path: path/to/comfyui/
other_ui:
    is_default: true
    base_path: theirs
    text_encoders: |
        models/text_encoders/
        models/clip/  # legacy location still supported
";
        assert_eq!(
            folders(text),
            [
                ("/sd/webui/models/Stable-diffusion".to_owned(), None),
                ("/sd/webui/models/VAE".to_owned(), Some(FileKind::Vae)),
                ("/sd/webui/models/Lora".to_owned(), Some(FileKind::Lora)),
                ("/sd/webui/models/LyCORIS".to_owned(), Some(FileKind::Lora)),
                ("/comfy/theirs/models/text_encoders/".to_owned(), Some(FileKind::TextEncoder)),
                ("/comfy/theirs/models/clip/".to_owned(), Some(FileKind::TextEncoder)),
            ]
        );
    }

    #[test]
    fn a_section_needs_no_base_and_a_path_may_be_absolute() {
        assert_eq!(models("a:\n  checkpoints: sd\n"), ["/comfy/sd"]);
        assert_eq!(models("a:\n  base_path: /b\n  checkpoints: /elsewhere/sd\n"), ["/elsewhere/sd"]);
    }

    #[test]
    fn names_in_paths_are_filled_in() {
        let home = dirs::home_dir().expect("a home");
        assert_eq!(expanded("~/models"), home.join("models"));
        assert_eq!(expanded("~"), home);
        assert_eq!(expanded("~other/models"), Path::new("~other/models"));
        let path = std::env::var("CARGO_MANIFEST_DIR").expect("set by cargo");
        assert_eq!(expanded("$CARGO_MANIFEST_DIR/a"), Path::new(&format!("{path}/a")));
        assert_eq!(expanded("x${CARGO_MANIFEST_DIR}y"), Path::new(&format!("x{path}y")));
        assert_eq!(expanded("/a/$NO_SUCH_NAME/b$"), Path::new("/a/$NO_SUCH_NAME/b$"));
    }

    #[test]
    fn what_is_no_config_names_no_folders() {
        for text in ["", "a: b", "- a\n- b", "a: [", "a:\n  checkpoints: 3\n", "a:\n  checkpoints: [x]\n", "\u{0}"] {
            assert_eq!(models(text), [""; 0], "{text}");
        }
    }
}
