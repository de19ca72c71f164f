//! How the readers fill in settings: from what a file writes to values that make sense, and notes for the rest.

use super::imported::Imported;
use super::samplers;
use crate::content::request;

/// The characters of a value that a note repeats.
const LONGEST_IN_NOTE: usize = 80;

/// The bytes of a prompt that are taken over: far more than any model reads, and no more than a text box can show.
const LONGEST_PROMPT: usize = 100_000;

/// The notes that are kept: nobody reads more.
const MOST_NOTES: usize = 20;

impl Imported {
    /// Adds a note, once.
    pub(super) fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        if self.notes.len() < MOST_NOTES && !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Takes the number of steps from what the file writes.
    pub(super) fn set_steps(&mut self, text: Option<String>) {
        let Some(text) = text else { return };
        self.steps = whole(&text).map(|steps| steps as usize).filter(|steps| request::validate_steps(*steps).is_ok());
        if self.steps.is_none() {
            self.note(format!("Its number of steps can't be used: {}", shorten(&text)));
        }
    }

    /// Takes the guidance scale from what the file writes.
    pub(super) fn set_guidance_scale(&mut self, text: Option<String>) {
        let Some(text) = text else { return };
        let scale = text.trim().parse().ok();
        self.guidance_scale = scale.filter(|scale| request::validate_guidance_scale(*scale).is_ok());
        if self.guidance_scale.is_none() {
            self.note(format!("Its guidance scale can't be used: {}", shorten(&text)));
        }
    }

    /// Takes the guidance rescale from what the file writes.
    pub(super) fn set_guidance_rescale(&mut self, text: Option<String>) {
        let Some(text) = text else { return };
        let rescale = text.trim().parse().ok();
        self.guidance_rescale = rescale.filter(|rescale| request::validate_guidance_rescale(*rescale).is_ok());
        if self.guidance_rescale.is_none() {
            self.note(format!("Its guidance rescale can't be used: {}", shorten(&text)));
        }
    }

    /// Takes the seed from what the file writes.
    pub(super) fn set_seed(&mut self, text: Option<String>) {
        let Some(text) = text else { return };
        self.seed = whole(&text);
        if self.seed.is_none() {
            self.note(format!("Its seed can't be used: {}", shorten(&text)));
        }
    }

    /// Takes the size from what the file writes.
    pub(super) fn set_size(&mut self, width: Option<String>, height: Option<String>) {
        let (Some(width), Some(height)) = (width, height) else { return };
        let side = |name, text: &str| {
            let pixels = whole(text).map(|pixels| pixels as usize)?;
            request::validate_side(name, pixels).is_ok().then_some(pixels)
        };
        if let (Some(width), Some(height)) = (side("width", &width), side("height", &height)) {
            (self.width, self.height) = (Some(width), Some(height));
        } else {
            let (width, height) = (shorten(&width), shorten(&height));
            let multiple = request::SIDE_MULTIPLE;
            self.note(format!("Its size can't be drawn, as sides are multiples of {multiple}: {width} x {height}"));
        }
    }

    /// Takes the size from a text such as `512x768`.
    pub(super) fn set_size_from(&mut self, text: Option<String>) {
        let Some(text) = text else { return };
        let (width, height) = text.split_once(['x', 'X', '×']).unwrap_or((&text, ""));
        self.set_size(Some(width.to_owned()), Some(height.to_owned()));
    }

    /// Takes the sampler, and the noise schedule where the file names it apart.
    pub(super) fn set_sampler(&mut self, sampler: Option<String>, schedule: Option<&str>) {
        let Some(sampler) = sampler.filter(|sampler| !sampler.trim().is_empty()) else { return };
        let found = samplers::find(&sampler, schedule);
        self.scheduler = found.kind;
        self.sampler = Some(shorten(found.written.trim()));
        if let Some(note) = found.note {
            self.note(note);
        }
    }

    /// Notes that these were used, which we don't have: `what` in the plural, with their names where they have some.
    pub(super) fn note_unused(&mut self, what: &str, names: &[String]) {
        let names: Vec<String> = names.iter().take(5).map(|name| shorten(name)).collect();
        if names.is_empty() {
            self.note(format!("{what} can't be applied here"));
        } else {
            self.note(format!("{what} can't be applied here: {}", names.join(", ")));
        }
    }

    /// Notes that CLIP's last layers were left out, where `skip` counts from 1 for none.
    pub(super) fn note_clip_skip(&mut self, skip: Option<&str>) {
        if let Some(skip) = skip.and_then(whole).filter(|skip| *skip > 1) {
            self.note(format!("Clip skip {skip} isn't available here, so the picture will differ"));
        }
    }

    /// Notes that the picture was drawn from another one, which the file doesn't hold.
    pub(super) fn note_image_to_image(&mut self, strength: Option<String>) {
        let strength = strength.map_or(String::new(), |strength| format!(" at strength {}", shorten(&strength)));
        self.note(format!("It was drawn over another picture{strength}, which isn't in the file"));
    }

