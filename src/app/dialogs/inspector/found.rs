//! What is known of a model: read from its files, without loading it.

use std::fmt::Write;

use crate::base::error::Result;
use crate::base::model_ref::ModelRef;
use crate::content::request::Request;
use crate::storage::checkpoint::ComponentDescription;
use crate::storage::hub::Shelf;
use crate::worker::{self, Host, Inspection, Plan, Wish};

/// A model to be looked into.
#[derive(Debug)]
pub(crate) struct InspectorLook {
    pub model: ModelRef,
    /// Where models of the Hub lie.
    pub shelf: Shelf,
    pub host: Host,
    /// What it is to draw; `None` for a picture of its own size.
    pub request: Option<Request>,
    /// Bytes of the model that is loaded.
    pub held: u64,
}

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chosen {
    Pipeline,
    /// The component of this place.
    Component(usize),
}

/// What is known of a model.
#[derive(Debug)]
pub(crate) struct Found {
    pub(super) inspection: Inspection,
    /// The memory plan, or why the model can't be used.
    pub(super) plan: Result<Plan>,
    /// Width and height that the plan is for.
    size: (usize, usize),
}

impl InspectorLook {
    /// Reads configs and headers.
    ///
    /// # Errors
    /// There is no such model, it is none that we know, or its files are damaged.
    pub(crate) fn take(&self) -> Result<Box<Found>> {
        let inspection = worker::inspect(&self.shelf.resolve(&self.model)?, self.host)?;
        let mut size = (0, 0);
        let plan = inspection.plan(
            |footprint| {
                let wish = self.request.as_ref().map_or_else(|| Wish::usual(footprint), Wish::of);
                size = (wish.width, wish.height);
                wish
            },
            self.held,
        );
        Ok(Box::new(Found { inspection, plan, size }))
    }
}

impl Found {
    /// The memory plan in words, with the size that it is for.
    pub(super) fn plan_text(&self) -> String {
        let (width, height) = self.size;
        self.plan.as_ref().map_or_else(
            |error| format!("⚠ This model can't be used: {error}"),
            |plan| format!("{}{plan}, for {width} x {height}", if plan.fits { "" } else { "⚠ " }),
        )
    }

    /// What is to be said of the model's files, by component.
    pub(super) fn notes(&self) -> Vec<String> {
        let notes = self.inspection.description.notes.iter().cloned();
        notes.chain(self.inspection.components.iter().filter_map(worker::ComponentInspection::note)).collect()
    }

    /// All of it as text.
    pub(super) fn text(&self) -> String {
        let mut text = self.inspection.description.to_string();
        let _ = writeln!(text, "\n{}", self.plan_text());
        for note in self.notes() {
            let _ = writeln!(text, "{note}");
        }
        text
    }

    pub(super) fn component(&self, place: usize) -> Option<&ComponentDescription> {
        self.inspection.description.components.get(place)
    }
}
