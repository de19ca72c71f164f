//! The inspector: what a model is made of, without loading it. A dialog with the pipeline's components on the left and what
//! is known of the chosen one on the right.
//!
//! The files are read on a thread of their own, and all that takes arithmetic is worked out once, when something is chosen.

mod act;
mod details;
mod found;
mod swap;
mod tables;
mod tree;

use crate::app::action::Action;
use crate::app::theme;
use crate::base::error::Result;
use crate::base::model_ref::ModelRef;

use found::Chosen;
pub(crate) use found::{Found, InspectorLook};
use swap::SwapPanel;

/// The dialog.
#[derive(Debug)]
pub(crate) struct Inspector {
    /// The model that it is about.
    model: ModelRef,
    /// What is known of it; `None` while its files are being read.
    found: Option<Result<Box<Found>>>,
    chosen: Chosen,
    /// Another sampler that is tried on.
    swap: SwapPanel,
}

impl Inspector {
    /// A dialog that waits for what is to be known of a model.
    pub(crate) fn new(model: ModelRef) -> Self {
        Self { model, found: None, chosen: Chosen::Pipeline, swap: SwapPanel::default() }
    }

    /// Takes in what was found out about a model.
    pub(crate) fn hear(&mut self, model: &ModelRef, found: Result<Box<Found>>) {
        if self.model == *model {
            self.found = Some(found);
        }
    }

    /// The dialog.
    pub(crate) fn ui(&mut self, ctx: &egui::Context, actions: &mut Vec<Action>) {
        /// Wide enough for a config's longest lines.
        const WIDTH: f32 = 940.0;
        let modal = egui::Modal::new(egui::Id::unique("inspector")).show(ctx, |ui| {
            let screen = ctx.content_rect();
            ui.set_width(WIDTH.min(screen.width() - 48.0));
            ui.heading(self.model.label()).on_hover_text(self.model.to_string());
            let height = (screen.height() - 190.0).clamp(200.0, 620.0);
            match &self.found {
                None => drop(ui.label("Reading the model's files…")),
                Some(Err(error)) => {
                    ui.label(egui::RichText::new(format!("⚠ {error}")).color(theme::palette(ui).error));
                }
                Some(Ok(found)) => {
                    ui.label(found.plan_text());
                    ui.separator();
                    both_ui(ui, height, found, &mut self.chosen, &mut self.swap, actions);
                    ui.separator();
                }
            }
            ui.horizontal(|ui| {
                if let Some(Ok(found)) = &self.found
                    && ui.button("Copy as text").on_hover_text("All of it, as `burnisher inspect` prints it").clicked()
                {
                    ctx.copy_text(found.text());
                }
                if ui.button("Close").clicked() {
                    actions.push(Action::CloseDialog);
                }
            });
        });
        if modal.should_close() {
            actions.push(Action::CloseDialog);
        }
    }
}

/// The components, and beside them what is known of the chosen one.
fn both_ui(
    ui: &mut egui::Ui,
    height: f32,
    found: &Found,
    chosen: &mut Chosen,
    swap: &mut SwapPanel,
    actions: &mut Vec<Action>,
) {
    const TREE_WIDTH: f32 = 260.0;
    let top = egui::Layout::left_to_right(egui::Align::Min);
    ui.allocate_ui_with_layout(egui::vec2(ui.available_width(), height), top, |ui| {
        let side = |ui: &mut egui::Ui, name: &str, width: f32, show: &mut dyn FnMut(&mut egui::Ui)| {
            let down = egui::Layout::top_down(egui::Align::Min);
            ui.allocate_ui_with_layout(egui::vec2(width, height), down, |ui| {
                ui.set_width(width);
                egui::ScrollArea::vertical()
                    .id_salt(name)
                    .max_height(height)
                    .auto_shrink(false)
                    .show(ui, |ui| show(ui));
            });
        };
        side(ui, "tree", TREE_WIDTH, &mut |ui| tree::ui(ui, found, chosen));
        ui.separator();
        let width = ui.available_width();
        side(ui, "details", width, &mut |ui| match *chosen {
            Chosen::Pipeline => details::pipeline_ui(ui, found),
            Chosen::Component(place) => {
                if let Some(component) = found.component(place) {
                    details::component_ui(ui, found, component, swap, actions);
                }
            }
        });
    });
}
