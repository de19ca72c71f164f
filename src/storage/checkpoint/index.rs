//! The vocabulary of a `model_index.json`: components and their classes, and which files belong to a class.

use serde_json::{Map, Value};

use super::family::{Families, FamilyRow, PipelineClass};
use super::files::{Files, is_plain_name, read_json};
use crate::base::error::{Error, Result};

/// Returns the pipeline of a class, with its family. `model` names the model in messages.
///
/// # Errors
/// It can't be opened.
pub(crate) fn pipeline(
    families: Families,
    class: &str,
    model: &str,
) -> Result<(&'static FamilyRow, &'static PipelineClass)> {
    families.pipeline(class).ok_or_else(|| {
        let known = families.pipelines().map(|pipeline| pipeline.name).collect::<Vec<_>>().join(", ");
        let what = if class.is_empty() { "a model of no named class" } else { class };
        Error::new(format!("can't open {what}: {model}")).advise(format!("Known pipelines are {known}"))
    })
}

/// Says why a component of a family's pipeline can't be of a class.
///
/// # Errors
/// The class is another than those that the component may have.
pub(crate) fn check_class(family: &FamilyRow, name: &str, class: &str, place: &str) -> Result<()> {
    match family.component(name).map(|component| component.classes) {
        Some(known) if !known.is_empty() && !known.contains(&class) => {
            Err(Error::new(format!("can't use a {name} of class {class}: {place}"))
                .advise(format!("Only {} is known here", known.join(" or "))))
        }
        _ => Ok(()),
    }
}

/// A component that an index names.
#[derive(Clone, Copy)]
pub(crate) struct NamedComponent<'a> {
    pub(crate) name: &'a str,
    /// The Python package of its class.
    pub(crate) library: &'a str,
    pub(crate) class: &'a str,
    /// Whether the model can't do without it.
    pub(crate) is_required: bool,
}

/// Returns the components that an index names and its pipeline makes use of, in the index's order; of an unknown pipeline all.
/// What else stands in an index is passed over, as in Diffusers: converters leave entries that no pipeline knows.
///
/// # Errors
/// An entry leads out of the model's folder; `place` names the index in the message.
pub(crate) fn named_components<'a>(
    index: &'a Map<String, Value>,
    pipeline: Option<&PipelineClass>,
    place: &str,
) -> Result<Vec<NamedComponent<'a>>> {
    let mut found = Vec::new();
    for (name, value) in index {
        let Some((library, class)) = library_and_class(value) else { continue };
        if !is_plain_name(name) {
            return Err(Error::new(format!("a component can't be called {name:?}: {place}")));
        }
        let is_among = |names: &[&str]| names.contains(&name.as_str());
        let is_required = pipeline.is_none_or(|pipeline| is_among(pipeline.required));
        if is_required || pipeline.is_some_and(|pipeline| is_among(pipeline.optional)) {
            found.push(NamedComponent { name, library, class, is_required });
        }
    }
    Ok(found)
}

/// `["diffusers", "AutoencoderKL"]`; `None` for what is no component, and for an absent one (`[null, null]`).
fn library_and_class(value: &Value) -> Option<(&str, &str)> {
    match value.as_array()?.as_slice() {
        [library, class] => Some((library.as_str()?, class.as_str()?)),
        _ => None,
    }
}

/// Returns the name that Diffusers and transformers give to a class's config file.
pub(crate) fn config_file(class: &str) -> &'static str {
    if is_scheduler(class) {
        "scheduler_config.json"
    } else if class.contains("Tokenizer") {
        "tokenizer_config.json"
    } else if class.contains("Processor") || class.contains("FeatureExtractor") {
        "preprocessor_config.json"
    } else {
        "config.json"
    }
}

/// Returns whether a class is that of a sampler.
pub(super) fn is_scheduler(class: &str) -> bool {
    class.ends_with("Scheduler")
}

/// Returns whether a class has weights at all.
pub(crate) fn has_weights(class: &str) -> bool {
    config_file(class) == "config.json"
}

/// Returns the config of a class beside the index; `None` if there is none, or one of another class. A scheduler's is known by its
/// file's name, whatever class it was written for.
///
/// # Errors
/// The config is broken.
pub(crate) fn beside_index(files: &impl Files, class: &str) -> Result<Option<Map<String, Value>>> {
    let config = read_json(files, config_file(class))?;
    let is_of_class = |config: &Map<String, Value>| config.get("_class_name").and_then(Value::as_str) == Some(class);
    Ok(config.filter(|config| is_scheduler(class) || is_of_class(config)))
}
