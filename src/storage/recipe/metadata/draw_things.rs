//! Draw Things' metadata: a JSON object in the XMP packet's user comment, in EXIF's, or in a PNG's text.
//!
//! Limits: of `v2`, which repeats the settings in other words and has more, only the clip skip is read.

use serde_json::Value;

use super::imported::{Imported, SourceApp};
use super::json::{self, Object};
use super::texts::Texts;
use crate::base::error::Result;
use crate::content::imaging::xmp;
use crate::content::request::Field;

/// The seed mode that draws the noise that we draw.
const TORCH_ON_CPU: &str = "torchcpucompatible";

impl SourceApp {
    /// Draw Things.
    pub const DRAW_THINGS: Self = Self::new("Draw Things");
}

pub(super) fn read(texts: &Texts) -> Option<Result<Imported>> {
    let packet = texts.get(xmp::KEYWORD).and_then(xmp::user_comment);
    let places = packet.as_deref().into_iter().chain(texts.places());
    places.filter_map(json::object).find(is_ours).map(|fields| Ok(imported(&fields)))
}

/// Whether an object is what Draw Things writes: `c` is its name for the prompt.
fn is_ours(fields: &Object) -> bool {
    fields.contains_key("c") && (fields.contains_key("sampler") || fields.contains_key("uc"))
}

fn imported(fields: &Object) -> Imported {
    let text = |key: &str| json::scalar(fields.get(key));
    let mut imported = Imported::new(SourceApp::DRAW_THINGS);
    imported.set_prompt(text("c"));
    imported.set_negative_prompt(text("uc"));
    imported.set(Field::Steps, text("steps"));
    imported.set(Field::GuidanceScale, text("scale"));
    imported.set_sampler(text("sampler"), None);
    imported.set(Field::Seed, text("seed"));
    imported.set_size_from(text("size"));
    imported.model = text("model");
    let mode = text("seed_mode").unwrap_or_default();
    let mode: String = mode.chars().filter(|c| c.is_alphanumeric()).collect();
    if mode.to_lowercase() != TORCH_ON_CPU && imported.patch.has.contains(Field::Seed) {
        imported.note("The same seed gave other noise there, so the picture will differ");
    }
    let clip_skip = json::scalar(fields.get("v2").and_then(|more| more.get("clipSkip")));
    imported.note_clip_skip(clip_skip.as_deref());
    let loras: Vec<String> = json::list(fields.get("lora"))
        .iter()
        .filter_map(|lora| json::scalar(lora.get("model").or_else(|| lora.get("file"))))
        .collect();
    if !loras.is_empty() {
        imported.note_unused("LoRAs", &loras);
    }
    if !json::list(fields.get("control")).is_empty() {
        imported.note_unused("ControlNets", &[]);
    }
    if fields.get("hires_fix") == Some(&Value::Bool(true)) {
        imported.note_unused("Second passes at a larger size (hires fix)", &[]);
    }
    if let Some(refiner) = text("refiner").filter(|refiner| !refiner.is_empty()) {
        imported.note_unused("Refiners", &[refiner]);
    }
    // A strength of 1 starts from noise alone.
    if text("strength").and_then(|strength| strength.parse::<f64>().ok()).is_some_and(|strength| strength < 1.0) {
        imported.note_image_to_image(text("strength"));
    }
    imported.note_prompt_syntax();
    imported
}
