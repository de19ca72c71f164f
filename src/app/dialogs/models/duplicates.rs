//! Files that lie on this computer more than once. What to do about them is left to people: they are shown where they are.

use egui::{Label, RichText, ScrollArea};

use crate::app::action::{Action, ModelsAction};
use crate::storage::library::{Duplicates, size_text};

/// The groups. True when the list of models is to be shown again.
pub(crate) fn ui(ui: &mut egui::Ui, found: &[Duplicates], actions: &mut Vec<Action>) -> bool {
    let spare: u64 = found.iter().map(|group| group.bytes * (group.files.len() as u64 - 1)).sum();
    let back = ui
        .horizontal(|ui| {
            let back = ui.button("Back to the list").clicked();
            ui.label(match found.len() {
                0 => "Every file is there only once".to_owned(),
                1 => format!("One file is there more than once: {} to spare", size_text(spare)),
                several => format!("{several} files are there more than once: {} to spare", size_text(spare)),
            });
            back
        })
        .inner;
    ScrollArea::vertical().id_salt("duplicates").auto_shrink(false).show(ui, |ui| {
        for group in found {
            ui.add_space(6.0);
            ui.label(RichText::new(format!("{}, {} times", size_text(group.bytes), group.files.len())).strong());
            for file in &group.files {
                ui.horizontal(|ui| {
                    let shown = file.display().to_string();
                    let button = ui.button("Show in the folder").accessible_name(format!("Show {shown}"));
                    if button.clicked() {
                        actions.push(ModelsAction::ShowInFolder(file.clone()).into());
                    }
                    ui.add(Label::new(shown).selectable(true).truncate());
                });
            }
        }
    });
    back
}
