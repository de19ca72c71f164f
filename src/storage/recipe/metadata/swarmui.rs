//! SwarmUI's metadata: a JSON object with `sui_image_params`, under `parameters` in a PNG and in EXIF's comment elsewhere.
//!
//! The keys are the ids of its parameters (`T2IParamTypes.cs`). One that isn't there had SwarmUI's default.
//! Limits: `sui_models`, which has hashes of the files, is left aside.

use serde_json::Value;

use super::imported::{Imported, SourceApp};
use super::json::{self, Object};
use super::texts::Texts;
use crate::base::error::Result;
use crate::content::request::Field;

/// The key of the settings.
const SETTINGS: &str = "sui_image_params";

/// Keys that ask for what we don't have, and how to say so.
const UNUSED: [(&str, &str); 5] = [
    ("refinermodel", "Refiners"),
    ("variationseed", "Variation seeds"),
    ("controlnetmodel", "ControlNets"),
    ("seamlesstileable", "Tiling textures"),
    ("vae", "Other autoencoders"),
];

impl SourceApp {
    /// SwarmUI.
    pub const SWARM_UI: Self = Self::new("SwarmUI");
}

pub(super) fn read(texts: &Texts) -> Option<Result<Imported>> {
    let settings = texts.places().find_map(|text| json::object(text)?.remove(SETTINGS))?;
    Some(settings.as_object().map(imported).ok_or_else(|| SourceApp::SWARM_UI.broken()))
}

fn imported(fields: &Object) -> Imported {
    let text = |key: &str| json::scalar(fields.get(key));
    let mut imported = Imported::new(SourceApp::SWARM_UI);
    imported.set_prompt(text("prompt"));
    imported.set_negative_prompt(text("negativeprompt"));
    imported.set(Field::Steps, text("steps"));
    imported.set(Field::GuidanceScale, text("cfgscale"));
    imported.set_sampler(text("sampler"), text("scheduler").as_deref());
    imported.set(Field::Seed, text("seed"));
    imported.set_size(text("width"), text("height"));
    imported.model = text("model");
    // It counts from the last layer, which is -1.
    imported.note_clip_skip(text("clipstopatlayer").as_deref().and_then(|layer| layer.strip_prefix('-')));
    let loras: Vec<String> = match fields.get("loras") {
        Some(Value::String(names)) => names.split(',').map(|name| name.trim().to_owned()).collect(),
        names => json::list(names).iter().filter_map(|name| json::scalar(Some(name))).collect(),
    };
    if !loras.is_empty() {
        imported.note_unused("LoRAs", &loras);
    }
    for (key, what) in UNUSED {
        let says_nothing = |value: &Value| ["", "None", "Automatic", "false"].contains(&&*plain(value));
        if fields.get(key).is_some_and(|value| !says_nothing(value)) {
            imported.note_unused(what, &[]);
        }
    }
    if text("refinerupscale").and_then(|scale| scale.parse::<f64>().ok()).is_some_and(|scale| scale > 1.0) {
        imported.note_unused("Second passes at a larger size (hires fix)", &[]);
    }
    if fields.contains_key("initimagecreativity") {
        imported.note_image_to_image(text("initimagecreativity"));
    }
    if imported.prompts().into_iter().any(|prompt| prompt.contains("<segment:") || prompt.contains("<object:")) {
        imported.note_unused("Prompts of single parts of the picture", &[]);
    }
    imported.note_prompt_syntax();
    imported
}

/// A value as it stands in JSON, a text without its quotes.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(json: &str) -> Imported {
        let text = format!(r#"{{"sui_image_params": {json}, "sui_extra_data": {{"date": "2024-09-01"}}}}"#);
        read(&Texts::of(&[("UserComment", &text)])).expect("settings").expect("that make sense")
    }

    #[test]
    fn what_we_cannot_do_is_said() {
        let plain =
            settings(r#"{"prompt": "a fox", "vae": "Automatic", "refinerupscale": 1, "seamlesstileable": false}"#);
        assert_eq!(plain.notes, [""; 0]);
        let all = settings(
            r#"{"prompt": "a (fox:1.2) <segment:face> smile", "loras": ["fur"], "clipstopatlayer": -2,
                "initimagecreativity": 0.6, "refinermodel": "x", "vae": "y", "variationseed": "1234", "refinerupscale": 1.5}"#,
        );
        let words = [
            "Clip skip 2",
            "here: fur",
            "Refiners",
            "Variation",
            "autoencoders",
            "0.6",
            "single parts",
            "weight",
            "hires",
        ];
        assert!(words.iter().all(|word| all.notes.iter().any(|note| note.contains(word))), "{:?}", all.notes);
        assert_eq!(all.notes.len(), words.len());
    }

    #[test]
    fn settings_that_are_no_object_are_broken() {
        for json in ["7", "[]", "null"] {
            let text = format!("{{\"sui_image_params\": {json}}}");
            assert!(read(&Texts::of(&[("parameters", &text)])).expect("settings").is_err(), "{json}");
        }
        assert!(read(&Texts::of(&[("parameters", "{\"prompt\": \"a fox\"}")])).is_none());
    }
}
