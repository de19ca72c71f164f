//! Asks for a path where the system has no file dialog.

use std::path::{Path, PathBuf};

use crate::app::action::{Action, PathAction};
use crate::app::files::{DialogKind, FileDialog, LeadsTo, typed_path};
use crate::app::theme;

/// The question, and what was typed.
#[derive(Debug)]
pub(crate) struct PathDialog {
    pub asked: FileDialog<Action>,
    text: String,
    /// What is wrong with the path that was looked at.
    complaint: Option<String>,
    /// A file that is there already, and would be replaced.
    replaces: Option<PathBuf>,
    is_new: bool,
}

impl PathDialog {
    pub(crate) fn new(asked: FileDialog<Action>) -> Self {
        let folder = asked.begins_in().cloned().or_else(dirs::home_dir).unwrap_or_default();
        let begins = match asked.kind() {
            DialogKind::NewFile(name) => folder.join(name),
            // A slash at its end: what is typed next is inside.
            DialogKind::File | DialogKind::Folder => folder.join(""),
        };
        Self { asked, text: begins.display().to_string(), complaint: None, replaces: None, is_new: true }
    }

    /// Takes in what a path leads to. Returns whether it is an answer.
    pub(crate) fn hear(&mut self, path: &Path, found: LeadsTo) -> bool {
        let shown = path.display();
        self.replaces = None;
        self.complaint = match (self.asked.kind(), found) {
            (DialogKind::File, LeadsTo::File)
            | (DialogKind::Folder, LeadsTo::Folder)
            | (DialogKind::NewFile(_), LeadsTo::Nothing) => None,
            (DialogKind::File, LeadsTo::Nothing) => Some(format!("There is no such file: {shown}")),
            (DialogKind::File, LeadsTo::Folder) => Some(format!("This is a folder, not a file: {shown}")),
            (DialogKind::Folder, LeadsTo::Nothing) => Some(format!("There is no such folder: {shown}")),
            (DialogKind::Folder, LeadsTo::File) => Some(format!("This is a file, not a folder: {shown}")),
            (DialogKind::NewFile(_), LeadsTo::Folder) => {
                Some(format!("This is a folder: add the name of the file: {shown}"))
            }
            (DialogKind::NewFile(_), LeadsTo::File) => {
                self.replaces = Some(path.to_owned());
                Some(format!("There is a file of this name already: {shown}"))
            }
        };
        self.complaint.is_none()
    }

    /// Draws it.
    pub(crate) fn ui(&mut self, ctx: &egui::Context, actions: &mut Vec<Action>) {
        let modal = egui::Modal::new(egui::Id::unique("path")).show(ctx, |ui| {
            ui.set_width(520.0_f32.min(ctx.content_rect().width() - 40.0));
            ui.heading(self.asked.title());
            ui.label(
                "No file dialog can be opened: this desktop has neither a portal for files nor zenity. Type the path here, \
                 or install zenity, or xdg-desktop-portal with the backend for your desktop.",
            );
            ui.add_space(8.0);
            let field = egui::TextEdit::singleline(&mut self.text).id_salt("path").desired_width(f32::INFINITY);
            let mut output = field.show(ui);
            let response = output.response.response.accessible_name("Path");
            if std::mem::take(&mut self.is_new) {
                let end = egui::text::CCursor::new(self.text.chars().count());
                output.state.cursor.set_char_range(Some(egui::text::CCursorRange::one(end)));
                output.state.store(ctx, response.id);
                response.request_focus();
            }
            if response.changed() {
                (self.complaint, self.replaces) = (None, None);
            }
            if let Some(complaint) = &self.complaint {
                ui.label(egui::RichText::new(format!("⚠ {complaint}")).color(theme::palette(ui).error));
            }
            let is_entered = response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
            if is_entered {
                response.request_focus();
            }
            ui.add_space(8.0);
            self.buttons_ui(ui, is_entered, actions);
        });
        if modal.should_close() {
            actions.push(PathAction::Cancel.into());
        }
    }

    fn buttons_ui(&self, ui: &mut egui::Ui, is_entered: bool, actions: &mut Vec<Action>) {
        let path = typed_path(&self.text, self.asked.begins_in().map(PathBuf::as_path));
        ui.horizontal(|ui| {
            let word = if let DialogKind::NewFile(_) = self.asked.kind() { "Save" } else { "Open" };
            let is_clicked = ui.add_enabled(path.is_some(), egui::Button::new(word)).clicked();
            if let Some(path) = path.filter(|_| is_clicked || is_entered && self.replaces.is_none()) {
                actions.push(PathAction::Look(path).into());
            }
            if let Some(path) = &self.replaces
                && ui.button("Replace the file").clicked()
            {
                actions.push(PathAction::Take(path.clone()).into());
            }
            if ui.button("Cancel").clicked() {
                actions.push(PathAction::Cancel.into());
            }
        });
    }
}
