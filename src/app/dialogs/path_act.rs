//! What happens while a path is typed, carried out.

use std::path::PathBuf;

use crate::app::action::PathAction;
use crate::app::files::find;
use crate::app::window::App;

impl App {
    /// Goes on with the question for a path.
    pub(crate) fn act_on_path(&mut self, ctx: &egui::Context, action: PathAction) {
        match action {
            PathAction::Look(path) => self.run(move || {
                let found = find(&path);
                Ok(Some(PathAction::Looked { path, found }.into()))
            }),
            PathAction::Looked { path, found } => {
                if self.path_dialog.as_mut().is_some_and(|dialog| dialog.hear(&path, found)) {
                    self.take_path(ctx, path);
                }
            }
            PathAction::Take(path) => self.take_path(ctx, path),
            PathAction::Cancel => self.path_dialog = None,
        }
    }

    /// Does what follows from a path.
    fn take_path(&mut self, ctx: &egui::Context, path: PathBuf) {
        if let Some(dialog) = self.path_dialog.take() {
            self.apply(ctx, dialog.asked.choose(path));
        }
    }
}
