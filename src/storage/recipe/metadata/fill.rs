//! How the readers fill in settings: from what a file writes to values that make sense, and notes for the rest.

use super::imported::{Imported, SourceApp};
use super::samplers;
use super::values::{shorten, whole};
use crate::base::model_ref::ModelRef;
use crate::content::request::limits::validate_size;
use crate::content::request::{Field, Request, SIDE_MULTIPLE, Size};

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

    /// Takes what the picture shows.
    pub(super) fn set_prompt(&mut self, text: Option<String>) {
        self.set_text(Field::Prompt, text, |request| &mut request.prompts.prompt);
    }

    /// Takes what the picture was not to show.
    pub(super) fn set_negative_prompt(&mut self, text: Option<String>) {
        self.set_text(Field::NegativePrompt, text, |request| &mut request.prompts.negative_prompt);
    }

    /// An empty text may be one that the app didn't find, so that it clears nothing in the form.
    fn set_text(&mut self, field: Field, text: Option<String>, place: impl FnOnce(&mut Request) -> &mut String) {
        if let Some(text) = text.filter(|text| !text.trim().is_empty()) {
            *place(&mut self.patch.request) = text;
            self.patch.has.insert(field);
        }
    }

    /// Takes a number from what the file writes.
    pub(super) fn set(&mut self, field: Field, text: Option<String>) {
        let Some(text) = text.filter(|text| !text.trim().is_empty()) else { return };
        let request = &mut self.patch.request;
        // Some write whole numbers as 42.0.
        let read = field.parse(text.trim(), request).or_else(|error| match whole(&text) {
            Some(number) => field.parse(&number.to_string(), request),
            None => Err(error),
        });
        if read.and_then(|()| field.check(request)).is_ok() {
            self.patch.has.insert(field);
        } else {
            field.copy(&Request::default(), request);
            self.note(format!("Its {} can't be used: {}", field.noun(), shorten(&text)));
        }
    }

    /// Takes the size from what the file writes.
    pub(super) fn set_size(&mut self, width: Option<String>, height: Option<String>) {
        let (Some(width), Some(height)) = (width, height) else { return };
        if width.trim().is_empty() && height.trim().is_empty() {
            return;
        }
        let sides = whole(&width).zip(whole(&height));
        let size = sides.map(|(width, height)| Size::new(width as usize, height as usize));
        if let Some(size) = size.filter(|size| validate_size(*size, SIDE_MULTIPLE).is_ok()) {
            self.patch.request.size = size;
            self.patch.has.insert(Field::Size);
        } else {
            let (width, height) = (shorten(&width), shorten(&height));
            self.note(format!(
                "Its size can't be drawn, as sides are multiples of {SIDE_MULTIPLE}: {width} x {height}"
            ));
        }
    }

    /// Takes the size from a text such as `512x768`.
    pub(super) fn set_size_from(&mut self, text: Option<String>) {
        let Some(text) = text.filter(|text| !text.trim().is_empty()) else { return };
        let (width, height) = text.split_once(['x', 'X', '×']).unwrap_or((&text, ""));
        self.set_size(Some(width.to_owned()), Some(height.to_owned()));
    }

    /// Takes the sampler, and the noise schedule where the file names it apart.
    pub(super) fn set_sampler(&mut self, sampler: Option<String>, schedule: Option<&str>) {
        let Some(sampler) = sampler.filter(|sampler| !sampler.trim().is_empty()) else { return };
        let found = samplers::find(&sampler, schedule);
        if let Some(kind) = found.kind {
            self.patch.request.sampling.scheduler = Some(kind);
            self.patch.has.insert(Field::Scheduler);
        }
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
        if self.patch.has.contains(Field::Seed) {
            self.note("The same seed gave other noise there, as it came from a GPU, so the picture will differ");
        }
    }

    /// Notes what the prompts ask for in the language of the web UI and ComfyUI, which is plain text here.
    pub(super) fn note_prompt_syntax(&mut self) {
        let prompts = self.prompts();
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

    /// Returns both prompts; empty where the file has none.
    pub(super) fn prompts(&self) -> [&str; 2] {
        let prompts = &self.patch.request.prompts;
        [&prompts.prompt, &prompts.negative_prompt]
    }

    /// Cuts what is too long to be shown, and fills in what the app leaves unsaid.
    pub(super) fn finish(mut self) -> Self {
        if self.source != SourceApp::BURNISHER {
            let prompts = &mut self.patch.request.prompts;
            for text in [&mut prompts.prompt, &mut prompts.negative_prompt] {
                if text.len() > LONGEST_PROMPT {
                    text.truncate(text.floor_char_boundary(LONGEST_PROMPT));
                    self.notes.insert(0, format!("A prompt was cut after {LONGEST_PROMPT} bytes"));
                }
            }
            // An app that says nothing of a negative prompt had none.
            if self.patch.has.contains(Field::Prompt) {
                self.patch.has.insert(Field::NegativePrompt);
            }
        }
        self.model = self.model.filter(|model| !model.is_empty()).map(|model| shorten(&model));
        // A picture may come from anywhere: what it names is found by its content, and no path of it is followed.
        self.patch.request.forget_places();
        self.patch.model = self.patch.model.filter(ModelRef::is_named);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::recipe::metadata::values::LONGEST_IN_NOTE;

    fn imported() -> Imported {
        Imported::new(SourceApp::AUTOMATIC1111)
    }

    #[test]
    fn values_that_no_request_can_have_are_absent_and_noted() {
        let mut imported = imported();
        imported.set(Field::Steps, Some("5000".into()));
        imported.set(Field::GuidanceScale, Some("inf".into()));
        imported.set(Field::GuidanceRescale, Some("2".into()));
        imported.set(Field::Seed, Some("-1".into()));
        imported.set_size_from(Some("513x768".into()));
        assert!(imported.patch.has.is_empty());
        assert_eq!(imported.notes.len(), 5);
        assert!(imported.notes[4].ends_with("multiples of 8: 513 x 768"), "{:?}", imported.notes);
    }

    #[test]
    fn notes_and_prompts_stay_of_a_length_that_can_be_shown() {
        let mut imported = imported();
        imported.set_prompt(Some("é".repeat(LONGEST_PROMPT)));
        imported.model = Some("m\n".repeat(LONGEST_PROMPT));
        for k in 0..100 {
            imported.note_unused("LoRAs", &[format!("{k}{}", "x".repeat(1000))]);
        }
        let imported = imported.finish();
        assert_eq!(imported.get(Field::Prompt).expect("it stays").len(), LONGEST_PROMPT);
        assert!(imported.notes.len() <= MOST_NOTES + 1 && imported.notes.iter().all(|note| note.len() < 400));
        assert!(imported.model.expect("it stays").chars().count() <= LONGEST_IN_NOTE + 1);
    }

    #[test]
    fn weights_and_loras_in_a_prompt_are_noted() {
        let notes = |prompt: &str| {
            let mut imported = imported();
            imported.set_prompt(Some(prompt.into()));
            imported.note_prompt_syntax();
            imported.notes
        };
        assert!(notes("a fox (red), at 10:30, <3").is_empty());
        assert_eq!(notes("a (fox:1.2) <lora:fur:0.8>").len(), 2);
        assert_eq!(notes("<lora:fur:0.8><lora:snow>"), ["LoRAs can't be applied here: fur, snow"]);
        assert_eq!(notes("((fox))").len(), 1);
    }

    #[test]
    fn empty_values_change_nothing_and_are_no_fault() {
        let mut empty = imported();
        empty.set_prompt(Some(" \n".into()));
        empty.set_negative_prompt(Some(String::new()));
        for field in [Field::Steps, Field::GuidanceScale, Field::Seed] {
            empty.set(field, Some(" ".into()));
        }
        empty.set_size(Some(String::new()), Some(String::new()));
        empty.set_size_from(Some(String::new()));
        empty.set_sampler(Some(" ".into()), Some(""));
        assert_eq!(empty.finish(), imported());
    }

    #[test]
    fn another_app_that_says_nothing_of_a_negative_prompt_had_none() {
        let mut foreign = imported();
        foreign.set_prompt(Some("a fox".into()));
        assert_eq!(foreign.finish().get(Field::NegativePrompt).as_deref(), Some(""));
        assert_eq!(imported().finish().get(Field::NegativePrompt), None, "it says nothing of a prompt either");
        assert_eq!(Imported::new(SourceApp::BURNISHER).finish().get(Field::NegativePrompt), None);
    }

    #[test]
    fn whole_numbers_may_be_written_as_others() {
        let mut foreign = imported();
        foreign.set(Field::Steps, Some(" 20.0 ".into()));
        foreign.set(Field::GuidanceScale, Some("7".into()));
        assert_eq!(
            [Field::Steps, Field::GuidanceScale].map(|field| foreign.get(field)),
            [Some("20".into()), Some("7".into())]
        );
    }
}