    /// Notes that the first noise was another than ours for the same seed.
    pub(super) fn note_gpu_noise(&mut self) {
        if self.seed.is_some() {
            self.note("The same seed gave other noise there, as it came from a GPU, so the picture will differ");
        }
    }

    /// Notes what the prompts ask for in the language of the web UI and ComfyUI, which is plain text here.
    pub(super) fn note_prompt_syntax(&mut self) {
        let prompts = [&self.prompt, &self.negative_prompt].map(|prompt| prompt.as_deref().unwrap_or_default());
        let name = |tag: &str| Some(tag.split_once('>')?.0.split(':').next()?.to_owned());
        let loras: Vec<String> =
            prompts.iter().flat_map(|prompt| prompt.split("<lora:").skip(1)).filter_map(name).collect();
        let weighs = |part: &str| part.split_once(')').is_some_and(|(weight, _)| weight.trim().parse::<f64>().is_ok());
        let has_weights = prompts.iter().any(|prompt| prompt.split(':').skip(1).any(weighs) || prompt.contains("(("));
        if !loras.is_empty() {
            self.note_unused("LoRAs", &loras);
        }
        if has_weights {
            self.note_weights();
        }
    }

    /// Notes that words of the prompts have weights.
    pub(super) fn note_weights(&mut self) {
        self.note("The prompts give words a weight, which is read as plain text here");
    }

    /// Cuts what is too long to be shown.
    pub(super) fn finish(mut self) -> Self {
        for text in [&mut self.prompt, &mut self.negative_prompt].into_iter().flatten() {
            if text.len() > LONGEST_PROMPT && self.recipe.is_none() {
                text.truncate(text.floor_char_boundary(LONGEST_PROMPT));
                self.notes.insert(0, format!("A prompt was cut after {LONGEST_PROMPT} bytes"));
            }
        }
        self.model = self.model.filter(|model| !model.is_empty()).map(|model| shorten(&model));
        self
    }
}

/// A whole number from 0 up, also where it is written as `42.0`.
fn whole(text: &str) -> Option<u64> {
    /// Above this, neighbouring whole numbers are the same in floating point.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let text = text.trim();
    text.parse().ok().or_else(|| {
        let value: f64 = text.parse().ok()?;
        (value.fract() == 0.0 && (0.0..=EXACT).contains(&value)).then_some(value as u64)
    })
}

/// A text in one line and of a length that a note can hold.
pub(super) fn shorten(text: &str) -> String {
    let mut line: String = text.chars().take(LONGEST_IN_NOTE).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(LONGEST_IN_NOTE).is_some() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::recipe::metadata::imported::Source;

    fn imported() -> Imported {
        Imported::new(Source::Automatic1111)
    }

    #[test]
    fn numbers_are_read_in_every_spelling() {
        let cases = [("42", Some(42)), (" 42.0 ", Some(42)), ("18446744073709551615", Some(u64::MAX)), ("-1", None)];
        for (text, seed) in cases.into_iter().chain([("1e300", None), ("", None), ("7.5", None), ("nan", None)]) {
            assert_eq!(whole(text), seed, "{text}");
        }
    }

    #[test]
    fn values_that_no_request_can_have_are_absent_and_noted() {
        let mut imported = imported();
        imported.set_steps(Some("5000".into()));
        imported.set_guidance_scale(Some("inf".into()));
        imported.set_guidance_rescale(Some("2".into()));
        imported.set_seed(Some("-1".into()));
        imported.set_size_from(Some("513x768".into()));
        let all = (imported.steps, imported.guidance_scale, imported.guidance_rescale, imported.seed, imported.width);
        assert_eq!(all, (None, None, None, None, None));
        assert_eq!(imported.notes.len(), 5);
        assert!(imported.notes[4].ends_with("multiples of 8: 513 x 768"), "{:?}", imported.notes);
    }

    #[test]
    fn notes_and_prompts_stay_of_a_length_that_can_be_shown() {
        let mut imported = imported();
        imported.prompt = Some("é".repeat(LONGEST_PROMPT));
        imported.model = Some("m\n".repeat(LONGEST_PROMPT));
        for k in 0..100 {
            imported.note_unused("LoRAs", &[format!("{k}{}", "x".repeat(1000))]);
        }
        let imported = imported.finish();
        assert_eq!(imported.prompt.expect("it stays").len(), LONGEST_PROMPT);
        assert!(imported.notes.len() <= MOST_NOTES + 1 && imported.notes.iter().all(|note| note.len() < 400));
        assert!(imported.model.expect("it stays").chars().count() <= LONGEST_IN_NOTE + 1);
    }

    #[test]
    fn weights_and_loras_in_a_prompt_are_noted() {
        let notes = |prompt: &str| {
            let mut imported = imported();
            imported.prompt = Some(prompt.into());
            imported.note_prompt_syntax();
            imported.notes
        };
        assert!(notes("a fox (red), at 10:30, <3").is_empty());
        assert_eq!(notes("a (fox:1.2) <lora:fur:0.8>").len(), 2);
        assert_eq!(notes("<lora:fur:0.8><lora:snow>"), ["LoRAs can't be applied here: fur, snow"]);
        assert_eq!(notes("((fox))").len(), 1);
    }
}
