//! The sheet of everything that has a key.

use crate::app::apply::Action;
use crate::app::command::UiCommand;

/// Keys that belong to one place and not to a command.
const ELSEWHERE: [(&str, &str); 9] = [
    ("Wheel", "Zoom the canvas at the pointer"),
    ("Drag", "Move the picture on the canvas"),
    ("Double click", "Fit the picture, or show it at 100 %"),
    ("Arrows", "Walk through the gallery, or move the picture on the canvas"),
    ("Del", "Move the gallery's picture to the bin"),
    (".", "Mark the gallery's picture as a favourite"),
    ("C", "Compare the gallery's picture with the one on the canvas"),
    ("Tab", "Go to the next control"),
    ("Ctrl+Z, Ctrl+Shift+Z", "Undo and redo in text boxes"),
];

/// The sheet.
pub(super) fn ui(ctx: &egui::Context, actions: &mut Vec<Action>) {
    let modal = egui::Modal::new(egui::Id::unique("shortcuts")).show(ctx, |ui| {
        ui.set_width(440.0_f32.min(ctx.content_rect().width() - 40.0));
        ui.heading("Keyboard shortcuts");
        let height = ctx.content_rect().height() - 160.0;
        egui::ScrollArea::vertical().max_height(height).show(ui, |ui| {
            egui::Grid::new("shortcuts").num_columns(2).striped(true).spacing([16.0, 4.0]).show(ui, |ui| {
                for command in UiCommand::ALL {
                    let keys: Vec<String> = command.shortcuts().iter().map(|keys| ctx.format_shortcut(keys)).collect();
                    if !keys.is_empty() {
                        ui.monospace(keys.join(", "));
                        ui.label(command.tooltip());
                        ui.end_row();
                    }
                }
                for (keys, what) in ELSEWHERE {
                    ui.monospace(keys);
                    ui.label(what);
                    ui.end_row();
                }
            });
        });
        if ui.button("Close").clicked() {
            actions.push(Action::CloseDialog);
        }
    });
    if modal.should_close() {
        actions.push(Action::CloseDialog);
    }
}
