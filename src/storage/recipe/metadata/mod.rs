//! The generation settings that apps write into their pictures: ours, and those of other apps.
//!
//! Each format has a file, which names its app and turns texts into an [`Imported`], and a row in [`FORMATS`]: a new one takes
//! these two. Where a picture carries several, our own recipe counts first, then what only one app writes, then the
//! `parameters` text that every app writes in the same way. A format that is broken, or has no prompt, gives way to the next
//! one.
//!
//! Limits: PNG, JPEG and WebP. Settings hidden in the pixels aren't looked for, so pixels are never decoded.

mod a1111;
mod burnisher;
mod comfyui;
mod draw_things;
mod fill;
mod fooocus;
mod graph;
mod imported;
mod infotext;
mod invokeai;
mod json;
mod novelai;
mod samplers;
mod swarmui;
mod texts;
mod values;
mod workflow;

use std::io::{BufRead, Seek};

pub use imported::{Imported, SourceApp};

use crate::base::error::Result;
use crate::content::request::Field;
use texts::Texts;

/// Reads one format: `None` if the texts don't have it.
type ReadFormat = fn(&Texts) -> Option<Result<Imported>>;

/// Every format, the one that says most first.
const FORMATS: &[ReadFormat] = &[
    burnisher::read,
    invokeai::read,
    swarmui::read,
    draw_things::read,
    novelai::read,
    fooocus::read,
    comfyui::read,
    a1111::read,
];

/// Reads the settings that a PNG, JPEG or WebP file carries; `None` if it carries none.
///
/// # Errors
/// It is no such file, it is broken, or its settings are.
pub fn read(file: impl BufRead + Seek) -> Result<Option<Imported>> {
    let texts = Texts::of_picture(file)?;
    let (mut promptless, mut failure) = (None, None);
    for format in FORMATS {
        match format(&texts) {
            Some(Ok(imported)) if imported.patch.has.contains(Field::Prompt) => return Ok(Some(imported.finish())),
            Some(Ok(imported)) => promptless = promptless.or(Some(imported)),
            Some(Err(error)) => failure = failure.or(Some(error)),
            None => {}
        }
    }
    match (promptless, failure) {
        (Some(imported), _) => Ok(Some(imported.finish())),
        (None, failure) => failure.map_or(Ok(None), Err),
    }
}

