//! What changes the form, carried out.

use std::path::Path;
use std::time::SystemTime;

use crate::app::action::{Action, FormAction, ModelAction};
use crate::app::dialogs::Dialog;
use crate::app::dialogs::patch::PatchDialog;
use crate::app::files::model_at;
use crate::app::panels::form::{sampler, source};
use crate::app::pasting;
use crate::app::window::App;
use crate::base::error::{Error, Result};
use crate::base::model_ref::ModelRef;
use crate::content::request::Branch;
use crate::storage::recipe::import::{self, Imported};
use crate::storage::recipe::local_files::LocalFiles;

/// The folder, below the one for pictures, that keeps what was pasted.
const PASTED: &str = "pasted";

impl App {
    /// Changes the settings of the next picture.
    pub(crate) fn act_on_form(&mut self, ctx: &egui::Context, action: FormAction) {
        let state = &mut self.state;
        match action {
            FormAction::UseSampler(kind) => {
                sampler::choose(&mut state.draft, kind);
                self.dialog = None;
                self.notices.info(format!("The form's sampler is {}", kind.label()));
            }
            FormAction::NewSeed => {
                state.draft.seed_locked = false;
                state.draft.values.seeds.first = crate::content::request::random_seed();
            }
            FormAction::SwapSides => {
                let draft = &mut state.draft;
                std::mem::swap(&mut draft.values.size.width, &mut draft.values.size.height);
                draft.untouched &= draft.values.size.width == draft.values.size.height;
            }
            FormAction::WalkHistory(by) => self.form.prompt.walk_history(state, by),
            FormAction::BeginWith(path) => self.form.begin_with(state, path),
            FormAction::UseDepth(path) => state.draft.start.depth = Some(path),
            FormAction::Drop(path) => self
                .run(move || Ok(Some(model_at(&path).map_or_else(|| FormAction::BeginWith(path).into(), use_model)))),
            FormAction::Paste(picture) => {
                let folder = state.session.settings.output_folder.join(PASTED);
                self.run(move || {
                    Ok(Some(FormAction::BeginWith(source::keep(&picture, &folder, SystemTime::now())?).into()))
                });
            }
            FormAction::GoOnFrom(branch) => self.go_on_from(branch),
            FormAction::Import(path) => {
                let local_files = state.session.local_files.clone();
                self.run(move || import_file(&path, &local_files));
            }
            FormAction::ImportIfAny(path) => {
                let local_files = state.session.local_files.clone();
                self.run(move || Ok(import_file(&path, &local_files).unwrap_or_default()));
            }
            FormAction::TakeFiles { files, text } => self.run(move || pasting::look_for_files(files, text)),
            FormAction::FilesFound(files) => self.take_files(ctx, files),
            FormAction::PasteFiles => self.run(pasting::paste_files),
            FormAction::TypePasted(text) => self.type_pasted(ctx, text),
            FormAction::ImportText(text) => self.run(move || {
                let none = || {
                    Error::new("the text on the clipboard has no settings, and names no file")
                        .advise("To use it as the prompt, click into the prompt first")
                };
                let imported = import::import_text(&text).ok_or_else(none)?;
                Ok(Some(review("From the clipboard".to_owned(), imported)))
            }),
            FormAction::Review { title, notes, patch } => {
                let is_plain = notes.is_empty();
                let dialog = PatchDialog::new(title, notes, *patch, &state.draft, &state.session.settings.model);
                if dialog.changes.is_empty() && is_plain {
                    self.notices.info("The form says all of that already");
                } else {
                    self.dialog = Some(Dialog::Patch(Box::new(dialog)));
                }
            }
            FormAction::TakePatch => {
                if let Some(Dialog::Patch(dialog)) = self.dialog.take() {
                    state.draft.take_patch(&dialog.patch, dialog.fields());
                    if let Some(model) = dialog.patch.model.clone().filter(|_| dialog.takes_model()) {
                        self.apply(ctx, ModelAction::Use(model).into());
                    }
                }
            }
            FormAction::Look(path) => self.run(move || {
                let glance = source::glance(&path);
                Ok(Some(FormAction::Looked { path, glance }.into()))
            }),
            FormAction::Looked { path, glance } => {
                self.form.depth.hear(ctx, &path, &glance);
                self.form.picture.hear(ctx, &path, &glance);
            }
            FormAction::Plan(asked) => {
                self.run(move || Ok(Some(FormAction::Planned(Box::new(asked.plan())).into())));
            }
            FormAction::Planned(planned) => self.form.outlook.hear(*planned),
        }
    }

    /// Has the next pictures go on from another run, or begin from the start.
    fn go_on_from(&mut self, branch: Option<Box<Branch>>) {
        let draft = &mut self.state.draft;
        if let Some(branch) = &branch {
            (draft.values.size.width, draft.values.size.height) = (branch.from.size.width, branch.from.size.height);
            (draft.values.seeds.first, draft.seed_locked) = (branch.from.seeds.first, true);
            self.notices.info(format!("Generate goes on from step {}", branch.step));
        }
        draft.values.start.branch = branch;
    }
}

fn use_model(model: ModelRef) -> Action {
    ModelAction::Use(model).into()
}

/// Reads a picture's settings, or opens a model.
fn import_file(path: &Path, local_files: &LocalFiles) -> Result<Option<Action>> {
    if let Some(model) = model_at(path) {
        return Ok(Some(use_model(model)));
    }
    let imported = import::import(path, local_files)?;
    Ok(Some(review(path.display().to_string(), imported)))
}

/// Shows what a picture's settings would change; `place` is where they come from.
fn review(place: String, imported: Imported) -> Action {
    let title = format!("Settings of a picture by {}", imported.source.label());
    let mut notes = imported.notes;
    if let Some(model) = imported.model.filter(|_| imported.patch.model.is_none()) {
        notes.insert(0, format!("It was drawn with the model {model}"));
    }
    notes.push(place);
    FormAction::Review { title, notes, patch: Box::new(imported.patch) }.into()
}
