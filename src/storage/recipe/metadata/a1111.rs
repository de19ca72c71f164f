//! AUTOMATIC1111's `parameters` text, which Forge, Fooocus, stable-diffusion.cpp, Krita's plugin and we write as well.
//!
//! Read as the web UI's `infotext_utils.py` reads it: the last line holds `Key: value` pairs if it has three or more,
//! and the lines before it are the prompt, up to one that begins with `Negative prompt:`. What was missing then takes
//! the web UI's default. Written by [`crate::storage::recipe::a1111`].

use super::imported::{Imported, SourceApp};
use super::json;
use super::texts::{FOOOCUS_SCHEME, Texts};
use crate::base::error::Result;
use crate::content::imaging::png_text;
use crate::content::request::Field;

const NEGATIVE_PROMPT: &str = "Negative prompt:";

/// Keys that ask for what we don't have, and how to say so. One that ends in `*` stands for all that begin so.
const UNUSED: [(&str, &str); 13] = [
    ("Hires upscale", "Second passes at a larger size (hires fix)"),
    ("Hires resize*", "Second passes at a larger size (hires fix)"),
    ("Variation seed", "Variation seeds"),
    ("Seed resize from*", "Seeds of another size"),
    ("Face restoration", "Face restoration"),
    ("Refiner", "Refiners"),
    ("Tiling", "Tiling textures"),
    ("Token merging ratio*", "Token merging"),
    ("Distilled CFG Scale", "Distilled guidance"),
    ("Mask *", "Masks"),
    ("ControlNet*", "ControlNets"),
    ("ADetailer model*", "ADetailer passes"),
    ("TI hashes", "Textual inversions"),
];

impl SourceApp {
    /// AUTOMATIC1111's web UI, Forge, and the many that write as they do.
    pub const AUTOMATIC1111: Self = Self::new("AUTOMATIC1111");
}

/// The settings in the `parameters` text.
pub(super) fn read(texts: &Texts) -> Option<Result<Imported>> {
    let text = texts.get(png_text::PARAMETERS)?;
    // Other apps keep JSON under the same keyword: their readers come first, and this is no prompt.
    if text.trim_start().starts_with('{') {
        return json::object(text).is_none().then(|| Err(SourceApp::AUTOMATIC1111.broken()));
    }
    let mut imported = parse(text).or_else(|| prompt_alone(text))?;
    if texts.get(FOOOCUS_SCHEME).is_some() {
        imported.source = SourceApp::FOOOCUS;
    }
    Some(Ok(imported))
}

/// A text without settings is the prompt.
fn prompt_alone(text: &str) -> Option<Imported> {
    let (prompt, negative_prompt) = split_prompts(&text.lines().collect::<Vec<_>>());
    let mut imported = Imported::new(SourceApp::AUTOMATIC1111);
    imported.set_prompt(Some(prompt).filter(|prompt| !prompt.trim().is_empty()));
    imported.set_negative_prompt(negative_prompt);
    imported.patch.has.contains(Field::Prompt).then_some(imported)
}

/// The settings in a text; `None` if it has no settings line.
pub(super) fn parse(text: &str) -> Option<Imported> {
    let lines: Vec<&str> = text.trim().lines().collect();
    let (last, prompts) = lines.split_last()?;
    let pairs = pairs(last);
    if pairs.len() < 3 {
        return None;
    }
    let value = |key: &str| pairs.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone());
    let mut imported = Imported::new(source(value("Version").as_deref()));
    let (prompt, negative_prompt) = split_prompts(prompts);
    // Fooocus adds styles to the prompt and keeps what the user typed here.
    imported.set_prompt(Some(value("Raw prompt").unwrap_or(prompt)));
    imported.set_negative_prompt(Some(value("Raw negative prompt").or(negative_prompt).unwrap_or_default()));
    imported.set(Field::Steps, value("Steps"));
    let schedule = value("Schedule type").or_else(|| value("Scheduler"));
    imported.set_sampler(value("Sampler"), Some(schedule.as_deref().unwrap_or("Automatic")));
    imported.set(Field::GuidanceScale, value("CFG scale"));
    imported.set(Field::Seed, value("Seed"));
    imported.set_size_from(value("Size"));
    imported.model = value("Model").or_else(|| Some(format!("hash {}", value("Model hash")?)));
    note(&mut imported, &pairs, value);
    Some(imported)
}

