//! The right side: the pipeline as Diffusers prints it, or what is known of one component.

use egui::RichText;

use super::found::Found;
use super::swap::SwapPanel;
use super::tables::{bytes_text, parameters_text, table_ui, value_text};
use crate::app::action::Action;
use crate::storage::checkpoint::ComponentDescription;
use crate::worker::ComponentInspection;

/// Names of tensors that a list shows.
const NAMES: usize = 50;

/// The pipeline: what it does with the memory, what is to be said of its files, and how it is printed.
pub(crate) fn pipeline_ui(ui: &mut egui::Ui, found: &Found) {
    if let Ok(plan) = &found.plan {
        for detail in plan.details() {
            ui.label(detail);
        }
    }
    for note in found.notes() {
        ui.label(format!("⚠ {note}"));
    }
    ui.monospace(found.inspection.description.pipeline());
}

/// A component: what it is, whether its weights are those that its config asks for, and its config.
pub(crate) fn component_ui(
    ui: &mut egui::Ui,
    found: &Found,
    component: &ComponentDescription,
    swap: &mut SwapPanel,
    actions: &mut Vec<Action>,
) {
    facts_ui(ui, component);
    if let Some(inspected) = found.inspection.component(&component.name) {
        ui.add_space(4.0);
        keys_ui(ui, inspected);
    }
    ui.add_space(6.0);
    if component.name == "scheduler" {
        swap.ui(ui, &component.config, actions);
    } else {
        config_ui(ui, component);
    }
}

fn facts_ui(ui: &mut egui::Ui, component: &ComponentDescription) {
    egui::Grid::new("facts").num_columns(2).spacing([16.0, 3.0]).show(ui, |ui| {
        let mut row = |name: &str, value: String| {
            ui.label(RichText::new(name).weak());
            ui.add(egui::Label::new(value).wrap());
            ui.end_row();
        };
        row("Class", format!("{} ({})", component.class, component.library));
        if let Some(weights) = &component.weights {
            row("Parameters", format!("{} in {} tensors", parameters_text(weights.parameters), weights.tensors));
            let dtypes: Vec<&str> = weights.dtypes.iter().map(String::as_str).collect();
            row("Type", dtypes.join(" and "));
            row("Size", bytes_text(weights.bytes));
            row(if weights.files.len() == 1 { "File" } else { "Files" }, weights.files.join("\n"));
        }
    });
}

/// Whether the files have what the config asks for.
fn keys_ui(ui: &mut egui::Ui, inspected: &ComponentInspection) {
    if let Some(error) = &inspected.error {
        ui.label(format!("⚠ {error}"));
        return;
    }
    let mismatch = &inspected.mismatch;
    if mismatch.is_empty() {
        ui.label("Every tensor is there, and every one is used");
        return;
    }
    let mis_shaped: Vec<String> = mismatch.mis_shaped.iter().map(ToString::to_string).collect();
    for (what, names) in [
        ("missing: the model can't be used", &mismatch.missing),
        ("of another shape: the model can't be used", &mis_shaped),
        ("that nothing uses, which does no harm", &mismatch.unused),
    ] {
        if names.is_empty() {
            continue;
        }
        let tensors = if names.len() == 1 { "tensor" } else { "tensors" };
        egui::CollapsingHeader::new(format!("⚠ {} {tensors} {what}", names.len())).id_salt(what).show(ui, |ui| {
            for name in names.iter().take(NAMES) {
                ui.monospace(name);
            }
            if names.len() > NAMES {
                ui.label(format!("and {} more", names.len() - NAMES));
            }
        });
    }
}

/// Every option, and whether it is a default.
fn config_ui(ui: &mut egui::Ui, component: &ComponentDescription) {
    let rows = component.options().into_iter().map(|(key, value, is_default)| {
        let origin = if is_default { "default" } else { "" };
        [key.to_owned(), value_text(value), origin.to_owned()]
    });
    table_ui(ui, "config", &["Option", "Value", ""], &rows.collect::<Vec<_>>());
}
