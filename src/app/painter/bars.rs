//! Lines above the canvas that ask something: by how much the mask is to grow, and what becomes of one that doesn't fit.

use egui::{Slider, Ui};

use super::{Ask, MAX_SIDE, Painter, is_paintable};
use crate::app::canvas::Layer;
use crate::app::painter::mask::{Operation, Worked};

/// What is done by an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Adjust {
    Grow,
    Shrink,
    Feather,
}

/// An amount in the making, with what it would look like.
#[derive(Debug)]
pub(super) struct Adjusting {
    kind: Adjust,
    /// Pixels.
    amount: f64,
    /// What was asked for last.
    id: u64,
    seen: Option<Layer>,
}

impl Adjust {
    fn label(self) -> &'static str {
        match self {
            Self::Grow => "Grow the mask by",
            Self::Shrink => "Shrink the mask by",
            Self::Feather => "Feather its edge by",
        }
    }

    fn operation(self, amount: f64) -> Operation {
        match self {
            Self::Grow => Operation::Grow(amount as i32),
            Self::Shrink => Operation::Grow(-(amount as i32)),
            Self::Feather => Operation::Feather(amount),
        }
    }
}

impl Adjusting {
    /// The mask as it would look.
    pub(super) fn seen(&self) -> Option<&Layer> {
        self.seen.as_ref()
    }

    pub(super) fn hear(&mut self, worked: Worked) {
        if worked.id == self.id {
            self.seen = Some(Layer::new(worked.bitmap));
        }
    }
}

impl Painter {
    /// Begins to ask for an amount.
    pub(super) fn adjust(&mut self, kind: Adjust) {
        let amount = if kind == Adjust::Feather { 4.0 } else { 8.0 };
        self.adjusting = Some(Adjusting { kind, amount, id: 0, seen: None });
        self.preview(kind.operation(amount));
    }

    fn preview(&mut self, operation: Operation) {
        let work = self.work_on(operation);
        self.adjusting.iter_mut().for_each(|adjusting| adjusting.id = work.id);
        self.asks.push(Ask::Preview(Box::new(work)));
    }

    /// The line, if there is something to ask.
    pub(super) fn bars_ui(&mut self, ui: &mut Ui) {
        if self.adjusting.is_some() {
            self.adjusting_ui(ui);
        } else if let Some(wanted) = self.misfit() {
            self.misfit_ui(ui, wanted);
        }
    }

    fn adjusting_ui(&mut self, ui: &mut Ui) {
        let is_free = self.work.is_none();
        let Some(adjusting) = &mut self.adjusting else { return };
        let kind = adjusting.kind;
        let (mut is_changed, mut is_done, mut is_left) = (false, false, false);
        ui.add_enabled_ui(is_free, |ui| {
            ui.horizontal_wrapped(|ui| {
                let label = ui.label(kind.label());
                let amount = Slider::new(&mut adjusting.amount, 1.0..=128.0).integer().suffix(" px");
                is_changed = ui.add(amount).labelled_by(label.id).changed();
                is_done = ui.button("Apply").clicked();
                is_left = ui.button("Cancel").clicked();
            });
        });
        let operation = kind.operation(adjusting.amount);
        if is_done {
            self.change(operation);
        } else if is_left {
            self.adjusting = None;
        } else if is_changed {
            self.preview(operation);
        }
    }

    fn misfit_ui(&mut self, ui: &mut Ui, (width, height): (usize, usize)) {
        if !is_paintable((width, height)) {
            ui.label(format!("{width} × {height} is too large to paint on: a side may have {MAX_SIDE} pixels"));
            return;
        }
        let (had_width, had_height) = self.mask_size();
        ui.horizontal_wrapped(|ui| {
            ui.label(format!("The mask is for {had_width} × {had_height} pixels, and here are {width} × {height}"));
            if ui.button("Scale the mask").on_hover_text("Stretch it over this picture").clicked() {
                self.change(Operation::Scale(width, height));
            }
            if ui.button("Start with no mask").on_hover_text("Undo brings the old one back").clicked() {
                self.change(Operation::Anew(width, height));
            }
        });
    }
}