/// Who writes this version.
fn source(version: Option<&str>) -> SourceApp {
    let version = version.unwrap_or_default();
    [SourceApp::BURNISHER, SourceApp::FOOOCUS, SourceApp::COMFY_UI]
        .into_iter()
        .find(|source| version.starts_with(source.label()))
        .unwrap_or(SourceApp::AUTOMATIC1111)
}

/// Notes what we can't do, and what the web UI did where the text is silent.
fn note(imported: &mut Imported, pairs: &[(String, String)], value: impl Fn(&str) -> Option<String>) {
    // Without the key, noise came from CUDA. ComfyUI and Fooocus take it from the CPU and don't say so.
    let is_cpu = value("RNG").is_some_and(|rng| rng.eq_ignore_ascii_case("cpu"));
    if !is_cpu && imported.source == SourceApp::AUTOMATIC1111 {
        imported.note_gpu_noise();
    }
    imported.note_clip_skip(value("Clip skip").as_deref());
    let is_asked = |key: &str| pairs.iter().any(|(known, _)| is_named(known, key));
    for (key, what) in UNUSED {
        if is_asked(key) {
            imported.note_unused(what, &[]);
        }
    }
    if let Some(vae) = value("VAE").filter(|vae| !["Automatic", "None", "Default (model)"].contains(&vae.as_str())) {
        imported.note_unused("Other autoencoders", &[vae]);
    }
    // Hires fix has a strength as well.
    if value("Denoising strength").is_some() && !is_asked("Hires *") {
        imported.note_image_to_image(value("Denoising strength"));
    }
    imported.note_prompt_syntax();
    if value("Lora hashes").is_some() && !imported.notes.iter().any(|note| note.starts_with("LoRAs")) {
        imported.note_unused("LoRAs", &[]);
    }
}

/// Whether a key is this one, or begins so if that ends in `*`.
fn is_named(key: &str, wanted: &str) -> bool {
    wanted.strip_suffix('*').map_or(key == wanted, |start| key.starts_with(start))
}

/// The prompt and, if there is a line for it, the negative prompt.
fn split_prompts(lines: &[&str]) -> (String, Option<String>) {
    let Some(at) = lines.iter().position(|line| line.trim_start().starts_with(NEGATIVE_PROMPT)) else {
        return (lines.join("\n"), None);
    };
    let (prompt, negative) = lines.split_at(at);
    let negative = negative.join("\n");
    let negative = negative.trim_start();
    let negative = negative.strip_prefix(NEGATIVE_PROMPT).unwrap_or(negative).trim();
    (prompt.join("\n"), Some(negative.to_owned()))
}

/// The `Key: value` pairs of a line. A value in quotes is a JSON string, and may hold commas.
fn pairs(line: &str) -> Vec<(String, String)> {
    let (mut pairs, mut rest) = (Vec::new(), line);
    while let Some((before, after)) = rest.split_once(':') {
        let key = key_at_end(before);
        let after = after.trim_start();
        let (value, next) = quoted(after).unwrap_or_else(|| {
            let (value, next) = after.split_once(',').unwrap_or((after, ""));
            (value.trim().to_owned(), next)
        });
        if let Some(key) = key {
            pairs.push((key.to_owned(), value));
            rest = next;
        } else {
            rest = after;
        }
    }
    pairs
}

/// The key that a text ends with: two characters or more, of letters, digits, `_`, `-`, `/` and spaces.
fn key_at_end(text: &str) -> Option<&str> {
    let is_other = |c: char| !(c.is_alphanumeric() || "_-/ ".contains(c));
    let start = text.char_indices().rev().find(|(_, c)| is_other(*c)).map_or(0, |(at, c)| at + c.len_utf8());
    let key = text.get(start..)?.trim_start_matches([' ', '-', '/']);
    (key.chars().count() > 1).then_some(key)
}

