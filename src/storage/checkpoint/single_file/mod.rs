//! A single file as a [`FileTree`](super::file_tree::FileTree): its tensors under the names that a diffusers folder has, and the
//! small files of such a folder made from what is known of the file's family.
//!
//! As Diffusers' `from_single_file` does it (`loaders/single_file.py`), with what other programs add: a VAE beside the file
//! (`name.vae.safetensors`) and a config in its authors' format (`name.yaml`), both as A1111 knows them. What neither the
//! file nor its family tells may lie in a folder of the file's name beside it: configs, as `from_single_file(config=..)`
//! takes them, and whole components that the file lacks. Words of textual inversion are read from `embeddings`.
//! Limits: safetensors and GGUF. There is no safety checker.

mod configs;
mod embeddings;
mod original_config;
mod prediction;
mod vae_file;

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::family::{
    Architecture, Families, FamilyRow, FileKind, Identified, KeyLayout, SingleFileRules, Slice, WordTable,
};
use super::file_tree::FileTree;
use super::files::Files;
use super::options::CheckpointOptions;
use super::weight_files::{Variant, Weights};
use crate::base::error::{Error, Result};
use crate::base::model_ref;
use crate::storage::weights::{SourceFile, StoredTensor, WeightHeader, read_header};
use configs::MadeFiles;
use embeddings::WordEmbeddings;
use original_config::OriginalConfig;
pub(super) use vae_file::open as open_vae;

/// As many averaged tensors as Diffusers asks for before it believes in them (`convert_ldm_unet_checkpoint`).
const ENOUGH_AVERAGED: usize = 100;

/// A single file, opened: its header is read, its weights not.
pub(super) struct SingleFile {
    place: String,
    family: &'static FamilyRow,
    rules: &'static SingleFileRules,
    /// The small files of a diffusers folder by their paths in it.
    files: BTreeMap<String, Bytes>,
    components: BTreeMap<&'static str, Weights>,
    /// A folder of the file's name beside it.
    beside: Option<FileTree>,
    /// Which files beside it are left out, and why.
    pub(super) notes: Vec<String>,
}

impl SingleFile {
    /// Opens a file, with another VAE than its own if one is named, and with the averaged weights if they are asked for.
    ///
    /// # Errors
    /// There is no such file, or it is damaged; it is no model, or one that isn't built here; a component
    /// is missing; what lies beside it is broken.
    pub(super) fn read(path: &Path, families: Families, options: &CheckpointOptions) -> Result<Self> {
        model_ref::check_file(path)?;
        let header = read_header(&SourceFile::on_disk(path)?)?;
        let identified = families.identify(header.shapes());
        let (architecture, family, rules) = check(&identified, &header, families, path)?;
        let mut components = split(&header, rules, options.use_averaged, path)?;

        let vae_beside = path.with_extension("vae.safetensors");
        if let Some(path) = options.vae.as_deref().or_else(|| vae_beside.is_file().then_some(vae_beside.as_path())) {
            components.insert("vae", open_vae(path, families, rules)?);
        }
        let folder = path.with_extension("");
        let beside = (folder.is_dir() && folder != path).then_some(FileTree::Folder(folder));
        let original = OriginalConfig::beside(path)?;
        let no_configs = || Error::new(format!("there are no configs for {architecture}"));
        let configs = architecture.configs.as_ref().ok_or_else(no_configs)?;
        let velocity = prediction::is_velocity(configs, &header, original.as_ref(), components.get("unet"));
        let template: Map<String, Value> = serde_json::from_str(configs.of(velocity))
            .map_err(|error| Error::new(format!("the configs for {architecture}")).caused_by(error))?;
        for component in family.components {
            let is_wanted = template.contains_key(&configs::path(component.id));
            if is_wanted && !components.contains_key(component.id) {
                let beside = beside.as_ref().filter(|beside| !beside.names(component.id).is_empty());
                let beside = beside.ok_or_else(|| missing(family, component.id, path))?;
                components.insert(component.id, Weights::open(beside, component.id, component.id, Variant::Full)?);
            }
        }
        let mut files = MadeFiles::new(template, beside.as_ref())?;
        for (component, weights) in &components {
            files.complete(component, weights, rules);
        }
        let mut notes = Vec::new();
        if let Some(table) = &rules.words
            && let Some(text_encoder) = components.get_mut(table.component)
        {
            notes = learn(table, text_encoder, &mut files, path, families);
        }
        if let Some(original) = &original {
            original.apply(&mut files);
        }
        if velocity {
            files.predict_velocity();
        }
        Ok(Self {
            place: path.display().to_string(),
            family,
            rules,
            files: files.into_bytes(),
            components,
            beside,
            notes,
        })
    }

