//! A single file as a [`Source`](super::source::Source): its tensors under the names that a diffusers folder has, and the
//! small files of such a folder made from what is known of the file's family.
//!
//! As Diffusers' `from_single_file` does it (`loaders/single_file.py`), with what other programs add: a VAE beside the file
//! (`name.vae.safetensors`) and a config in its authors' format (`name.yaml`), both as A1111 knows them. What neither the
//! file nor its family tells may lie in a folder of the file's name beside it: configs, as `from_single_file(config=..)`
//! takes them, and whole components that the file lacks. Words of textual inversion are read from `embeddings`.
//! Limits: Stable Diffusion 1 and 2 and their variants, as safetensors or GGUF. There is no safety checker.

mod configs;
mod embeddings;
mod original_config;
mod prediction;
mod vae_file;

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;

use super::family::{Identified, Kind, Layout, identify};
use super::files::Files;
use super::ldm::shapes::Shapes;
use super::ldm::{Names, Part, UNET, averaged, stray};
use super::source::Source;
use super::weight_files::{Variant, Weights};
use crate::base::error::{Error, Result};
use crate::base::model_ref;
use crate::storage::weights::{Header, SourceFile, Stored, read_header};
use embeddings::Embeddings;
use original_config::OriginalConfig;
pub(crate) use vae_file::open as open_vae;

/// As many averaged tensors as Diffusers asks for before it believes in them (`convert_ldm_unet_checkpoint`).
const ENOUGH_AVERAGED: usize = 100;

/// A single file, opened: its header is read, its weights not.
pub(crate) struct SingleFile {
    place: String,
    /// The small files of a diffusers folder by their paths in it.
    files: BTreeMap<String, Bytes>,
    components: BTreeMap<&'static str, Weights>,
    /// A folder of the file's name beside it.
    beside: Option<Source>,
}

