//! Tables of options, and numbers and values in words.

use egui::RichText;
use egui_extras::{Column, TableBuilder};
use serde_json::Value;

/// How tall a row of a table is, in points.
const ROW: f32 = 20.0;

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
