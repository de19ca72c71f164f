//! The weight files of one component: which of a folder's files they are, and what their headers say.
//!
//! Limits: of the variants that Diffusers knows, the full-precision one and `fp16`.

use std::collections::{BTreeMap, BTreeSet};

use burn::tensor::DType;

use super::file_tree::FileTree;
use super::files::{Files, is_plain_name};
use crate::base::error::{Error, Result};
use crate::storage::weights::{StoredTensor, read_header};

/// The names that Diffusers and transformers give a component's weights, without variant and ending.
const STEMS: [&str; 2] = ["diffusion_pytorch_model", "model"];

/// Endings of pickled weights.
const PICKLES: [&str; 4] = [".bin", ".ckpt", ".pt", ".pth"];

/// Which precision to take where a folder holds both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// The one without a name of its own, mostly 32 bits a number.
    Full,
    /// 16 bits a number.
    Fp16,
}

impl Variant {
    /// Returns the one to take for a model that computes in `dtype`.
    pub(crate) fn of(dtype: DType) -> Self {
        if dtype == DType::F16 { Self::Fp16 } else { Self::Full }
    }
}

/// All tensors of a component, by the names its files give them.
#[derive(Clone)]
pub(crate) struct Weights {
    pub(crate) tensors: BTreeMap<String, StoredTensor>,
    /// The files, relative to the checkpoint.
    pub(crate) files: Vec<String>,
}

impl Weights {
    /// Maps a component's files, which lie in `folder`, and reads their headers.
    ///
    /// # Errors
    /// No weights, pickled weights only, a shard that is missing, or a file that isn't sound safetensors.
    pub(crate) fn open(source: &FileTree, component: &str, folder: &str, preferred: Variant) -> Result<Self> {
        let files = find_files(source, component, folder, preferred)?;
        let mut tensors = BTreeMap::new();
        for file in &files {
            let missing =
                || Error::new(format!("a part of the {component}'s weights is missing: {}", source.locate(file)));
            for (key, stored) in read_header(&source.open(file)?.ok_or_else(missing)?)?.tensors {
                if tensors.contains_key(&key) {
                    return Err(Error::new(format!("the tensor {key} is stored twice: {}", source.locate(file))));
                }
                tensors.insert(key, stored);
            }
        }
        Ok(Self { tensors, files })
    }
}

/// Where a folder has a component's weights.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum WeightFiles {
    /// In one file.
    Whole(String),
    /// In several, which an index names. Their names begin with the stem, and have the variant in them.
    Sharded { index: String, stem: &'static str, variant: &'static str },
    /// In pickles, which aren't opened.
    Pickled,
    /// Nowhere.
    Absent,
}

/// Which of the files in a component's folder hold its weights.
pub(crate) fn weight_files(names: &[String], preferred: Variant) -> WeightFiles {
    let variants = match preferred {
        Variant::Full => ["", ".fp16"],
        Variant::Fp16 => [".fp16", ""],
    };
    for variant in variants {
        for stem in STEMS {
            let whole = format!("{stem}{variant}.safetensors");
            if names.contains(&whole) {
                return WeightFiles::Whole(whole);
            }
            // Diffusers' `_add_variant` puts the variant before the last ending; it used to come earlier
            // (`pipeline_loading_utils.py`, `legacy_variant_index_re`).
            let indices =
                [format!("{stem}.safetensors.index{variant}.json"), format!("{stem}.safetensors{variant}.index.json")];
            if let Some(index) = indices.into_iter().find(|index| names.contains(index)) {
                return WeightFiles::Sharded { index, stem, variant };
            }
        }
    }
    let pickled = names.iter().any(|name| PICKLES.iter().any(|ending| name.ends_with(ending)));
    if pickled { WeightFiles::Pickled } else { WeightFiles::Absent }
}

/// Returns the files that hold a component's weights, relative to the checkpoint.
fn find_files(source: &FileTree, component: &str, folder: &str, preferred: Variant) -> Result<Vec<String>> {
    let place = source.locate(folder);
    match weight_files(&source.names(folder), preferred) {
        WeightFiles::Whole(file) => Ok(vec![inside(folder, &file)]),
        WeightFiles::Sharded { index, .. } => read_index(source, folder, &inside(folder, &index)),
        WeightFiles::Pickled => Err(Error::new(format!(
            "the {component}'s weights are pickled (.bin), which can run code when opened: {place}"
        ))
        .advise("Get the model's safetensors files, or convert it with Diffusers: pipe.save_pretrained(folder, safe_serialization=True)")),
        WeightFiles::Absent => Err(Error::new(format!("the {component} has no weights: {place}"))
            .advise("There should be a diffusion_pytorch_model.safetensors or model.safetensors")),
    }
}

/// Returns the path of a file in a folder; the model's own has no name.
pub(crate) fn inside(folder: &str, file: &str) -> String {
    if folder.is_empty() { file.to_owned() } else { format!("{folder}/{file}") }
}

/// Returns the files that a sharded checkpoint's index names.
pub(crate) fn read_index(source: &FileTree, folder: &str, path: &str) -> Result<Vec<String>> {
    #[derive(serde::Deserialize)]
    struct ShardIndex {
        weight_map: BTreeMap<String, String>,
    }
    let broken = |why: &str| Error::new(format!("this index of weight files {why}: {}", source.locate(path)));
    let text = source.read_text(path)?.unwrap_or_default();
    let index: ShardIndex = serde_json::from_str(&text).map_err(|error| broken("can't be read").caused_by(error))?;
    let names: BTreeSet<String> = index.weight_map.into_values().collect();
    if names.is_empty() {
        return Err(broken("names no files"));
    }
    if let Some(name) = names.iter().find(|name| !is_plain_name(name)) {
        return Err(broken(&format!("names a file outside its folder ({name})")));
    }
    Ok(names.into_iter().map(|name| inside(folder, &name)).collect())
}
