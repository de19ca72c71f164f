//! Fooocus' metadata in its own scheme: a JSON object under `parameters` (`modules/meta_parser.py`).
//!
//! Its other scheme is AUTOMATIC1111's text and read there. Limits: the log-like objects of versions before 2.2, whose
//! keys are labels, are read as far as the keys are the same but for case and spaces.

use super::imported::{Imported, SourceApp};
use super::json::{self, Object};
use super::texts::Texts;
use crate::base::error::Result;
use crate::content::request::Field;

impl SourceApp {
    /// Fooocus.
    pub const FOOOCUS: Self = Self::new("Fooocus");
}

pub(super) fn read(texts: &Texts) -> Option<Result<Imported>> {
    let fields: Object = texts
        .places()
        .filter_map(json::object)
        .map(|object| object.into_iter().map(|(key, value)| (key.to_lowercase().replace(' ', "_"), value)).collect())
        .find(|fields: &Object| {
            ["base_model", "performance", "resolution"].iter().any(|key| fields.contains_key(*key))
        })?;
    let text = |key: &str| json::scalar(fields.get(key)).filter(|text| text != "None");
    let mut imported = Imported::new(SourceApp::FOOOCUS);
    imported.set_prompt(text("prompt"));
    imported.set_negative_prompt(text("negative_prompt"));
    imported.set(Field::Steps, text("steps"));
    imported.set(Field::GuidanceScale, text("guidance_scale"));
    imported.set_sampler(text("sampler"), text("scheduler").as_deref());
    imported.set(Field::Seed, text("seed"));
    if let Some(resolution) = text("resolution") {
        // Python's pair: `(1152, 896)`.
        let sides = resolution.replace(['(', ')', ' ', '\''], "").replace([',', '*'], "x");
        imported.set_size_from(Some(sides));
    }
    imported.model = text("base_model");
    if text("styles").is_some_and(|styles| !styles.trim_matches(['[', ']', ' ']).is_empty()) {
        imported.note_unused("Styles, which add words to the prompt,", &[text("styles").unwrap_or_default()]);
    }
    if text("refiner_model").is_some() {
        imported.note_unused("Refiners", &[]);
    }
    let loras: Vec<String> = fields
        .iter()
        .filter(|(key, _)| key.starts_with("lora_combined_"))
        .filter_map(|(_, value)| Some(value.as_str()?.split(" : ").find(|part| *part != "True")?.to_owned()))
        .collect();
    if !loras.is_empty() {
        imported.note_unused("LoRAs", &loras);
    }
    if json::positive(fields.get("sharpness")) {
        imported.note_unused("Fooocus' own sharpness", &[]);
    }
    imported.note_prompt_syntax();
    Some(Ok(imported))
}
