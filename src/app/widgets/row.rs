//! A row of a form: a name, and beside it what it is the name of.

use egui::Slider;

/// A row: a name, and what fills the rest. Returns what the name is, for screen readers.
pub(crate) fn row<R>(ui: &mut egui::Ui, name: &str, fill: impl FnOnce(&mut egui::Ui, egui::Id) -> R) -> R {
    /// Wide enough for the longest name.
    const NAME_WIDTH: f32 = 72.0;
    ui.horizontal(|ui| {
        let height = ui.spacing().interact_size.y;
        let left = egui::Layout::left_to_right(egui::Align::Center);
        let size = egui::vec2(NAME_WIDTH, height);
        let label = ui.allocate_ui_with_layout(size, left, |ui| {
            ui.set_min_size(size);
            ui.label(name)
        });
        fill(ui, label.inner.id)
    })
    .inner
}

/// A slider that fills the row.
pub(crate) fn wide(ui: &mut egui::Ui, slider: Slider<'_>) -> egui::Response {
    /// What the number beside the slider takes.
    const NUMBER_WIDTH: f32 = 54.0;
    let room = ui.available_width() - NUMBER_WIDTH - ui.spacing().item_spacing.x;
    ui.spacing_mut().slider_width = room.max(40.0);
    ui.spacing_mut().interact_size.x = NUMBER_WIDTH;
    ui.add(slider)
}
