//! The small files of a diffusers folder for a family of models, as they are published: `assets/configs`, built into the
//! binary, one file a family.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::base::error::{Error, Result};
use crate::storage::checkpoint::family::Family;
use crate::storage::checkpoint::files::read_json;
use crate::storage::checkpoint::ldm::shapes::Shapes;
use crate::storage::checkpoint::source::Source;

/// The vocabulary of every CLIP text encoder.
const VOCABULARY: [(&str, &[u8]); 2] = [
    ("tokenizer/vocab.json", include_bytes!("../../../../assets/clip/vocab.json")),
    ("tokenizer/merges.txt", include_bytes!("../../../../assets/clip/merges.txt")),
];

const SCHEDULER: &str = "scheduler/scheduler_config.json";

/// The files of a family by their paths in a diffusers folder.
///
/// # Errors
/// None is kept for the family.
pub(crate) fn template(family: Family, velocity: bool) -> Result<Map<String, Value>> {
    let text = match family {
        Family::Sd1 => include_str!("../../../../assets/configs/stable-diffusion-1.json"),
        Family::Sd1Inpaint => include_str!("../../../../assets/configs/stable-diffusion-1-inpainting.json"),
        Family::Sd2 if velocity => include_str!("../../../../assets/configs/stable-diffusion-2.json"),
        Family::Sd2 => include_str!("../../../../assets/configs/stable-diffusion-2-base.json"),
        Family::Sd2Inpaint => include_str!("../../../../assets/configs/stable-diffusion-2-inpainting.json"),
        Family::Sd2Depth => include_str!("../../../../assets/configs/stable-diffusion-2-depth.json"),
        other => return Err(Error::new(format!("there are no configs for {other}"))),
    };
    serde_json::from_str(text).map_err(|error| Error::new(format!("the configs for {family}")).caused_by(error))
}

/// Where the config of a component with weights is.
pub(crate) fn path(component: &str) -> String {
    format!("{component}/config.json")
}

/// The files of a family on their way to those of one model.
pub(crate) struct Files {
    files: Map<String, Value>,
    /// Those that lie beside the model: they stay as they are.
    given: BTreeSet<String>,
}

impl Files {
    /// A family's files, but for those that lie beside the model.
    ///
    /// # Errors
    /// One of those is broken.
    pub(crate) fn new(template: Map<String, Value>, beside: Option<&Source>) -> Result<Self> {
        let mut files = Self { files: template, given: BTreeSet::new() };
        for (path, content) in &mut files.files {
            if let Some(beside) = beside
                && let Some(config) = read_json(beside, path)?
            {
                *content = Value::Object(config);
                files.given.insert(path.clone());
            }
        }
        Ok(files)
    }

    /// Brings a component's config to what its tensors are.
    pub(crate) fn complete(&mut self, component: &str, shapes: &Shapes<'_>) {
        if let Some(config) = self.config(&path(component)) {
            shapes.complete(component, config);
        }
    }

    /// Tells the text encoder and the tokenizer of words whose rows come behind the vocabulary.
    pub(crate) fn learn(&mut self, words: &BTreeMap<String, (usize, usize)>, vocabulary: usize, rows: usize) {
        if let Some(config) = self.files.get_mut(&path("text_encoder")).and_then(Value::as_object_mut) {
            config.insert("learned_tokens".to_owned(), json!(rows));
        }
        let words: BTreeMap<_, _> =
            words.iter().map(|(word, (first, count))| (word, (vocabulary + first, count))).collect();
        self.files.insert("tokenizer/learned_words.json".to_owned(), json!(words));
    }

    pub(crate) fn predict_velocity(&mut self) {
        self.set_scheduler("prediction_type", json!("v_prediction"));
    }

    pub(crate) fn set_scheduler(&mut self, key: &str, value: Value) {
        if let Some(config) = self.config(SCHEDULER) {
            config.insert(key.to_owned(), value);
        }
    }

    /// A config that may be changed.
    pub(crate) fn config(&mut self, path: &str) -> Option<&mut Map<String, Value>> {
        let config = self.files.get_mut(path).filter(|_| !self.given.contains(path));
        config.and_then(Value::as_object_mut)
    }

    pub(crate) fn into_bytes(self) -> BTreeMap<String, Bytes> {
        self.files.into_iter().map(|(path, content)| (path, Bytes::from(content.to_string()))).collect()
    }
}

/// A file of the vocabulary that every CLIP text encoder has.
pub(crate) fn vocabulary(path: &str) -> Option<Bytes> {
    let found = VOCABULARY.iter().find(|(name, _)| *name == path);
    found.map(|(_, content)| Bytes::from_static(content))
}
