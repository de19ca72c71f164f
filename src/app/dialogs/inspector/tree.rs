//! The left side: the pipeline, and below it its components with what there is to tell of each in a line.

use egui::RichText;

use super::found::{Chosen, Found};
use super::tables::{bytes_text, parameters_text};
use crate::storage::checkpoint::ComponentDescription;

/// The tree. What is clicked becomes the chosen one.
pub(crate) fn ui(ui: &mut egui::Ui, found: &Found, chosen: &mut Chosen) {
    let description = &found.inspection.description;
    let count = description.components.len();
    let all = format!("{count} components");
    if node_ui(ui, *chosen == Chosen::Pipeline, &description.class_name, &all, false) {
        *chosen = Chosen::Pipeline;
    }
    ui.indent("components", |ui| {
        for (place, component) in description.components.iter().enumerate() {
            let is_marked = found
                .inspection
                .component(&component.name)
                .is_some_and(|inspected| inspected.error.is_some() || !inspected.mismatch.is_empty());
            let is_chosen = *chosen == Chosen::Component(place);
            if node_ui(ui, is_chosen, &component.name, &summary(component), is_marked) {
                *chosen = Chosen::Component(place);
            }
        }
    });
}

/// What a component is, in a line.
fn summary(component: &ComponentDescription) -> String {
    match &component.weights {
        None => component.class.clone(),
        Some(weights) => {
            let dtypes: Vec<&str> = weights.dtypes.iter().map(String::as_str).collect();
            format!(
                "{} · {} · {}",
                parameters_text(weights.parameters),
                dtypes.join(" and "),
                bytes_text(weights.bytes)
            )
        }
    }
}

/// A name with a line below it; whether it was clicked.
fn node_ui(ui: &mut egui::Ui, is_chosen: bool, name: &str, line: &str, is_marked: bool) -> bool {
    let name = if is_marked { format!("⚠ {name}") } else { name.to_owned() };
    ui.scope(|ui| {
        // The two lines belong together.
        ui.spacing_mut().item_spacing.y = 0.0;
        let clicked = ui.selectable_label(is_chosen, RichText::new(name).strong()).on_hover_text(line).clicked();
        ui.horizontal(|ui| {
            ui.spacing_mut().interact_size.y = 0.0;
            ui.add_space(ui.spacing().button_padding.x);
            ui.add(egui::Label::new(RichText::new(line).small().weak()).truncate());
        });
        clicked
    })
    .inner
}
