//! The right side: the pipeline as Diffusers prints it, or what is known of one component.

use egui::RichText;
use egui_extras::{Column, TableBuilder};
use serde_json::Value;

use super::Found;
use super::swap::Swap;
use crate::app::action::Action;
use crate::storage::checkpoint::ComponentDescription;
use crate::worker::ComponentInspection;

/// Names of tensors that a list shows.
const NAMES: usize = 50;

/// How tall a row of a table is, in points.
const ROW: f32 = 20.0;

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
    swap: &mut Swap,
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

/// A table of short texts. What doesn't fit is shown under the pointer.
pub(crate) fn table_ui<const N: usize>(ui: &mut egui::Ui, name: &str, head: &[&str; N], rows: &[[String; N]]) {
    /// The widest option of any config.
    const FIRST: f32 = 220.0;
    /// What a word about an option takes.
    const LAST: f32 = 60.0;
    let spacing = ui.spacing().item_spacing.x;
    let middle = (ui.available_width() - FIRST - LAST - 3.0 * spacing) / (N as f32 - 2.0) - spacing;
    ui.push_id(name, |ui| {
        let table = TableBuilder::new(ui).striped(true).vscroll(false).column(Column::exact(FIRST).clip(true));
        let table = (2..N).fold(table, |table, _| table.column(Column::exact(middle.max(60.0)).clip(true)));
        let table = table.column(Column::exact(LAST).clip(true));
        let table = table.header(ROW, |mut header| {
            for title in head {
                header.col(|ui| drop(ui.label(RichText::new(*title).small().weak())));
            }
        });
        table.body(|body| {
            body.rows(ROW, rows.len(), |mut row| {
                let Some(cells) = rows.get(row.index()) else { return };
                for (column, cell) in cells.iter().enumerate() {
                    row.col(|ui| {
                        let text = RichText::new(cell);
                        let text = if column + 1 == N { text.weak() } else { text };
                        ui.add(egui::Label::new(text).truncate());
                    });
                }
            });
        });
    });
}

/// A value as Python would have it in a line.
pub(crate) fn value_text(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) => format!("[{}]", values.iter().map(value_text).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

/// A number of parameters as people say it.
pub(crate) fn parameters_text(count: u64) -> String {
    match count {
        1_000_000_000.. => format!("{:.2} B", count as f64 / 1e9),
        _ => format!("{:.1} M", count as f64 / 1e6),
    }
}

/// Bytes as people say them.
pub(crate) fn bytes_text(bytes: u64) -> String {
    match bytes {
        1_000_000_000.. => format!("{:.2} GB", bytes as f64 / 1e9),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_values_read_as_people_and_python_say_them() {
        assert_eq!([859_520_964, 1_234_000_000].map(parameters_text), ["859.5 M", "1.23 B"]);
        assert_eq!([167_335_342, 3_438_167_540].map(bytes_text), ["167.3 MB", "3.44 GB"]);
        let value = serde_json::json!([320, null, true, "silu", [1, 0.5]]);
        assert_eq!(value_text(&value), "[320, None, True, silu, [1, 0.5]]");
    }
}
