//! AUTOMATIC1111's `parameters` text, which Forge, Fooocus, stable-diffusion.cpp, Krita's plugin and we write as well.
//!
//! Split by [`Infotext`]. What an old version of the web UI left out takes the default of that time. Written by
//! [`crate::storage::recipe::a1111`].

use super::imported::{Imported, SourceApp};
use super::infotext::Infotext;
use super::json;
use super::texts::{FOOOCUS_SCHEME, Texts};
use super::values::shorten;
use crate::base::error::Result;
use crate::content::imaging::png_text;
use crate::content::request::Field;

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

/// What ComfyUI's savers write for a prompt that they don't find.
const NOT_FOUND: &str = "unknown";

/// The settings in the `parameters` text, or in a comment in the same format.
pub(super) fn read(texts: &Texts) -> Option<Result<Imported>> {
    // Other apps keep JSON under the same keywords: their readers come first, and this is no prompt.
    let own = texts.get(png_text::PARAMETERS);
    let plain = |text: &&str| !json::looks_like_an_object(text);
    let found = texts.places().filter(plain).find_map(parse).or_else(|| prompt_alone(own.filter(plain)?));
    let Some(mut imported) = found else {
        let is_broken = own.is_some_and(|text| !plain(&text) && json::object(text).is_none());
        return is_broken.then(|| Err(SourceApp::AUTOMATIC1111.broken()));
    };
    if texts.get(FOOOCUS_SCHEME).is_some() {
        imported.source = SourceApp::FOOOCUS;
    }
    Some(Ok(imported))
}

/// A text without settings is the prompt.
fn prompt_alone(text: &str) -> Option<Imported> {
    let parts = Infotext::of_prompts(text);
    let mut imported = Imported::new(SourceApp::AUTOMATIC1111);
    imported.set_prompt(Some(parts.prompt));
    imported.set_negative_prompt(parts.negative_prompt);
    imported.patch.has.contains(Field::Prompt).then_some(imported)
}

/// The settings in a text; `None` if it has none.
pub(super) fn parse(text: &str) -> Option<Imported> {
    let parts = Infotext::of(text)?;
    let value = |key: &str| parts.value(key);
    let mut imported = Imported::new(source(value("Version").as_deref()));
    let found = |prompt: Option<String>| prompt.filter(|prompt| !prompt.eq_ignore_ascii_case(NOT_FOUND));
    // Fooocus adds styles to the prompt and keeps what the user typed here.
    imported.set_prompt(found(value("Raw prompt").or_else(|| Some(parts.prompt.clone()))));
    imported.set_negative_prompt(found(value("Raw negative prompt").or_else(|| parts.negative_prompt.clone())));
    if imported.patch.has.contains(Field::Prompt) {
        // A text with one prompt says that there was no other.
        imported.patch.has.insert(Field::NegativePrompt);
    }
    imported.set(Field::Steps, value("Steps"));
    let schedule = value("Schedule type").or_else(|| value("Scheduler"));
    imported.set_sampler(value("Sampler"), Some(schedule.as_deref().unwrap_or("Automatic")));
    imported.set(Field::GuidanceScale, value("CFG scale"));
    imported.set(Field::Seed, value("Seed"));
    imported.set_size_from(value("Size"));
    imported.model = value("Model").or_else(|| Some(format!("hash {}", value("Model hash")?)));
    note(&mut imported, &parts);
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
fn note(imported: &mut Imported, parts: &Infotext) {
    let value = |key: &str| parts.value(key);
    // Without the key, noise came from CUDA. ComfyUI and Fooocus take it from the CPU and don't say so.
    let is_cpu = value("RNG").is_some_and(|rng| rng.eq_ignore_ascii_case("cpu"));
    if !is_cpu && imported.source == SourceApp::AUTOMATIC1111 {
        imported.note_gpu_noise();
    }
    imported.note_clip_skip(value("Clip skip").as_deref());
    let is_asked = |key: &str| parts.pairs.iter().any(|(known, value)| is_named(known, key) && !value.is_empty());
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
    if !parts.rest.is_empty() {
        imported.note(format!("What stands after its settings isn't read: {}", shorten(&parts.rest)));
    }
}

/// Whether a key is this one, or begins so if that ends in `*`.
fn is_named(key: &str, wanted: &str) -> bool {
    let start = wanted.strip_suffix('*').unwrap_or(wanted);
    let begins = key.get(..start.len()).is_some_and(|key| key.eq_ignore_ascii_case(start));
    begins && (key.len() == start.len() || start != wanted)
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
    fn texts_without_settings_are_none() {
        for text in ["", "\n", "a fox", "a fox\nNegative prompt: x", "Steps: 20, Seed: 1", ":::,,,:", "\"", "\u{feff}"]
        {
            assert!(parse(text).is_none(), "{text:?}");
        }
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

    #[test]
    fn a_text_without_a_prompt_leaves_the_prompts_of_the_form() {
        for text in [
            "Steps: 20, Sampler: Euler, Seed: 1",
            "Negative prompt: \nSteps: 20, Sampler: Euler, Seed: 1",
            "unknown.Negative prompt: unknown.Steps: 20, Sampler: , CFG scale: , Seed: 1, Model: , Size: ",
        ] {
            let imported = parse(text).expect("settings").finish();
            assert_eq!([Field::Prompt, Field::NegativePrompt].map(|field| imported.get(field)), [None, None], "{text}");
            assert_eq!(
                [Field::Steps, Field::Seed].map(|field| imported.get(field)),
                [Some("20".into()), Some("1".into())]
            );
            assert!(imported.notes.iter().all(|note| note.contains("GPU")), "{:?}", imported.notes);
            assert_eq!(imported.model, None);
        }
        let negative = parse("Negative prompt: blurry\nSteps: 20, Sampler: Euler, Seed: 1").expect("settings").finish();
        assert_eq!((negative.get(Field::Prompt), negative.get(Field::NegativePrompt)), (None, Some("blurry".into())));
    }

    #[test]
    fn what_stands_after_the_settings_is_named_as_unread() {
        let text = "a fox\nSteps: 20, Sampler: Euler, Seed: 1, RNG: CPU\nTemplate: {a|b} fox\nin {snow|rain}";
        let notes = parse(text).expect("settings").notes;
        assert_eq!(notes, ["What stands after its settings isn't read: Template: {a|b} fox in {snow|rain}"]);
    }

    #[test]
    fn a_prompt_that_begins_with_a_brace_is_no_json() {
        let read =
            |text: &str| read(&Texts::of(&[(png_text::PARAMETERS, text)])).expect("it has a prompt").expect("sound");
        assert_eq!(read("{red|blue} fox\nSteps: 20, Sampler: Euler, Seed: 1").prompts()[0], "{red|blue} fox");
        assert_eq!(read("{silver hair}, smile").prompts()[0], "{silver hair}, smile");
    }
}
