//! Lines above the canvas that ask something: by how much the mask is to grow, and what becomes of one that doesn't fit.

use egui::{Slider, Ui};

use super::adjusting::{Adjust, Adjusting};
use super::state::{MAX_SIDE, Painter, is_paintable};
use crate::app::action::{Action, PainterAction};
use crate::app::painter::mask::Operation;

impl Painter {
    /// Begins to ask for an amount.
    pub(super) fn adjust(&mut self, kind: Adjust) -> Action {
        let amount = if kind == Adjust::Feather { 4.0 } else { 8.0 };
        self.adjusting = Some(Adjusting { kind, amount, id: 0, seen: None });
        self.preview(kind.operation(amount))
    }

    fn preview(&mut self, operation: Operation) -> Action {
        let work = self.work_on(operation);
        self.adjusting.iter_mut().for_each(|adjusting| adjusting.id = work.id);
        PainterAction::Preview(Box::new(work)).into()
    }

    /// The line, if there is something to ask.
    pub(super) fn bars_ui(&mut self, ui: &mut Ui, actions: &mut Vec<Action>) {
        if self.adjusting.is_some() {
            self.adjusting_ui(ui, actions);
        } else if let Some(wanted) = self.misfit() {
            self.misfit_ui(ui, wanted, actions);
        }
    }

    fn adjusting_ui(&mut self, ui: &mut Ui, actions: &mut Vec<Action>) {
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
            actions.push(self.change(operation));
        } else if is_left {
            self.adjusting = None;
        } else if is_changed {
            actions.push(self.preview(operation));
        }
    }

    fn misfit_ui(&mut self, ui: &mut Ui, (width, height): (usize, usize), actions: &mut Vec<Action>) {
        if !is_paintable((width, height)) {
            ui.label(format!("{width} × {height} is too large to paint on: a side may have {MAX_SIDE} pixels"));
            return;
        }
        let (had_width, had_height) = self.mask_size();
        ui.horizontal_wrapped(|ui| {
            ui.label(format!("The mask is for {had_width} × {had_height} pixels, and here are {width} × {height}"));
            if ui.button("Scale the mask").on_hover_text("Stretch it over this picture").clicked() {
                actions.push(self.change(Operation::Scale(width, height)));
            }
            if ui.button("Start with no mask").on_hover_text("Undo brings the old one back").clicked() {
                actions.push(self.change(Operation::Anew(width, height)));
            }
        });
    }
}
