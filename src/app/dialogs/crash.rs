//! The offer after a crash: what was kept of it, to be copied for a report.

use std::path::PathBuf;

use crate::app::action::Action;
use crate::base::logging::without_private;

/// What was kept of a crash.
#[derive(Debug)]
pub(crate) struct CrashDialog {
    /// All that a report needs.
    pub(crate) report: String,
    /// The file that it lies in.
    pub(crate) path: PathBuf,
}

impl CrashDialog {
    /// The dialog.
    pub(crate) fn ui(&self, ctx: &egui::Context, actions: &mut Vec<Action>) {
        let modal = egui::Modal::new(egui::Id::unique("crash")).show(ctx, |ui| {
            ui.set_width(680.0_f32.min(ctx.content_rect().width() - 40.0));
            ui.heading("Burnisher crashed the last time");
            ui.label(
                "That is a bug in it. Here is what a report needs: what happened and where, versions, device, and the \
                 log's last lines. It holds no prompts, no pictures and no access tokens, and is sent nowhere.",
            );
            ui.add_space(6.0);
            let height = (ctx.content_rect().height() - 260.0).max(80.0);
            egui::ScrollArea::vertical().max_height(height).show(ui, |ui| {
                let mut shown = self.report.as_str();
                let label = ui.label(egui::RichText::new("The report").weak());
                let text = egui::TextEdit::multiline(&mut shown).font(egui::TextStyle::Monospace);
                ui.add(text.desired_width(f32::INFINITY).desired_rows(12)).labelled_by(label.id);
            });
            ui.label(
                egui::RichText::new(format!("Kept as {}", without_private(&self.path.display().to_string()))).weak(),
            );
            ui.add_space(8.0);
            ui.horizontal(|ui| {
                if ui.button("Copy for a report").clicked() {
                    actions.push(Action::CopyText(self.report.clone()));
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
