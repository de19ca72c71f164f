//! A folder in diffusers format: whether each component has its config and its weights, by the same rules as opening it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::area::LibraryApp;
use super::header;
use super::item::{ItemState, LibraryItem, WeightFile, modified};
use crate::base::model_ref::ModelRef;
use crate::storage::checkpoint::family::{Architecture, Families, FileKind};
use crate::storage::checkpoint::{
    FileTree, Files, NamedComponent, Variant, WeightFiles, beside_index, config_file, has_weights, inside,
    named_components, read_index, read_json, weight_files,
};
use crate::storage::weights::{Flaw, WeightHeader, read_header, read_path};

/// What there is to say of weights that are only there as pickles.
const PICKLED: &str = "Its weights are pickled (.bin), which can run code when opened. Get its .safetensors files, or \
                       convert it with Diffusers: pipe.save_pretrained(folder, safe_serialization=True)";

/// What a folder in diffusers format turns out to be.
pub(super) struct Pipeline {
    families: Families,
    architecture: Option<&'static Architecture>,
    precisions: BTreeSet<String>,
    files: Vec<WeightFile>,
    /// Of all weights.
    bytes: u64,
    /// Relative to the folder.
    missing: Vec<String>,
    /// Sentences about what is damaged.
    flaws: Vec<String>,
    damaged: Vec<PathBuf>,
    /// Why it can't be opened though nothing is wrong with it.
    unopenable: Option<String>,
    /// Whether there are weights that are only there as pickles.
    is_pickled: bool,
}

impl Pipeline {
    /// Reads its index, configs and headers.
    pub(super) fn inspect(source: &FileTree, families: Families) -> Self {
        let mut pipeline = Self {
            families,
            architecture: None,
            precisions: BTreeSet::new(),
            files: Vec::new(),
            bytes: 0,
            missing: Vec::new(),
            flaws: Vec::new(),
            damaged: Vec::new(),
            unopenable: None,
            is_pickled: false,
        };
        let index = match read_json(source, "model_index.json") {
            Ok(Some(index)) => index,
            Ok(None) => {
                pipeline.missing.push("model_index.json".to_owned());
                return pipeline;
            }
            Err(error) => {
                pipeline.flaws.push(error.sentence());
                pipeline.damaged.extend(real(source, "model_index.json"));
                return pipeline;
            }
        };
        let class = index.get("_class_name").and_then(serde_json::Value::as_str).unwrap_or_default();
        let known = families.pipeline(class).map(|(_, known)| known);
        pipeline.architecture = families.architecture_of_class(class);
        if known.is_none() {
            let class = if class.is_empty() { "a model of no named class" } else { class };
            pipeline.unopenable = Some(format!("It is {class}, which this app can't draw with yet"));
        }
        let named = named_components(&index, known, &source.locate("model_index.json")).unwrap_or_else(|error| {
            pipeline.flaws.push(error.sentence());
            Vec::new()
        });
        for component in &named {
            pipeline.component(source, *component);
        }
        for name in known.map_or(&[][..], |known| known.required) {
            if !named.iter().any(|component| component.name == *name) {
                pipeline.flaws.push(format!("Its model_index.json names no {name}"));
            }
        }
        pipeline
    }

    fn component(&mut self, source: &FileTree, component: NamedComponent<'_>) {
        let NamedComponent { name, class, is_required, .. } = component;
        let config = format!("{name}/{}", config_file(class));
        let folder = match read_json(source, &config) {
            Ok(Some(_)) => name,
            Ok(None) if matches!(beside_index(source, class), Ok(Some(_))) => "",
            Ok(None) if !is_required => return,
            Ok(None) => return self.missing.push(config),
            Err(error) => {
                self.damaged.extend(real(source, &config));
                return self.flaws.push(error.sentence());
            }
        };
        if class.contains("Tokenizer") {
            self.tokenizer(source, folder);
        } else if has_weights(class) {
            self.weights(source, component, folder);
        }
    }

