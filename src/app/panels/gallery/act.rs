//! What the user asks of the gallery, done.

use std::path::Path;

use crate::app::App;
use crate::app::apply::Action;
use crate::app::background::{Dialog, Task};
use crate::app::panels::gallery::GalleryAction;
use crate::app::stage::compare::Compared;

impl App {
    /// Does what the user asks of the gallery.
    pub(crate) fn act(&mut self, ctx: &egui::Context, action: GalleryAction) {
        match action {
            GalleryAction::Show { path, name } => {
                self.gallery.compared = None;
                self.state.follows = false;
                self.state.show(path, &name);
            }
            GalleryAction::Reuse { title, patch } => self.apply(ctx, Action::LookAt { title, patch }),
            GalleryAction::Import(path) => self.apply(ctx, Action::Import(path)),
            GalleryAction::BeginWith(path) => self.apply(ctx, Action::BeginWith(path)),
            GalleryAction::CopyPicture(path) => self.ask(Task::Copy(path)),
            GalleryAction::CopyText(text) => {
                ctx.copy_text(text);
                self.state.notices.info("Copied to the clipboard");
            }
            GalleryAction::SaveAs(source) => {
                let folder = self.state.settings.save_folder.clone();
                self.apply(ctx, Action::Browse(Dialog::SaveAs { source, folder }));
            }
            GalleryAction::OpenFolder(path) => {
                let folder = path.parent().unwrap_or(Path::new(".")).to_owned();
                self.ask(Task::OpenFolder(folder));
            }
            GalleryAction::Compare(pictures) => {
                self.librarian.want_comparison(pictures.clone());
                self.gallery.compared = Some(Compared::new(pictures));
            }
            GalleryAction::SetFavourite(paths, favourite) => self.librarian.set_favourite(paths, favourite),
            GalleryAction::Delete(paths) => self.librarian.delete(paths),
            GalleryAction::UndoDelete => self.librarian.undo_delete(),
        }
    }
}
