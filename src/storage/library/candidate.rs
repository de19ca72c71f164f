//! Something that looks like a model from outside, and what it turns out to be.

use std::path::{Path, PathBuf};

use super::area::LibraryApp;
use super::folder::Pipeline;
use super::item::{ItemState, LibraryItem, modified};
use super::{cached, file};
use crate::base::model_ref::ModelRef;
use crate::storage::checkpoint::FileTree;
use crate::storage::checkpoint::family::{Families, FileKind};

/// Something that looks like a model.
pub(super) enum Candidate {
    /// A single file; `holds` is the kind of part that lies in its folder.
    File { path: PathBuf, app: LibraryApp, holds: Option<FileKind> },
    /// A folder with a `model_index.json`.
    Folder { path: PathBuf, app: LibraryApp },
    /// A folder with a model for Apple's Core ML.
    CoreMl { path: PathBuf, app: LibraryApp },
    /// A repository in a cache of the Hub.
    Repository { path: PathBuf, app: LibraryApp },
}

impl Candidate {
    /// Reads its headers and configs.
    pub(super) fn inspect(&self, families: Families) -> Vec<LibraryItem> {
        match self {
            Self::File { path, app, holds } => vec![file::inspect(path, *app, *holds, families)],
            Self::Folder { path, app } => {
                let pipeline = Pipeline::inspect(&FileTree::Folder(path.clone()), families);
                vec![pipeline.item(ModelRef::Folder(path.clone()), folder_name(path), *app, path)]
            }
            Self::CoreMl { path, app } => vec![core_ml(path, *app)],
            Self::Repository { path, app } => cached::inspect(path, *app, families),
        }
    }
}

/// The model that is built in.
pub(super) fn bundled(families: Families) -> LibraryItem {
    let pipeline = Pipeline::inspect(&FileTree::Bundled, families);
    let item = pipeline.item(ModelRef::Bundled, ModelRef::Bundled.label(), LibraryApp::Burnisher, Path::new(""));
    LibraryItem { path: None, modified: None, ..item }
}

/// What a model's folder is called. Where that says nothing, as in InvokeAI, its config may say where it came from.
fn folder_name(path: &Path) -> String {
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let own = name(path).unwrap_or_else(|| path.display().to_string());
    if !is_uuid(&own) {
        return own;
    }
    let index = std::fs::read_to_string(path.join("model_index.json")).unwrap_or_default();
    let index: serde_json::Value = serde_json::from_str(&index).unwrap_or_default();
    let origin = index.get("_name_or_path").and_then(serde_json::Value::as_str);
    origin.and_then(|origin| name(Path::new(origin))).unwrap_or(own)
}

/// Whether a name is 32 hexadecimal digits with hyphens between.
fn is_uuid(name: &str) -> bool {
    name.len() == 36 && name.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}

fn core_ml(path: &Path, app: LibraryApp) -> LibraryItem {
    LibraryItem {
        model: Some(ModelRef::Folder(path.to_owned())),
        name: folder_name(path),
        kind: FileKind::Checkpoint,
        architecture: None,
        precisions: std::collections::BTreeSet::new(),
        bytes: 0,
        app,
        path: Some(path.to_owned()),
        state: ItemState::NotOpenable {
            why: "It is made for Apple's Core ML, which this app doesn't use. Look for the model in diffusers format"
                .to_owned(),
        },
        modified: modified(path),
        files: Vec::new(),
        damaged: Vec::new(),
    }
}