    /// Returns the weights of a component.
    ///
    /// # Errors
    /// It is neither in the file nor beside it, or damaged.
    pub(super) fn weights(&self, component: &str) -> Result<Weights> {
        match (self.components.get(component), &self.beside) {
            (Some(weights), _) => Ok(weights.clone()),
            (None, Some(beside)) => Weights::open(beside, component, component, Variant::Full),
            (None, None) => Err(missing(self.family, component, Path::new(&self.place))),
        }
    }
}

impl Files for SingleFile {
    /// Opens a small file: one that was made, or else one that lies in the folder beside.
    fn open(&self, path: &str) -> Result<Option<SourceFile>> {
        let made = |content| SourceFile::made(content, self.locate(path));
        if let Some(content) = self.files.get(path) {
            return Ok(Some(made(content.clone())));
        }
        let beside = self.beside.as_ref().map(|beside| beside.open(path)).transpose()?.flatten();
        let built_in = || self.rules.built_in.iter().find(|(name, _)| *name == path);
        Ok(beside.or_else(|| built_in().map(|(_, content)| SourceFile::built_in(content, self.locate(path)))))
    }

    fn locate(&self, path: &str) -> String {
        format!("{}:{path}", self.place)
    }
}

/// Splits a file's tensors by component, under Diffusers' names.
fn split(
    header: &WeightHeader,
    rules: &SingleFileRules,
    use_averaged: bool,
    path: &Path,
) -> Result<BTreeMap<&'static str, Weights>> {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let names = (rules.key_map)(&header.names());
    let stored: BTreeMap<&str, &StoredTensor> =
        header.tensors.iter().map(|(key, stored)| (key.as_str(), stored)).collect();
    if use_averaged && stored.keys().filter(|key| key.starts_with("model_ema.")).count() <= ENOUGH_AVERAGED {
        return Err(Error::new(format!("this file has no averaged (EMA) weights: {}", path.display())));
    }
    let mut components: BTreeMap<&'static str, Weights> = BTreeMap::new();
    let mut taken: BTreeMap<(&'static str, String), &str> = BTreeMap::new();
    for (key, stored_here) in &stored {
        let averaged = if use_averaged { names.averaged(key) } else { None };
        let stored = match &averaged {
            Some(averaged) => stored
                .get(averaged.as_str())
                .ok_or_else(|| Error::new(format!("the averaged (EMA) weights lack {averaged}: {}", path.display())))?,
            None => stored_here,
        };
        for place in names.destinations(key) {
            let slice = match place.slice {
                Slice::Whole => Some((*stored).clone()),
                Slice::Third(index) => stored.third(index),
            };
            // What can't be split is missed when the component is loaded, by name.
            let Some(slice) = slice else { continue };
            if let Some(other) = taken.insert((place.component, place.key.clone()), key) {
                return Err(Error::new(format!("{other} and {key} are the same parameter: {}", path.display())));
            }
            let weights = components
                .entry(place.component)
                .or_insert_with(|| Weights { tensors: BTreeMap::new(), files: vec![file.clone().into_owned()] });
            weights.tensors.insert(place.key, slice);
        }
    }
    // What nothing reads stays under its own name, so that it can be shown.
    for (key, stored) in stored {
        if names.destinations(key).is_empty()
            && let Some(weights) = names.stray(key).and_then(|component| components.get_mut(component))
        {
            weights.tensors.insert(key.to_owned(), stored.clone());
        }
    }
    Ok(components)
}

