//! The small files of a diffusers folder, made from those that were published for an architecture.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::base::error::Result;
use crate::storage::checkpoint::family::{SingleFileRules, WordTable};
use crate::storage::checkpoint::file_tree::FileTree;
use crate::storage::checkpoint::files::read_json;
use crate::storage::checkpoint::weight_files::Weights;

const SCHEDULER: &str = "scheduler/scheduler_config.json";

/// Returns where the config of a component with weights is.
pub(crate) fn path(component: &str) -> String {
    format!("{component}/config.json")
}

/// The files of an architecture on their way to those of one model.
pub(super) struct MadeFiles {
    files: Map<String, Value>,
    /// Those that lie beside the model: they stay as they are.
    given: BTreeSet<String>,
}

impl MadeFiles {
    /// Returns an architecture's files, but for those that lie beside the model.
    ///
    /// # Errors
    /// One of those is broken.
    pub(crate) fn new(template: Map<String, Value>, beside: Option<&FileTree>) -> Result<Self> {
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
    pub(super) fn complete(&mut self, component: &str, weights: &Weights, rules: &SingleFileRules) {
        if let Some(config) = self.config(&path(component)) {
            (rules.complete)(component, weights, config);
        }
    }

    /// Tells the text encoder and the tokenizer of words whose rows come behind the vocabulary.
    pub(crate) fn learn(
        &mut self,
        table: &WordTable,
        words: &BTreeMap<String, (usize, usize)>,
        vocabulary: usize,
        rows: usize,
    ) {
        if let Some(config) = self.files.get_mut(&path(table.component)).and_then(Value::as_object_mut) {
            config.insert("learned_tokens".to_owned(), json!(rows));
        }
        let words: BTreeMap<_, _> =
            words.iter().map(|(word, (first, count))| (word, (vocabulary + first, count))).collect();
        self.files.insert(format!("{}/learned_words.json", table.tokenizer), json!(words));
    }

    pub(crate) fn predict_velocity(&mut self) {
        self.set_scheduler("prediction_type", json!("v_prediction"));
    }

    pub(crate) fn set_scheduler(&mut self, key: &str, value: Value) {
        if let Some(config) = self.config(SCHEDULER) {
            config.insert(key.to_owned(), value);
        }
    }

    /// Returns a config that may be changed.
    pub(crate) fn config(&mut self, path: &str) -> Option<&mut Map<String, Value>> {
        let config = self.files.get_mut(path).filter(|_| !self.given.contains(path));
        config.and_then(Value::as_object_mut)
    }

    pub(crate) fn into_bytes(self) -> BTreeMap<String, Bytes> {
        self.files.into_iter().map(|(path, content)| (path, Bytes::from(content.to_string()))).collect()
    }
}
