//! What comes by a drop or by the clipboard: files, pictures and settings are taken, and the rest is text.

use std::path::PathBuf;
use std::sync::Arc;

use egui::{ColorImage, Event};

use crate::app::action::{Action, FormAction, ModelAction, PictureAction};
use crate::app::files::{LeadsTo, copied_files, find, model_at, paths_in};
use crate::app::window::App;
use crate::base::error::{Error, Result};
use crate::storage::recipe::import;

/// The longest text that is looked through for settings before it goes into the prompt, in bytes. Nobody's settings are as long.
const LONGEST: usize = 1 << 20;

/// What is done with a pasted text.
enum Pasted {
    Files(Vec<PathBuf>),
    Settings,
    Text,
}

impl Pasted {
    fn of(text: &str) -> Self {
        let files = paths_in(text);
        if !files.is_empty() {
            Self::Files(files)
        } else if text.len() <= LONGEST && import::import_text(text).is_some() {
            Self::Settings
        } else {
            Self::Text
        }
    }
}

impl App {
    /// What dropped files and the clipboard ask for. A text that is more than a text is kept from the prompt.
    pub(super) fn brought(&mut self, ctx: &egui::Context) -> Vec<Action> {
        let mut actions = Vec::new();
        for file in ctx.input_mut(|input| std::mem::take(&mut input.raw.dropped_files)) {
            actions.push(self.take_file(file.path().to_owned()));
        }
        if let Some(text) = self.pasting.text.take() {
            ctx.input_mut(|input| input.events.push(Event::Paste(text)));
            return actions;
        }
        if ctx.input(|input| self.pasting.came_up_empty(&input.events)) {
            actions.push(FormAction::PasteFiles.into());
        }
        let has_prompt = self.form.prompt.has_focus();
        if ctx.text_edit_focused() && !has_prompt {
            actions.extend(pasted_picture(ctx).map(|picture| FormAction::Paste(picture).into()));
            return actions;
        }
        ctx.input_mut(|input| {
            input.events.retain(|event| match event {
                Event::PasteImage(picture) => {
                    actions.push(FormAction::Paste(Arc::clone(picture)).into());
                    false
                }
                Event::Paste(text) => match Pasted::of(text) {
                    Pasted::Text if has_prompt => true,
                    Pasted::Files(files) => {
                        // A prompt may begin with a slash, but not with an address.
                        let is_typed = has_prompt && !text.trim_start().starts_with("file://");
                        let text = is_typed.then(|| text.clone());
                        actions.push(FormAction::TakeFiles { files, text }.into());
                        false
                    }
                    Pasted::Text | Pasted::Settings => {
                        actions.push(FormAction::ImportText(text.clone()).into());
                        false
                    }
                },
                _ => true,
            });
        });
        actions
    }

    /// Looks at a picture, or uses a model.
    pub(super) fn open_file(&mut self, file: PathBuf) {
        self.run(move || {
            Ok(Some(match model_at(&file) {
                Some(model) => ModelAction::Use(model).into(),
                None => PictureAction::Open(file).into(),
            }))
        });
    }

    /// What is done with a file that was dropped.
    fn take_file(&self, path: PathBuf) -> Action {
        let begins = self.state.draft.start.task.needs_image();
        if begins { FormAction::Drop(path).into() } else { FormAction::Import(path).into() }
    }

    /// Takes files as if they were dropped, once it is known that they are there.
    pub(crate) fn take_files(&mut self, ctx: &egui::Context, files: Vec<PathBuf>) {
        for file in files {
            let action = self.take_file(file);
            self.apply(ctx, action);
        }
    }
}

/// Looks which of pasted files are there. Without any, `text` is typed.
///
/// # Errors
/// None is there, and there is no text to type.
pub(super) fn look_for_files(files: Vec<PathBuf>, text: Option<String>) -> Result<Option<Action>> {
    let first = files.first().map(|path| path.display().to_string()).unwrap_or_default();
    let there: Vec<PathBuf> = files.into_iter().filter(|path| find(path) != LeadsTo::Nothing).collect();
    match text {
        Some(text) if there.is_empty() => Ok(Some(FormAction::TypePasted(text).into())),
        _ if there.is_empty() => Err(Error::new(format!("the file on the clipboard isn't there: {first}"))),
        _ => Ok(Some(FormAction::FilesFound(there).into())),
    }
}

/// Looks for files on the clipboard, which has neither a text nor a picture.
///
/// # Errors
/// There are none.
pub(super) fn paste_files() -> Result<Option<Action>> {
    let files = copied_files();
    if files.is_empty() {
        return Err(Error::new("the clipboard has nothing that can be pasted")
            .advise("A text, a picture, or a file copied in a file manager can be"));
    }
    look_for_files(files, None)
}

/// A picture that was pasted.
fn pasted_picture(ctx: &egui::Context) -> Option<Arc<ColorImage>> {
    ctx.input(|input| {
        let image = |event: &Event| if let Event::PasteImage(image) = event { Some(Arc::clone(image)) } else { None };
        input.events.iter().find_map(image)
    })
}

impl App {
    /// Has a text typed where the keyboard is.
    pub(crate) fn type_pasted(&mut self, ctx: &egui::Context, text: String) {
        self.pasting.text = Some(text);
        ctx.request_repaint();
    }
}