/// Teaches a text encoder the words that lie beside a model. Returns notes on those that are left out.
fn learn(
    table: &WordTable,
    text_encoder: &mut Weights,
    files: &mut MadeFiles,
    path: &Path,
    families: Families,
) -> Vec<String> {
    let vocabulary = text_encoder.tensors.iter().find(|(key, _)| key.ends_with(table.vocabulary));
    let Some([count, width]) = vocabulary.and_then(|(_, stored)| stored.shape.first_chunk()).copied() else {
        return Vec::new();
    };
    let WordEmbeddings { words, rows, notes } = WordEmbeddings::beside(path, width, families);
    if words.is_empty() {
        return notes;
    }
    files.learn(table, &words, count, rows.len());
    let place = path.with_file_name("embeddings").display().to_string();
    text_encoder.tensors.insert(table.learned.to_owned(), StoredTensor::made(&rows, width, place));
    notes
}

/// An architecture that can be opened, with its family and the rules of that.
type Openable = (&'static Architecture, &'static FamilyRow, &'static SingleFileRules);

/// Refuses what can't be opened, and says what it is.
fn check(identified: &Identified, header: &WeightHeader, families: Families, path: &Path) -> Result<Openable> {
    let shown = path.display();
    let is_model = matches!(identified.kind, FileKind::Checkpoint | FileKind::Unet);
    if !is_model {
        let advice = match identified.kind {
            FileKind::Vae => {
                "Name it like the model that it is for, ending in .vae.safetensors, and put it beside that"
            }
            FileKind::Lora
            | FileKind::Embedding
            | FileKind::ControlNet
            | FileKind::Adapter
            | FileKind::MotionModule => "It goes with a model: choose the model itself",
            _ => "A model has the network that draws, a text encoder and a VAE",
        };
        return Err(Error::new(format!("this file is no model but {identified}: {shown}")).advise(advice));
    }
    if identified.layout == KeyLayout::Diffusers {
        return Err(Error::new(format!("this file is one component of a model in diffusers format: {shown}"))
            .advise("Choose the folder that has the model_index.json"));
    }
    let architecture = identified.architecture.filter(|architecture| architecture.is_openable());
    let opened = architecture.and_then(|architecture| {
        let family = families.family_of(architecture)?;
        Some((architecture, family, family.single_file.as_ref()?))
    });
    let refused =
        || Error::new(format!("can't open {identified}: {shown}")).advise(format!("Only {}", families.openable()));
    let opened = opened.ok_or_else(refused)?;
    // ComfyUI's weights of 8 bits, each tensor with a factor of its own.
    if let Some((key, _)) = header.tensors.iter().find(|(key, _)| is_scaled(key)) {
        return Err(Error::new(format!("can't use weights with a factor beside them ({key}): {shown}"))
            .advise("Take the model's f16 or plain fp8 file"));
    }
    Ok(opened)
}

/// Returns whether a tensor is a factor of weights of 8 bits, as ComfyUI and bitsandbytes store them.
pub(crate) fn is_scaled(key: &str) -> bool {
    key == "scaled_fp8" || key.ends_with(".scale_weight") || key.ends_with(".weight_scale")
}

/// Says what is wrong with a file without a component.
fn missing(family: &FamilyRow, component: &str, path: &Path) -> Error {
    let spec = family.component(component);
    let label = spec.map_or(component, |spec| spec.label);
    let error = Error::new(format!("this file has no {label}: {}", path.display()));
    match spec.and_then(|spec| spec.place_beside(path)) {
        Some(place) => error.advise(format!("Put one beside it as {place}, or take the whole model")),
        None => error.advise("Take the whole model"),
    }
}
