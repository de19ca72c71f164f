//! The inspector: what a model is made of, without loading it. A dialog with the pipeline's components on the left and what
//! is known of the chosen one on the right.
//!
//! The files are read on a thread of their own, and all that takes arithmetic is worked out once, when something is chosen.

mod details;
mod swap;
mod tree;

use std::fmt::Write;

use crate::app::apply::Action;
use crate::app::panels::form::controls::model_name;
use crate::app::theme;
use crate::base::error::Result;
use crate::base::model_ref::ModelRef;
use crate::content::request::Request;
use crate::storage::checkpoint::ComponentDescription;
use crate::worker::{self, Host, Inspection, Plan, Wish};

use swap::Swap;

/// The dialog.
#[derive(Debug)]
pub(crate) struct Inspector {
    /// The model that it is about.
    model: ModelRef,
    /// What is known of it; `None` while its files are being read.
    found: Option<Result<Box<Found>>>,
    chosen: Chosen,
    /// Another sampler that is tried on.
    swap: Swap,
}

/// What the right side shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chosen {
    Pipeline,
    /// The component of this place.
    Component(usize),
}

/// A model to be looked into.
#[derive(Debug)]
pub(crate) struct Look {
    pub model: ModelRef,
    pub host: Host,
    /// What it is to draw; `None` for a picture of its own size.
    pub request: Option<Request>,
    /// Bytes of the model that is loaded.
    pub held: u64,
}

/// What is known of a model.
#[derive(Debug)]
pub(crate) struct Found {
    inspection: Inspection,
    /// The memory plan, or why the model can't be used.
    plan: Result<Plan>,
    /// Width and height that the plan is for.
    size: (usize, usize),
}

impl Look {
    /// Reads configs and headers.
    ///
    /// # Errors
    /// There is no such model, it is none that we know, or its files are damaged.
    pub(crate) fn take(&self) -> Result<Box<Found>> {
        let inspection = worker::inspect(&self.model, self.host)?;
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
    fn plan_text(&self) -> String {
        let (width, height) = self.size;
        self.plan.as_ref().map_or_else(
            |error| format!("⚠ This model can't be used: {error}"),
            |plan| format!("{}{plan}, for {width} x {height}", if plan.fits { "" } else { "⚠ " }),
        )
    }

    /// What is to be said of the model's files, by component.
    fn notes(&self) -> Vec<String> {
        self.inspection.components.iter().filter_map(worker::ComponentInspection::note).collect()
    }

    /// All of it as text.
    fn text(&self) -> String {
        let mut text = self.inspection.description.to_string();
        let _ = writeln!(text, "\n{}", self.plan_text());
        for note in self.notes() {
            let _ = writeln!(text, "{note}");
        }
        text
    }

    fn component(&self, place: usize) -> Option<&ComponentDescription> {
        self.inspection.description.components.get(place)
    }
}

impl Inspector {
    /// A dialog that waits for what is to be known of a model.
    pub(crate) fn new(model: ModelRef) -> Self {
        Self { model, found: None, chosen: Chosen::Pipeline, swap: Swap::default() }
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
            ui.heading(model_name(&self.model)).on_hover_text(self.model.to_string());
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
    swap: &mut Swap,
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