impl SingleFile {
    /// Opens a file, with another VAE than its own if one is named, and with the averaged weights if they are asked for.
    ///
    /// # Errors
    /// There is no such file, or it is damaged; it is no model, or one that isn't built here; a component
    /// is missing; what lies beside it is broken.
    pub(crate) fn read(path: &Path, vae: Option<&Path>, use_averaged: bool) -> Result<Self> {
        model_ref::check_file(path)?;
        let header = read_header(&SourceFile::on_disk(path)?)?;
        let identified = identify(header.shapes());
        check(&identified, &header, path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut components = split(&header, &name, use_averaged, path)?;

        let vae_beside = path.with_extension("vae.safetensors");
        if let Some(path) = vae.or_else(|| vae_beside.is_file().then_some(vae_beside.as_path())) {
            components.insert("vae", open_vae(path)?);
        }
        let folder = path.with_extension("");
        let beside = (folder.is_dir() && folder != path).then(|| Source::Folder(folder));
        let original = OriginalConfig::beside(path)?;
        let velocity = prediction::is_velocity(&identified, &header, original.as_ref(), components.get("unet"));
        let template = configs::template(identified.family, velocity)?;
        for component in ["unet", "text_encoder", "vae", "depth_estimator"] {
            let is_wanted = template.contains_key(&configs::path(component));
            if is_wanted && !components.contains_key(component) {
                let beside = beside.as_ref().filter(|beside| !beside.names(component).is_empty());
                let beside = beside.ok_or_else(|| missing(component, path))?;
                components.insert(component, Weights::open(beside, component, component, Variant::Full)?);
            }
        }
        let mut files = configs::Files::new(template, beside.as_ref())?;
        for (component, weights) in &components {
            let shapes = weights.tensors.iter().map(|(key, stored)| (key.as_str(), stored.shape.as_slice()));
            files.complete(component, &Shapes::new(shapes));
        }
        if let Some(text_encoder) = components.get_mut("text_encoder") {
            learn(text_encoder, &mut files, path);
        }
        if let Some(original) = &original {
            original.apply(&mut files);
        }
        if velocity {
            files.predict_velocity();
        }
        Ok(Self { place: path.display().to_string(), files: files.into_bytes(), components, beside })
    }

    /// The weights of a component.
    pub(crate) fn weights(&self, component: &str) -> Result<Weights> {
        match (self.components.get(component), &self.beside) {
            (Some(weights), _) => Ok(weights.clone()),
            (None, Some(beside)) => Weights::open(beside, component, component, Variant::Full),
            (None, None) => Err(missing(component, Path::new(&self.place))),
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
        Ok(beside.or_else(|| configs::vocabulary(path).map(made)))
    }

    fn locate(&self, path: &str) -> String {
        format!("{}:{path}", self.place)
    }
}

/// A file's tensors by component, under Diffusers' names.
fn split(header: &Header, file: &str, use_averaged: bool, path: &Path) -> Result<BTreeMap<&'static str, Weights>> {
    let names = Names::of(header.tensors.iter().map(|(key, _)| key.as_str()));
    let stored: BTreeMap<&str, &Stored> = header.tensors.iter().map(|(key, stored)| (key.as_str(), stored)).collect();
    if use_averaged && stored.keys().filter(|key| key.starts_with("model_ema.")).count() <= ENOUGH_AVERAGED {
        return Err(Error::new(format!("this file has no averaged (EMA) weights: {}", path.display())));
    }
    let mut components: BTreeMap<&'static str, Weights> = BTreeMap::new();
    let mut taken: BTreeMap<(&'static str, String), &str> = BTreeMap::new();
    for (key, stored_here) in &stored {
        let averaged = (use_averaged && key.starts_with(UNET)).then(|| averaged(key)).flatten();
        let stored = match &averaged {
            Some(averaged) => stored
                .get(averaged.as_str())
                .ok_or_else(|| Error::new(format!("the averaged (EMA) weights lack {averaged}: {}", path.display())))?,
            None => stored_here,
        };
        for place in names.places(key) {
            let part = match place.part {
                Part::Whole => Some((*stored).clone()),
                Part::Third(index) => stored.third(index),
            };
            // What can't be split is missed when the component is loaded, by name.
            let Some(part) = part else { continue };
            if let Some(other) = taken.insert((place.component, place.key.clone()), key) {
                return Err(Error::new(format!("{other} and {key} are the same parameter: {}", path.display())));
            }
            let weights = components
                .entry(place.component)
                .or_insert_with(|| Weights { tensors: BTreeMap::new(), files: vec![file.to_owned()] });
            weights.tensors.insert(place.key, part);
        }
    }
    // What nothing reads stays under its own name, so that it can be shown.
    for (key, stored) in stored {
        if names.places(key).is_empty()
            && let Some(weights) = stray(key).and_then(|component| components.get_mut(component))
        {
            weights.tensors.insert(key.to_owned(), stored.clone());
        }
    }
    Ok(components)
}

/// Teaches a text encoder the words that lie beside a model.
fn learn(text_encoder: &mut Weights, files: &mut configs::Files, path: &Path) {
    let table = text_encoder.tensors.iter().find(|(key, _)| key.ends_with("embeddings.token_embedding.weight"));
    let Some([vocabulary, width]) = table.and_then(|(_, stored)| stored.shape.first_chunk()).copied() else { return };
    let Embeddings { words, rows } = Embeddings::beside(path, width);
    if words.is_empty() {
        return;
    }
    files.learn(&words, vocabulary, rows.len());
    let place = path.with_file_name("embeddings").display().to_string();
    let key = "text_model.embeddings.learned_embedding.weight".to_owned();
    text_encoder.tensors.insert(key, Stored::made(&rows, width, place));
}

/// Refuses what can't be opened, and says what it is.
fn check(identified: &Identified, header: &Header, path: &Path) -> Result<()> {
    let shown = path.display();
    let is_model = matches!(identified.kind, Kind::Checkpoint | Kind::Unet);
    if !is_model {
        let advice = match identified.kind {
            Kind::Vae => "Name it like the model that it is for, ending in .vae.safetensors, and put it beside that",
            Kind::Lora | Kind::Embedding | Kind::ControlNet | Kind::Adapter | Kind::MotionModule => {
                "It goes with a model: choose the model itself"
            }
            _ => "A model has the network that draws, a text encoder and a VAE",
        };
        return Err(Error::new(format!("this file is no model but {identified}: {shown}")).advise(advice));
    }
    if identified.layout == Layout::Diffusers {
        return Err(Error::new(format!("this file is one component of a model in diffusers format: {shown}"))
            .advise("Choose the folder that has the model_index.json"));
    }
    if !identified.family.is_known_here() {
        return Err(Error::new(format!("can't open {identified}: {shown}"))
            .advise("Only Stable Diffusion 1 and 2 can be opened, and their variants for inpainting and depth"));
    }
    // ComfyUI's weights of 8 bits, each tensor with a factor of its own.
    if let Some((key, _)) = header.tensors.iter().find(|(key, _)| is_scaled(key)) {
        return Err(Error::new(format!("can't use weights with a factor beside them ({key}): {shown}"))
            .advise("Take the model's f16 or plain fp8 file"));
    }
    Ok(())
}

/// Whether a tensor is a factor of weights of 8 bits, as ComfyUI and bitsandbytes store them.
pub(crate) fn is_scaled(key: &str) -> bool {
    key == "scaled_fp8" || key.ends_with(".scale_weight") || key.ends_with(".weight_scale")
}

/// What is said of a file without a component.
fn missing(component: &str, path: &Path) -> Error {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let (what, place) = match component {
        "vae" => ("VAE", format!("Put one beside it as {stem}.vae.safetensors, or take the whole model")),
        "text_encoder" => (
            "text encoder",
            format!("Put one beside it as {stem}/text_encoder/model.safetensors, or take the whole model"),
        ),
        "depth_estimator" => (
            "depth estimator",
            format!("Put one beside it as {stem}/depth_estimator/model.safetensors, or take the whole model"),
        ),
        other => (other, "Take the whole model".to_owned()),
    };
    Error::new(format!("this file has no {what}: {}", path.display())).advise(place)
}
