//! Something that was found: what it is, how large, where, and whether it is whole.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::area::LibraryApp;
use crate::base::error::{Error, Result};
use crate::base::model_ref::{HubId, ModelRef};
use crate::storage::checkpoint::family::{Architecture, FileKind};

/// A model, or a part of one.
#[derive(Clone, Debug, PartialEq)]
pub struct LibraryItem {
    /// How it is named to be opened; `None` for what is no model by itself: a VAE, an embedding.
    pub model: Option<ModelRef>,
    /// What people call it.
    pub name: String,
    /// A whole model, or which part.
    pub kind: FileKind,
    /// The network that it is, or is for; `None` if nothing tells.
    pub architecture: Option<&'static Architecture>,
    /// The types of its numbers, as `f16`; more than one if it is there in several.
    pub precisions: BTreeSet<String>,
    /// What it takes on the disk.
    pub bytes: u64,
    /// Whose folder it is in.
    pub app: LibraryApp,
    /// Its folder or file; `None` for what is built in.
    pub path: Option<PathBuf>,
    /// Whether it can be used.
    pub state: ItemState,
    /// When it last changed.
    pub modified: Option<SystemTime>,
    /// The files with its weights, links followed.
    pub files: Vec<WeightFile>,
    /// Those of them that are damaged.
    pub damaged: Vec<PathBuf>,
}

/// A file with weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightFile {
    /// Links followed.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
}

/// Whether something that was found can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemState {
    /// All of it is there.
    Whole,
    /// Parts are missing.
    Partial {
        /// Which, relative to the model.
        missing: Vec<String>,
    },
    /// A file is damaged.
    Broken {
        /// What is wrong, and what to do.
        why: String,
    },
    /// It is sound, and can't be opened here.
    NotOpenable {
        /// Why.
        why: String,
    },
}

impl ItemState {
    /// In one word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Whole => "ready",
            Self::Partial { .. } => "incomplete",
            Self::Broken { .. } => "damaged",
            Self::NotOpenable { .. } => "not usable",
        }
    }

    /// What is wrong with it, in a sentence or two; `None` if nothing is.
    pub fn why(&self) -> Option<String> {
        /// As many as anyone reads.
        const NAMED: usize = 3;
        match self {
            Self::Whole => None,
            Self::Partial { missing } => {
                let named = missing.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
                let more = missing.len().saturating_sub(NAMED);
                let more = if more == 0 { String::new() } else { format!(" and {more} more") };
                Some(format!("Missing: {named}{more}"))
            }
            Self::Broken { why } | Self::NotOpenable { why } => Some(why.clone()),
        }
    }
}

impl LibraryItem {
    /// Whether a model can be drawn with.
    pub fn is_usable(&self) -> bool {
        self.model.is_some() && self.state == ItemState::Whole
    }

    /// How to make it whole, for what came from the Hub.
    pub fn repair(&self) -> Option<Repair> {
        match (&self.model, &self.state) {
            (Some(ModelRef::Hub(id)), ItemState::Partial { .. } | ItemState::Broken { .. }) => {
                let half = !self.precisions.is_empty() && self.precisions.iter().all(|name| name == "f16");
                Some(Repair { id: id.clone(), half, damaged: self.damaged.clone() })
            }
            _ => None,
        }
    }

    /// What it is in a word or two.
    pub fn kind_text(&self) -> &'static str {
        match self.kind {
            FileKind::Checkpoint => "Model",
            FileKind::Unet => "UNet",
            FileKind::Vae => "VAE",
            FileKind::TextEncoder => "Text encoder",
            FileKind::Lora => "LoRA",
            FileKind::Embedding => "Embedding",
            FileKind::ControlNet => "ControlNet",
            FileKind::Adapter => "Adapter",
            FileKind::MotionModule => "Motion module",
            FileKind::Upscaler => "Upscaler",
            FileKind::Unknown => "Unknown",
        }
    }

    /// Its architecture in words; nothing if it isn't known.
    pub fn family_text(&self) -> &'static str {
        self.architecture.map_or("", |architecture| architecture.name)
    }

    /// The types of its numbers in words.
    pub fn precision_text(&self) -> String {
        self.precisions.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
    }
}

/// A model of the Hub that is to be downloaded again, as far as it isn't whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// The repository.
    pub id: HubId,
    /// Whether what is there of it has 16 bits a number.
    pub half: bool,
    /// Files of the cache that are damaged: a download keeps what is there, so they have to make way first.
    pub damaged: Vec<PathBuf>,
}

impl Repair {
    /// Removes the damaged files. To be called when the download begins, and not before.
    ///
    /// # Errors
    /// One of them can't be removed.
    pub fn make_way(&self) -> Result<()> {
        for path in &self.damaged {
            let failed =
                |cause| Error::new(format!("A damaged file can't be removed: {}", path.display())).caused_by(cause);
            match fs::remove_file(path) {
                Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => return Err(failed(cause)),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }
}

/// When a file or folder last changed.
pub(super) fn modified(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|metadata| metadata.modified()).ok()
}
