//! The inspector: what a model is made of, without loading it. A dialog with the pipeline's components on the left and what
//! is known of the chosen one on the right.

use crate::app::apply::Action;
use crate::checkpoint::ModelRef;
use crate::error::Result;
use crate::worker::Inspection;

/// The dialog.
#[derive(Debug)]
pub(super) struct Inspector {
    /// The model that it is about.
    pub model: ModelRef,
    /// What is known of it; `None` while its files are being read.
    found: Option<Result<Box<Inspection>>>,
}

impl Inspector {
    /// A dialog that waits for what is to be known of a model.
    pub(super) fn new(model: ModelRef) -> Self {
        Self { model, found: None }
    }

    /// Takes in what was found out about a model.
    pub(super) fn hear(&mut self, model: &ModelRef, found: Result<Box<Inspection>>) {
        if self.model == *model {
            self.found = Some(found);
        }
    }

    /// The dialog.
    pub(super) fn ui(&mut self, ctx: &egui::Context, actions: &mut Vec<Action>) {
        let modal = egui::Modal::new(egui::Id::unique("inspector")).show(ctx, |ui| {
            ui.heading("Model");
            match &self.found {
                None => drop(ui.label("Reading the model's files…")),
                Some(Err(error)) => drop(ui.label(error.to_string())),
                Some(Ok(inspection)) => drop(ui.monospace(inspection.description.to_string())),
            }
            if ui.button("Close").clicked() {
                actions.push(Action::CloseDialog);
            }
        });
        if modal.should_close() {
            actions.push(Action::CloseDialog);
        }
    }
}
