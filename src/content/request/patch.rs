//! Values for some of a request's fields: what a picture, another app or a command line says.

use super::field_set::FieldSet;
use super::fields::Field;
use super::json::Reading;
use super::request::Request;
use crate::base::model_ref::ModelRef;

/// Values for some of a request's fields, and a model if it is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Patch {
    /// The values; those that aren't in `has` mean nothing.
    pub request: Request,
    /// The fields that it has values for.
    pub has: FieldSet,
    /// What draws it.
    pub model: Option<ModelRef>,
}

impl From<Reading> for Patch {
    fn from(reading: Reading) -> Self {
        Self { request: reading.request, has: reading.has, model: None }
    }
}

impl Patch {
    /// Adds a field, whose value `change` puts into the request.
    #[must_use]
    pub fn with(mut self, field: Field, change: impl FnOnce(&mut Request)) -> Self {
        change(&mut self.request);
        self.has.insert(field);
        self
    }

    /// Returns those of these fields that it has, without the model.
    #[must_use]
    pub fn only(&self, fields: &[Field]) -> Self {
        let mut only = Self::default();
        for field in fields.iter().copied().filter(|field| self.has.contains(*field)) {
            field.copy(&self.request, &mut only.request);
            only.has.insert(field);
        }
        only
    }

    /// Puts those of these fields that it has into a request.
    pub fn apply(&self, fields: FieldSet, to: &mut Request) {
        for field in self.has.iter().filter(|field| fields.contains(*field)) {
            field.copy(&self.request, to);
        }
    }
}
