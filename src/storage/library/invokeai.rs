//! The folder of InvokeAI, which keeps models of all kinds in one tree.
//!
//! Limits: its database, which knows the names that people gave, isn't read.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::area::{LibraryApp, SearchArea};

/// What `invokeai.yaml` says of models: at its top since version 4, below `InvokeAI: Paths:` before
/// (`invokeai/app/services/config/config_default.py`, `models_dir`, and its migration of version 3).
#[derive(Default, Deserialize)]
#[serde(default)]
struct InvokeConfig {
    models_dir: Option<PathBuf>,
    #[serde(rename = "InvokeAI")]
    version_3: InvokeVersion3,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct InvokeVersion3 {
    #[serde(rename = "Paths")]
    paths: InvokePaths,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct InvokePaths {
    models_dir: Option<PathBuf>,
}

/// Where to look, if the folder is InvokeAI's.
pub(super) fn areas(folder: &Path) -> Option<Vec<SearchArea>> {
    let config = fs::read_to_string(folder.join("invokeai.yaml")).ok();
    if config.is_none() && !folder.join("databases/invokeai.db").is_file() {
        return None;
    }
    let models = folder.join(config.and_then(|text| models_dir(&text)).unwrap_or_else(|| "models".into()));
    Some(vec![SearchArea::new(LibraryApp::InvokeAi, models, None)])
}

/// The folder for models that a config names.
fn models_dir(text: &str) -> Option<PathBuf> {
    let config: InvokeConfig = serde_saphyr::from_str(text).ok()?;
    config.models_dir.or(config.version_3.paths.models_dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_for_models_is_read_from_the_config_of_each_version() {
        for (config, folder) in [
            ("# Internal\nschema_version: 4.0.2\nmodels_dir: /data/models\nport: 9090\n", Some("/data/models")),
            ("InvokeAI:\n  Paths:\n    models_dir: checkpoints\n  Features:\n    esrgan: true\n", Some("checkpoints")),
            ("schema_version: 4.0.2\n", None),
            ("models_dir: [", None),
            ("", None),
        ] {
            assert_eq!(models_dir(config), folder.map(PathBuf::from), "{config}");
        }
    }
}
