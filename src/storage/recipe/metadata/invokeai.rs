//! InvokeAI's metadata: one flat JSON object (`CoreMetadataInvocation` in its `invocations/metadata.py`).
//!
//! Limits: not its workflows and graphs, nor the `sd-metadata` and `Dream` texts of versions before 3.

use serde_json::Value;

use super::imported::{Imported, SourceApp};
use super::json;
use super::texts::Texts;
use crate::base::error::Result;
use crate::content::request::Field;

/// The keyword of the PNG text.
const KEYWORD: &str = "invokeai_metadata";

/// Keys that ask for what we don't have, and how to say so.
const UNUSED: [(&str, &str); 9] = [
    ("controlnets", "ControlNets"),
    ("ipAdapters", "IP adapters"),
    ("t2iAdapters", "T2I adapters"),
    ("refiner_model", "Refiners"),
    ("vae", "Other autoencoders"),
    ("seamless_x", "Tiling textures"),
    ("seamless_y", "Tiling textures"),
    ("hrf_enabled", "Second passes at a larger size (hires fix)"),
    ("positive_style_prompt", "Style prompts"),
];

impl SourceApp {
    /// InvokeAI.
    pub const INVOKE_AI: Self = Self::new("InvokeAI");
}

pub(super) fn read(texts: &Texts) -> Option<Result<Imported>> {
    let Some(fields) = json::object(texts.get(KEYWORD)?) else {
        return Some(Err(SourceApp::INVOKE_AI.broken()));
    };
    let text = |key: &str| json::scalar(fields.get(key));
    let mut imported = Imported::new(SourceApp::INVOKE_AI);
    imported.set_prompt(text("positive_prompt"));
    imported.set_negative_prompt(text("negative_prompt"));
    imported.set(Field::Steps, text("steps"));
    imported.set(Field::GuidanceScale, text("cfg_scale"));
    imported.set(Field::GuidanceRescale, text("cfg_rescale_multiplier"));
    imported.set_sampler(text("scheduler"), None);
    imported.set(Field::Seed, text("seed"));
    imported.set_size(text("width"), text("height"));
    imported.model = model(fields.get("model"));
    if text("rand_device").is_some_and(|device| device != "cpu") {
        imported.note_gpu_noise();
    }
    if json::positive(fields.get("clip_skip")) {
        // It counts the layers left out; others count from the last.
        let skipped = text("clip_skip").and_then(|skipped| skipped.parse::<u32>().ok());
        imported.note_clip_skip(skipped.map(|skipped| skipped.saturating_add(1).to_string()).as_deref());
    }
    let loras: Vec<String> = json::list(fields.get("loras"))
        .iter()
        .filter_map(|lora| model(lora.get("model").or_else(|| lora.get("lora"))))
        .collect();
    if !loras.is_empty() {
        imported.note_unused("LoRAs", &loras);
    }
    for (key, what) in UNUSED {
        if fields.get(key).is_some_and(is_set) {
            imported.note_unused(what, &[]);
        }
    }
    if fields.get("init_image").is_some_and(is_set) || fields.get("strength").is_some_and(is_set) {
        imported.note_image_to_image(text("strength"));
    }
    imported.note_prompt_syntax();
    Some(Ok(imported))
}

/// A model's name, in the spelling of any version.
fn model(model: Option<&Value>) -> Option<String> {
    let model = model?;
    json::scalar(Some(model)).or_else(|| json::scalar(model.get("name").or_else(|| model.get("model_name"))))
}

/// Whether a value says more than nothing.
fn is_set(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Array(list) => !list.is_empty(),
        Value::String(text) => !text.is_empty(),
        Value::Bool(true) | Value::Number(_) | Value::Object(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imported(json: &str) -> Imported {
        read(&Texts::of(&[(KEYWORD, json)])).expect("metadata").expect("that makes sense")
    }

    #[test]
    fn what_we_cannot_do_is_said() {
        let plain = imported(r#"{"seed": 1, "rand_device": "cpu", "loras": [], "vae": null, "seamless_x": false}"#);
        assert_eq!(plain.notes, [""; 0]);
        let all = imported(
            r#"{"seed": 1, "rand_device": "cuda", "clip_skip": 1, "strength": 0.5, "controlnets": [{}],
                "loras": [{"model": {"name": "fur"}}, {"lora": {"model_name": "snow"}}]}"#,
        );
        let words = ["GPU", "Clip skip 2", "LoRAs can't be applied here: fur, snow", "ControlNets", "at strength 0.5"];
        assert!(words.iter().all(|word| all.notes.iter().any(|note| note.contains(word))), "{:?}", all.notes);
    }

    #[test]
    fn values_of_the_wrong_kind_are_passed_over() {
        let odd = imported(r#"{"seed": [], "steps": {}, "model": 7, "loras": "x", "width": null, "scheduler": {}}"#);
        assert_eq!(odd.patch.has.iter().count(), 0);
        for json in ["", "[]", "{", "\u{fffd}"] {
            assert!(read(&Texts::of(&[(KEYWORD, json)])).expect("metadata").is_err(), "{json}");
        }
    }
}
