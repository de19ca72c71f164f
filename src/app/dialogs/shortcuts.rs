//! The sheet of everything that has a key.

use egui_extras::{Column, TableBuilder};

use crate::app::action::Action;
use crate::app::command::{UiCommand, keys_text};

/// Keys that belong to one place and not to a command.
const ELSEWHERE: [(&str, &str); 12] = [
    ("Wheel", "Zoom the canvas at the pointer"),
    ("Drag", "Move the picture on the canvas"),
    ("Space, middle button", "Move the picture while a mask is painted"),
    ("Ctrl+wheel", "Change the size of the brush"),
    ("Shift+click", "Draw a straight line from where the last stroke ended"),
    ("Double click", "Fit the picture, or show it at 100 %"),
    ("Arrows", "Walk through the gallery, or move the picture on the canvas"),
    ("Del", "Move the gallery's picture to the bin"),
    (".", "Mark the gallery's picture as a favourite"),
    ("C", "Compare the gallery's picture with the one on the canvas"),
    ("Tab", "Go to the next control"),
    ("Ctrl+Z, Ctrl+Shift+Z", "Undo and redo in text boxes"),
];

/// Keys, and what they do.
fn rows(ctx: &egui::Context) -> Vec<(String, &'static str)> {
    let keys = |command: &UiCommand| {
        let keys: Vec<String> = command.shortcuts().iter().map(|keys| keys_text(ctx, *keys)).collect();
        (keys.join(", "), command.tooltip())
    };
    let elsewhere = ELSEWHERE.iter().map(|(keys, what)| ((*keys).to_owned(), *what));
    UiCommand::ALL.iter().map(keys).filter(|(keys, _)| !keys.is_empty()).chain(elsewhere).collect()
}

/// The sheet.
pub(crate) fn ui(ctx: &egui::Context, actions: &mut Vec<Action>) {
    let modal = egui::Modal::new(egui::Id::unique("shortcuts")).show(ctx, |ui| {
        ui.set_width(560.0_f32.min(ctx.content_rect().width() - 40.0));
        ui.heading("Keyboard shortcuts");
        let height = ctx.content_rect().height() - 160.0;
        egui::ScrollArea::vertical().max_height(height).show(ui, |ui| {
            let rows = rows(ctx);
            let table = TableBuilder::new(ui).striped(true).vscroll(false);
            let table = table.column(Column::exact(140.0)).column(Column::remainder().clip(true));
            table.body(|body| {
                body.rows(20.0, rows.len(), |mut row| {
                    let (keys, what) = &rows[row.index()];
                    row.col(|ui| drop(ui.strong(keys)));
                    row.col(|ui| drop(ui.label(*what)));
                });
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
