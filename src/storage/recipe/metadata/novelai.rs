//! NovelAI's metadata: the PNG text `Comment` with a JSON object, beside `Software`, `Description` and `Source`.

use serde_json::Value;

use super::imported::{Imported, Source};
use super::texts::{COMMENT, DESCRIPTION, SOFTWARE, SOURCE, Texts};
use super::{broken, json};
use crate::base::error::Result;

pub(super) fn read(texts: &Texts) -> Option<Result<Imported>> {
    let comment = texts.get(COMMENT).filter(|_| texts.get(SOFTWARE) == Some(Source::NovelAi.label()))?;
    let Some(fields) = json::object(comment) else {
        return Some(Err(broken(Source::NovelAi)));
    };
    let text = |key: &str| json::scalar(fields.get(key));
    let mut imported = Imported::new(Source::NovelAi);
    imported.prompt = text("prompt").or_else(|| texts.get(DESCRIPTION).map(str::to_owned));
    imported.negative_prompt = text("uc");
    imported.set_steps(text("steps"));
    imported.set_guidance_scale(text("scale"));
    imported.set_guidance_rescale(text("cfg_rescale"));
    imported.set_sampler(text("sampler"), text("noise_schedule").as_deref());
    imported.set_seed(text("seed"));
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
    let prompts = [&imported.prompt, &imported.negative_prompt];
    if prompts.into_iter().flatten().any(|prompt| prompt.contains(['{', '[']) || prompt.contains("::")) {
        imported.note_weights();
    }
    Some(Ok(imported))
}
