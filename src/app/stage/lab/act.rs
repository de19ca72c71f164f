//! What the user asks of the lab, done.

use std::path::PathBuf;

use crate::app::App;
use crate::app::background::Dialog as FileDialog;
use crate::app::stage::lab::Sheet;
use crate::content::request::Request;
use crate::settings::Waiting;
use crate::worker::{Variants, Work};

impl App {
    /// Draws these side by side, after everything that waits.
    pub(crate) fn start_lab(&mut self, variants: Vec<Request>) {
        let state = &mut self.state;
        state.dialog = None;
        let variants = match Variants::new(variants) {
            Ok(variants) => variants,
            Err(error) => return state.notices.error(error),
        };
        let work = Work::Compare(variants);
        state.settings.remember_prompt(&work.first().prompt);
        state.queue.push(Waiting::new(state.settings.model.clone(), work));
        state.queue.paused = false;
        state.follows = true;
    }

    /// Goes on with one of the lab's pictures.
    pub(crate) fn pick_variant(&mut self, request: &Request, path: Option<PathBuf>) {
        let state = &mut self.state;
        state.settings.draft.take(request);
        state.lab = None;
        if let Some(path) = path {
            state.show(path, &request.prompt);
        }
        state.notices.info("The form has its settings and its seed now");
    }

    /// Asks where the lab's pictures are to be saved as one.
    pub(crate) fn save_sheet(&mut self, sheet: Box<Sheet>) {
        let folder = self.state.settings.save_folder.clone();
        if let Err(error) = self.background.open(FileDialog::SaveSheet { sheet, folder }) {
            self.state.notices.error(error);
        }
    }
}
