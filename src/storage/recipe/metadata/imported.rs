//! What was read from a picture, in our own terms, and what of it we can't do, in words.

use crate::base::error::Error;
use crate::content::request::{Field, Patch};

/// The app that wrote the settings. Each format's file names its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceApp(&'static str);

impl SourceApp {
    /// An app of this name.
    pub(super) const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// Returns the app's name.
    pub fn label(self) -> &'static str {
        self.0
    }

    /// Says that the app's settings can't be made out.
    pub(super) fn broken(self) -> Error {
        Error::new(format!("the settings that {} wrote into this picture are broken", self.label()))
    }
}

/// The settings of a picture. What the patch has makes sense: each value is one that a request may have. What the file
/// says in a way that can't be used is absent and has a note.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// Who wrote them.
    pub source: SourceApp,
    /// What the file says of a request.
    pub patch: Patch,
    /// The sampler as the file names it, also where we don't have it.
    pub sampler: Option<String>,
    /// The model, as the file names it.
    pub model: Option<String>,
    /// What the model on disk is found by.
    pub model_hash: Option<String>,
    /// What the file says and we can't do, or what makes the picture differ: a sentence each, without its full stop.
    pub notes: Vec<String>,
}

impl Imported {
    /// Settings of which nothing is known yet.
    pub(super) fn new(source: SourceApp) -> Self {
        Self { source, patch: Patch::default(), sampler: None, model: None, model_hash: None, notes: Vec::new() }
    }

    /// Returns the value of a field for people, if the file has it.
    pub fn get(&self, field: Field) -> Option<String> {
        self.patch.has.contains(field).then(|| field.show(&self.patch.request))
    }
}
