//! The generation settings that apps write into their pictures: ours, and those of six others.
//!
//! Each format has a file, which turns texts into an [`Imported`]. Where a picture carries several, our own recipe
//! counts first, then what only one app writes, then the `parameters` text that every app writes in the same way. A
//! format that is broken gives way to the next one.
//!
//! Limits: PNG, JPEG and WebP. Settings hidden in the pixels aren't looked for, so pixels are never decoded.

mod a1111;
mod comfyui;
mod draw_things;
mod fooocus;
mod imported;
mod invokeai;
mod json;
mod novelai;
mod samplers;
mod texts;

use std::io::{BufRead, Seek};

pub use imported::{Imported, Source};

use super::png_text;
use crate::error::{Error, Result};
use crate::request::Recipe;
use texts::Texts;

/// Reads one format: `None` if the texts don't have it.
type Format = fn(&Texts) -> Option<Result<Imported>>;

/// Every format, the one that says most first.
const FORMATS: [Format; 7] =
    [burnisher, invokeai::read, draw_things::read, novelai::read, fooocus::read, comfyui::read, a1111::read];

/// The settings that a PNG, JPEG or WebP file carries; `None` if it carries none.
///
/// # Errors
/// It is no such file, it is broken, or its settings are.
pub fn read(file: impl BufRead + Seek) -> Result<Option<Imported>> {
    let texts = Texts::of_picture(file)?;
    let mut failure = None;
    for format in FORMATS {
        match format(&texts) {
            Some(Ok(imported)) => return Ok(Some(imported.finish())),
            Some(Err(error)) => failure = failure.or(Some(error)),
            None => {}
        }
    }
    failure.map_or(Ok(None), Err)
}

/// The settings in a text that was copied from another app, in AUTOMATIC1111's format; `None` if it is no such text.
pub fn read_text(text: &str) -> Option<Imported> {
    a1111::parse(text).map(Imported::finish)
}

/// Our own recipe.
fn burnisher(texts: &Texts) -> Option<Result<Imported>> {
    let recipe = serde_json::from_str::<Recipe>(texts.get(png_text::BURNISHER)?);
    Some(recipe.map(Imported::from).map_err(|cause| broken(Source::Burnisher).caused_by(cause)))
}

/// Says that the settings of an app can't be made out.
fn broken(source: Source) -> Error {
    Error::new(format!("the settings that {} wrote into this picture are broken", source.label()))
}
