//! Our own recipe: the PNG text `burnisher` with a JSON object.

use serde_json::Value;

use super::imported::{Imported, SourceApp};
use super::json;
use super::texts::Texts;
use crate::base::error::Result;
use crate::content::imaging::png_text;
use crate::content::request::{Field, Patch, Request};
use crate::schedulers::SchedulerKind;

impl SourceApp {
    /// This program.
    pub const BURNISHER: Self = Self::new("Burnisher");
}

pub(super) fn read(texts: &Texts) -> Option<Result<Imported>> {
    let text = texts.get(png_text::BURNISHER)?;
    Some(imported(text).ok_or_else(|| SourceApp::BURNISHER.broken()))
}

/// The settings of a recipe, value by value: a newer version may have written it.
fn imported(text: &str) -> Option<Imported> {
    let recipe = json::object(text)?;
    let request = recipe.get("request")?.as_object()?;
    let reading = Request::read(request);
    let mut imported = Imported::new(SourceApp::BURNISHER);
    reading.notes.iter().for_each(|note| imported.note(note));
    imported.patch = Patch::from(reading);
    // What a recipe leaves out has its default.
    let is_left_out = |field: &Field| field.is_optional() && field.keys().iter().all(|key| !request.contains_key(*key));
    Field::ALL.iter().filter(|field| is_left_out(field)).for_each(|field| imported.patch.has.insert(*field));
    // How many pictures there were says nothing of this one, and what is done to flagged ones is the user's choice.
    imported.patch.has.remove(Field::Count);
    imported.patch.has.remove(Field::Safety);
    imported.sampler = imported.patch.request.sampling.scheduler.map(|kind: SchedulerKind| kind.label().to_owned());
    imported.model = recipe.get("model").and_then(Value::as_str).map(str::to_owned);
    imported.model_hash = recipe.get("model_hash").and_then(Value::as_str).map(str::to_owned);
    imported.patch.model = imported.model.as_ref().and_then(|model| model.parse().ok());
    Some(imported)
}