    fn tokenizer(&mut self, source: &FileTree, folder: &str) {
        let is_there = |name: &str| source.open(&format!("{folder}/{name}")).is_ok_and(|file| file.is_some());
        if !is_there("tokenizer.json") {
            let missing = ["vocab.json", "merges.txt"].into_iter().filter(|name| !is_there(name));
            self.missing.extend(missing.map(|name| format!("{folder}/{name}")));
        }
    }

    /// Looks at the weights of a component, in every precision that is there.
    fn weights(&mut self, source: &FileTree, component: NamedComponent<'_>, folder: &str) {
        let NamedComponent { name, is_required, .. } = component;
        let names = source.names(folder);
        let mut files = BTreeSet::new();
        for variant in [Variant::Full, Variant::Fp16] {
            match weight_files(&names, variant) {
                WeightFiles::Whole(file) => drop(files.insert(inside(folder, &file))),
                WeightFiles::Sharded { index, .. } => {
                    let index = inside(folder, &index);
                    match read_index(source, folder, &index) {
                        Ok(shards) => files.extend(shards),
                        Err(error) => {
                            self.damaged.extend(real(source, &index));
                            return self.flaws.push(error.sentence());
                        }
                    }
                }
                WeightFiles::Pickled | WeightFiles::Absent if !is_required => return,
                WeightFiles::Pickled => {
                    self.is_pickled = true;
                    return;
                }
                WeightFiles::Absent => return self.missing.push(format!("{name}'s weights")),
            }
        }
        for file in files {
            match header_of(source, &file) {
                Ok(header) => self.header(source, name, &file, &header),
                Err(Flaw::Missing) => self.missing.push(file),
                Err(flaw) => {
                    self.flaws.push(format!("{file}: {}", flaw.sentence()));
                    self.damaged.extend(real(source, &file));
                }
            }
        }
    }

    fn header(&mut self, source: &FileTree, component: &str, file: &str, header: &WeightHeader) {
        if component == "unet" && self.architecture.is_none() {
            self.architecture = self.families.identify(header.shapes()).architecture;
        }
        if component == "unet" || self.precisions.is_empty() {
            self.precisions.append(&mut header::precisions(header));
        }
        self.bytes += header.bytes;
        self.files.extend(real(source, file).map(|path| WeightFile { path, bytes: header.bytes }));
    }

    /// Makes the item of it. `path` is its folder.
    pub(super) fn item(mut self, model: ModelRef, name: String, app: LibraryApp, path: &Path) -> LibraryItem {
        if self.is_pickled {
            if matches!(model, ModelRef::Hub(_)) {
                // Most repositories have both, and a download takes the others.
                self.missing.push("weights as .safetensors (there are only pickled ones)".to_owned());
            } else {
                self.unopenable.get_or_insert_with(|| PICKLED.to_owned());
            }
        }
        let state = if !self.flaws.is_empty() {
            ItemState::Broken { why: self.flaws.join("; ") }
        } else if let Some(why) = self.unopenable {
            ItemState::NotOpenable { why }
        } else if !self.missing.is_empty() {
            ItemState::Partial { missing: self.missing }
        } else {
            ItemState::Whole
        };
        LibraryItem {
            kind: FileKind::Checkpoint,
            architecture: self.architecture,
            precisions: self.precisions,
            bytes: self.bytes,
            path: Some(path.to_owned()),
            modified: modified(path),
            files: self.files,
            damaged: self.damaged,
            model: Some(model),
            name,
            app,
            state,
        }
    }
}

/// Reads the header of one of its files.
fn header_of(source: &FileTree, file: &str) -> Result<WeightHeader, Flaw> {
    match source {
        FileTree::Folder(root) => read_path(&root.join(file)),
        FileTree::Bundled => match source.open(file).ok().flatten() {
            Some(file) => read_header(&file).map_err(|error| Flaw::Unreadable(error.to_string())),
            None => Err(Flaw::Missing),
        },
    }
}

/// Returns where one of its files lies, links followed; `None` for what is built in.
fn real(source: &FileTree, file: &str) -> Option<PathBuf> {
    match source {
        FileTree::Folder(root) => fs::canonicalize(root.join(file)).ok(),
        FileTree::Bundled => None,
    }
}