/// A JSON string that a text begins with, and what follows the comma after it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut strings = serde_json::Deserializer::from_str(text.starts_with('"').then_some(text)?).into_iter::<String>();
    let value = strings.next()?.ok()?;
    let after = text.get(strings.byte_offset()..)?.trim_start();
    let next = if after.is_empty() { after } else { after.strip_prefix(',')? };
    Some((value, next))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::request::{Guidance, Prompts, Recipe, Request, Sampling, Seeds, Size};
    use crate::schedulers::SchedulerKind;
    use crate::storage::recipe::a1111::parameters;

    fn notes(line: &str) -> Vec<String> {
        parse(&format!("a fox\nSteps: 20, Sampler: Euler, Seed: 1, RNG: CPU, {line}")).expect("settings").notes
    }

    #[test]
    fn what_we_write_comes_back_for_every_sampler() {
        for kind in SchedulerKind::ALL {
            let request = Request {
                prompts: Prompts::both("a fox: \"red\", 猫\n\n  and a hen", "blurry, dark:\nugly"),
                sampling: Sampling { scheduler: Some(*kind), steps: 20, ..Sampling::default() },
                guidance: Guidance { scale: 7.25, ..Guidance::default() },
                seeds: Seeds::one(u64::MAX),
                size: Size::new(512, 768),
                ..Request::default()
            };
            let recipe = Recipe {
                request: request.clone(),
                model: "a: b, \"c\"".into(),
                model_hash: None,
                app_version: "1.2.3".into(),
                verdict: None,
            };
            let imported = parse(&parameters(&recipe)).expect("settings");
            assert_eq!(imported.source, SourceApp::BURNISHER);
            let read = &imported.patch.request;
            assert_eq!(read.prompts, request.prompts);
            assert_eq!(read.sampling.scheduler, request.sampling.scheduler, "{}", kind.label());
            assert_eq!((read.sampling.steps, &read.seeds, read.size), (20, &request.seeds, request.size));
            assert_eq!((read.guidance.scale, imported.patch.has.iter().count()), (7.25, 7));
            assert_eq!(imported.model.as_ref(), Some(&recipe.model));
            assert_eq!(imported.notes, [""; 0]);
        }
    }

    #[test]
    fn quoted_values_keep_their_commas_and_garbage_is_passed_over() {
        let line = r#"Steps: 20, Lora hashes: "a: 1, b: 2", {"type":"x"}, : , Model: "broken, x: 1, Size: 8x8, Tail"#;
        let expected = [("Steps", "20"), ("Lora hashes", "a: 1, b: 2"), ("Model", "\"broken"), ("Size", "8x8")];
        let read = pairs(line);
        for (key, value) in expected {
            assert!(read.contains(&(key.to_owned(), value.to_owned())), "{key}: {read:?}");
        }
    }

    #[test]
    fn texts_without_settings_are_none_and_empty_parts_stay_empty() {
        for text in ["", "\n", "a fox", "a fox\nNegative prompt: x", "Steps: 20, Seed: 1", ":::,,,:", "\"", "\u{feff}"]
        {
            assert!(parse(text).is_none(), "{text:?}");
        }
        let alone = parse("Steps: 20, Sampler: Euler, Seed: 1").expect("settings");
        assert_eq!(alone.prompts(), [""; 2]);
        let windows = parse("a fox\r\nNegative prompt: x\r\ny\r\nSteps: 1, Sampler: Euler, Seed: 1").expect("settings");
        assert_eq!(windows.prompts(), ["a fox", "x\ny"]);
    }

    #[test]
    fn what_we_cannot_do_is_said() {
        assert_eq!(notes("Version: v1.10.0"), [""; 0]);
        assert!(notes("Hires upscale: 2, Hires steps: 10, Denoising strength: 0.7")[0].contains("hires fix"));
        assert_eq!(notes("Hires upscale: 2, Denoising strength: 0.7").len(), 1);
        assert!(notes("Denoising strength: 0.75")[0].contains("another picture at strength 0.75"));
        assert!(notes("Clip skip: 2")[0].contains("Clip skip 2"));
        assert!(notes("Lora hashes: \"fur: 1a2b\"")[0].contains("LoRAs"));
        let gpu = parse("a fox\nSteps: 20, Sampler: Euler, Seed: 1").expect("settings");
        assert!(gpu.notes[0].contains("came from a GPU"));
    }
}