/// Reads the settings in a text that was copied from another app, in AUTOMATIC1111's format; `None` if it is no such text.
pub fn read_text(text: &str) -> Option<Imported> {
    a1111::parse(text).map(Imported::finish)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::RgbImage;

    use super::*;
    use crate::content::imaging::png_text;
    use crate::content::request::{Guidance, ImageRef, Prompts, Recipe, Request, Sampling, Seeds, Size, Task};

    const A1111: &str = "a fox\nSteps: 20, Sampler: Euler, Seed: 1, RNG: CPU";
    const INVOKEAI: &str = r#"{"positive_prompt": "a hen"}"#;

    fn recipe() -> Recipe {
        let request = Request {
            prompts: Prompts::new("a cat"),
            sampling: Sampling { steps: 20, ..Sampling::default() },
            guidance: Guidance { scale: 4.0, ..Guidance::default() },
            seeds: Seeds::one(1),
            size: Size::new(64, 64),
            ..Request::default()
        };
        Recipe::of_picture(&request, 0, "bundled")
    }

    fn read_png(texts: &[(&str, &str)]) -> Result<Option<Imported>> {
        let file = png_text::encode(&RgbImage::new(8, 8), texts).expect("a PNG");
        read(Cursor::new(file))
    }

    fn source(texts: &[(&str, &str)]) -> SourceApp {
        read_png(texts).expect("settings that can be read").expect("settings").source
    }

    #[test]
    fn our_recipe_counts_first_then_what_one_app_writes_then_what_all_write() {
        let ours = serde_json::to_string(&recipe()).expect("JSON");
        let all = [("parameters", A1111), ("invokeai_metadata", INVOKEAI), ("burnisher", &*ours)];
        assert_eq!(source(&all), SourceApp::BURNISHER);
        assert_eq!(source(&all[..2]), SourceApp::INVOKE_AI);
        assert_eq!(source(&all[..1]), SourceApp::AUTOMATIC1111);
        assert_eq!(read_png(&[]).expect("a PNG"), None);
    }

    #[test]
    fn a_broken_format_gives_way_to_the_next_and_is_an_error_alone() {
        for texts in [
            ("burnisher", "{\"request\":"),
            ("invokeai_metadata", "{"),
            ("prompt", "{\"1\": {\"class_type\": \"A\", \"inputs\": {}}}"),
        ] {
            assert_eq!(source(&[texts, ("parameters", A1111)]), SourceApp::AUTOMATIC1111);
            assert!(read_png(&[texts]).is_err(), "{texts:?}");
        }
        assert!(read_png(&[("parameters", "{\"half")]).is_err());
        assert_eq!(read_png(&[("parameters", "{\"another app's\": 1}"), ("prompt", "a fox")]).expect("a PNG"), None);
    }

    #[test]
    fn a_recipe_of_ours_is_read_as_far_as_a_request_can_have_it() {
        let mut recipe = recipe();
        recipe.request.sampling.steps = 0;
        recipe.request.size.width = 0;
        let json = serde_json::to_string(&recipe).expect("JSON").replace("text-to-image", "text-to-video");
        let imported = read_png(&[("burnisher", &json)]).expect("it can be read").expect("settings");
        assert_eq!([Field::Task, Field::Steps, Field::Size].map(|field| imported.get(field)), [None, None, None]);
        assert_eq!(imported.get(Field::Prompt).as_deref(), Some("a cat"));
        assert_eq!(imported.notes.len(), 3, "{:#?}", imported.notes);
    }

    #[test]
    fn no_path_in_a_picture_is_followed() {
        let mut recipe = recipe();
        for image in
            [ImageRef::from("/etc/secret.png"), ImageRef { hash: Some("ab12".into()), hint: Some("/etc/a.png".into()) }]
        {
            recipe.request.start = Task::ImageToImage { image, strength: 0.5 }.into();
            for model in ["/etc/model", r"\\elsewhere\share\model", "../../model.safetensors", "//elsewhere/model/"] {
                recipe.model = model.to_owned();
                let json = serde_json::to_string(&recipe).expect("JSON");
                let mut imported = read_png(&[("burnisher", &json)]).expect("it can be read").expect("settings");
                let images = imported.patch.request.images_mut();
                assert!(!images.is_empty() && images.iter().all(|image| image.hint.is_none()), "{images:?}");
                assert_eq!(imported.patch.model, None, "{model}");
            }
        }
        for model in ["bundled", "owner/name"] {
            recipe.model = model.to_owned();
            let json = serde_json::to_string(&recipe).expect("JSON");
            let imported = read_png(&[("burnisher", &json)]).expect("it can be read").expect("settings");
            assert_eq!(imported.patch.model, model.parse().ok());
        }
    }

    #[test]
    fn two_megabytes_of_anything_end_in_a_clear_result() {
        const SIZE: usize = 2 << 20;
        let deep = format!("{}1{}", "{\"a\":".repeat(SIZE / 12), "}".repeat(SIZE / 12));
        let list = format!("{{\"c\": [{}1], \"uc\": 1, \"base_model\": 1}}", "1,".repeat(SIZE / 2));
        let text =
            format!("{{\"c\": \"{}\", \"uc\": 1, \"base_model\": \"x\", \"prompt\": \"猫\"}}", "é".repeat(SIZE / 2));
        let garbage = "a: \"\\\": (:1),<lora:\n".repeat(SIZE / 20);
        let labels =
            ["steps: ", "Steps: \n", "negative prompt:", "seed: 1\nx\n"].map(|part| part.repeat(SIZE / part.len()));
        let repeated = ["x", "\"", "a:,"].map(|part| part.repeat(SIZE / part.len()));
        for text in [deep, list, text, garbage].iter().chain(&labels).chain(&repeated) {
            for keyword in ["burnisher", "invokeai_metadata", "parameters", "prompt", "Comment", "XML:com.adobe.xmp"] {
                match read_png(&[(keyword, text), ("Software", "NovelAI")]) {
                    Ok(None) => {}
                    Ok(Some(imported)) => {
                        let prompts = [Field::Prompt, Field::NegativePrompt].map(|field| imported.get(field));
                        assert!(prompts.into_iter().flatten().map(|prompt| prompt.len()).sum::<usize>() <= 200_000);
                        assert!(imported.notes.iter().all(|note| note.len() < 1000));
                    }
                    Err(error) => assert!(error.to_string().len() < 1000, "{error}"),
                }
            }
        }
    }
}
