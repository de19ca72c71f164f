//! The vocabulary of a `model_index.json`: pipelines, components and their classes, and which files belong to a class.

use serde_json::{Map, Value};

use super::files::{Files, read_json};
use crate::base::error::{Error, Result};
use crate::base::model_ref::ModelRef;

/// The pipelines that can be opened, each with the components it can't do without.
pub(crate) const PIPELINES: [(&str, &[&str]); 6] = [
    ("StableDiffusionPipeline", &TEXT_TO_IMAGE),
    ("StableDiffusionImg2ImgPipeline", &TEXT_TO_IMAGE),
    ("StableDiffusionInpaintPipeline", &TEXT_TO_IMAGE),
    ("StableDiffusionDepth2ImgPipeline", &["text_encoder", "tokenizer", "unet", "vae", "scheduler", "depth_estimator"]),
    ("DDPMPipeline", &UNCONDITIONAL),
    ("DDIMPipeline", &UNCONDITIONAL),
];
const UNCONDITIONAL: [&str; 2] = ["unet", "scheduler"];
const TEXT_TO_IMAGE: [&str; 5] = ["text_encoder", "tokenizer", "unet", "vae", "scheduler"];

/// The classes that a component may have. Schedulers aren't listed: there are many, and they know themselves.
const CLASSES: [(&str, &[&str]); 6] = [
    ("text_encoder", &["CLIPTextModel"]),
    ("tokenizer", &["CLIPTokenizer", "CLIPTokenizerFast"]),
    ("unet", &["UNet2DConditionModel", "UNet2DModel"]),
    ("vae", &["AutoencoderKL"]),
    ("safety_checker", &["StableDiffusionSafetyChecker"]),
    ("depth_estimator", &["DPTForDepthEstimation"]),
];

/// Says why a component can't be of a class.
pub(crate) fn check_class(name: &str, class: &str, place: &str) -> Result<()> {
    match CLASSES.iter().find(|(component, _)| *component == name) {
        Some((_, known)) if !known.contains(&class) => {
            Err(Error::new(format!("can't use a {name} of class {class}: {place}"))
                .advise(format!("Only {} is known here", known.join(" or "))))
        }
        _ => Ok(()),
    }
}

/// The components that a pipeline class needs.
pub(crate) fn required_components(class_name: &str, model: &ModelRef) -> Result<&'static [&'static str]> {
    let found = PIPELINES.iter().find(|(known, _)| *known == class_name).map(|(_, required)| *required);
    found.ok_or_else(|| {
        let known = PIPELINES.map(|(known, _)| known).join(", ");
        let what = if class_name.is_empty() { "a model of no named class" } else { class_name };
        Error::new(format!("can't open {what}: {model}")).advise(format!("Known pipelines are {known}"))
    })
}

/// `["diffusers", "AutoencoderKL"]`; `None` for what is no component, and for an absent one (`[null, null]`).
pub(crate) fn library_and_class(value: &Value) -> Option<(&str, &str)> {
    match value.as_array()?.as_slice() {
        [library, class] => Some((library.as_str()?, class.as_str()?)),
        _ => None,
    }
}

/// The name that Diffusers and transformers give to a class's config file.
pub(crate) fn config_file(class: &str) -> &'static str {
    if class.ends_with("Scheduler") {
        "scheduler_config.json"
    } else if class.contains("Tokenizer") {
        "tokenizer_config.json"
    } else if class.contains("Processor") || class.contains("FeatureExtractor") {
        "preprocessor_config.json"
    } else {
        "config.json"
    }
}

/// The config of a class beside the index; `None` if there is none, or one of another class.
pub(crate) fn beside_index(files: &impl Files, class: &str) -> Result<Option<Map<String, Value>>> {
    let config = read_json(files, config_file(class))?;
    Ok(config.filter(|config| config.get("_class_name").and_then(Value::as_str) == Some(class)))
}

/// Whether a class has weights at all.
pub(crate) fn has_weights(class: &str) -> bool {
    config_file(class) == "config.json"
}
