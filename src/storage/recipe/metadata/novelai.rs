//! NovelAI's metadata: the PNG text `Comment` with a JSON object, beside `Software`, `Description` and `Source`.

use serde_json::Value;

use super::imported::{Imported, SourceApp};
use super::json;
use super::texts::{COMMENT, DESCRIPTION, SOFTWARE, SOURCE, Texts};
use crate::base::error::Result;
use crate::content::request::Field;

impl SourceApp {
    /// NovelAI.
    pub const NOVEL_AI: Self = Self::new("NovelAI");
}

pub(super) fn read(texts: &Texts) -> Option<Result<Imported>> {
    let comment = texts.get(COMMENT).filter(|_| texts.get(SOFTWARE) == Some(SourceApp::NOVEL_AI.label()))?;
    let Some(fields) = json::object(comment) else {
        return Some(Err(SourceApp::NOVEL_AI.broken()));
    };
    let text = |key: &str| json::scalar(fields.get(key));
    let mut imported = Imported::new(SourceApp::NOVEL_AI);
    imported.set_prompt(text("prompt").or_else(|| texts.get(DESCRIPTION).map(str::to_owned)));
    imported.set_negative_prompt(text("uc"));
    imported.set(Field::Steps, text("steps"));
    imported.set(Field::GuidanceScale, text("scale"));
    imported.set(Field::GuidanceRescale, text("cfg_rescale"));
    imported.set_sampler(text("sampler"), text("noise_schedule").as_deref());
    imported.set(Field::Seed, text("seed"));
    imported.set_size(text("width"), text("height"));
    imported.model = texts.get(SOURCE).map(str::to_owned);
    imported.note_gpu_noise();
    let is_on = |key: &str| fields.get(key) == Some(&Value::Bool(true));
    if is_on("sm") || is_on("sm_dyn") {
        imported.note_unused("Steps at several sizes (SMEA)", &[]);
    }
    if is_on("dynamic_thresholding") {
        imported.note_unused("Limits to the guidance (decrisper)", &[]);
    }
    let captions = fields.get("v4_prompt").and_then(|prompt| prompt.get("caption")?.get("char_captions"));
    if !json::list(captions).is_empty() {
        imported.note_unused("Prompts of single characters", &[]);
    }
    if text("request_type").is_some_and(|kind| kind == "Img2ImgRequest" || kind == "NativeInfillingRequest") {
        imported.note_image_to_image(text("strength"));
    }
    // It has a language of its own for weights: braces and brackets, or a number before two colons.
    if imported.prompts().into_iter().any(|prompt| prompt.contains(['{', '[']) || prompt.contains("::")) {
        imported.note_weights();
    }
    Some(Ok(imported))
}
