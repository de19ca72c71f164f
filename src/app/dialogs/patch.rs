//! A look at settings from elsewhere: what each would change, and whether it shall.

use crate::app::action::{Action, FormAction};
use crate::base::model_ref::ModelRef;
use crate::content::request::{FieldSet, Patch};
use crate::session::settings::{Draft, FormChange, FormSetting, changes};

/// The most characters of a value that are shown.
const SHOWN: usize = 160;

/// Settings from elsewhere, before they are taken.
#[derive(Debug)]
pub(crate) struct PatchDialog {
    /// Where they come from, in words.
    pub title: String,
    /// What can't be taken over, in words.
    pub notes: Vec<String>,
    pub patch: Patch,
    /// What would change, and whether it shall.
    pub changes: Vec<(FormChange, bool)>,
}

impl PatchDialog {
    /// A look at what `patch` would change.
    pub(crate) fn new(title: String, notes: Vec<String>, patch: Patch, draft: &Draft, model: &ModelRef) -> Self {
        let changes = changes(&patch, draft, model);
        Self { title, notes, patch, changes: changes.into_iter().map(|change| (change, true)).collect() }
    }

    /// Whether the model is to change.
    pub(crate) fn takes_model(&self) -> bool {
        self.chosen().any(|setting| setting == FormSetting::Model)
    }

    /// The fields that are to change.
    pub(crate) fn fields(&self) -> FieldSet {
        let field = |setting| if let FormSetting::Field(field) = setting { Some(field) } else { None };
        self.chosen().filter_map(field).collect()
    }

    fn chosen(&self) -> impl Iterator<Item = FormSetting> {
        self.changes.iter().filter(|(_, chosen)| *chosen).map(|(change, _)| change.setting)
    }
}

/// What would change, with a box to tick for each.
pub(crate) fn ui(ctx: &egui::Context, look: &mut PatchDialog, actions: &mut Vec<Action>) {
    let modal = egui::Modal::new(egui::Id::unique("look")).show(ctx, |ui| {
        ui.set_width(560.0_f32.min(ctx.content_rect().width() - 40.0));
        ui.heading(&look.title);
        let height = (ctx.content_rect().height() - 220.0).max(80.0);
        egui::ScrollArea::vertical().max_height(height).show(ui, |ui| {
            if look.changes.is_empty() {
                ui.label("The form says all of that already");
            }
            for (change, chosen) in &mut look.changes {
                change_ui(ui, change, chosen);
            }
            for note in &look.notes {
                ui.add_space(4.0);
                ui.label(egui::RichText::new(short(note)).small().weak());
            }
        });
        ui.add_space(8.0);
        ui.horizontal_wrapped(|ui| {
            let some = look.changes.iter().any(|(_, chosen)| *chosen);
            if ui.add_enabled(some, egui::Button::new("Take over")).clicked() {
                actions.push(FormAction::TakePatch.into());
            }
            if ui.add_enabled(look.changes.len() > 1, egui::Button::new("None")).clicked() {
                look.changes.iter_mut().for_each(|(_, chosen)| *chosen = false);
            }
            if ui.button("Cancel").clicked() {
                actions.push(Action::CloseDialog);
            }
        });
    });
    if modal.should_close() {
        actions.push(Action::CloseDialog);
    }
}

/// A field with its values: in one line if they are short.
fn change_ui(ui: &mut egui::Ui, change: &FormChange, chosen: &mut bool) {
    /// Characters of both values that fit into a line.
    const LINE: usize = 50;
    let values = |ui: &mut egui::Ui| {
        ui.label(egui::RichText::new(format!("now: {}", short(&change.now))).weak());
        ui.label(format!("then: {}", short(&change.then)));
    };
    let label = change.setting.label();
    if change.now.chars().count() + change.then.chars().count() <= LINE {
        ui.horizontal(|ui| {
            ui.checkbox(chosen, label);
            values(ui);
        });
    } else {
        ui.checkbox(chosen, label);
        ui.indent(label, values);
    }
}

/// A value in a line or two.
fn short(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None if text.is_empty() => "(nothing)".to_owned(),
        None => text.to_owned(),
    }
}
