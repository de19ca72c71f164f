//! What is done in the gallery, carried out.

use std::path::Path;

use crate::app::action::{Action, FormAction, GalleryAction, PictureAction};
use crate::app::stage::compare::Compared;
use crate::app::window::App;
use crate::session::SessionCommand;

impl App {
    /// Does something in the gallery.
    pub(crate) fn act_on_gallery(&mut self, ctx: &egui::Context, action: GalleryAction) {
        let action: Action = match action {
            GalleryAction::Show { path, name } => PictureAction::Show { path, name }.into(),
            GalleryAction::Reuse { title, patch } => FormAction::Review { title, notes: Vec::new(), patch }.into(),
            GalleryAction::Import(path) => FormAction::Import(path).into(),
            GalleryAction::BeginWith(path) => FormAction::BeginWith(path).into(),
            GalleryAction::CopyPicture(path) => PictureAction::Copy(Some(path)).into(),
            GalleryAction::CopyText(text) => Action::CopyText(text),
            GalleryAction::SaveAs(path) => PictureAction::SaveAs(Some(path)).into(),
            GalleryAction::OpenFolder(path) => Action::OpenFolder(path.parent().unwrap_or(Path::new(".")).to_owned()),
            GalleryAction::Compare(pictures) => {
                self.librarian.want_comparison(pictures.clone());
                self.centre.compared = Some(Compared::new(pictures));
                return;
            }
            GalleryAction::Search(query) => return self.ask_session(SessionCommand::Search(query)),
            GalleryAction::SetFavourite(paths, favourite) => {
                return self.ask_session(SessionCommand::SetFavourite(paths, favourite));
            }
            GalleryAction::Delete(paths) => return self.ask_session(SessionCommand::Delete(paths)),
            GalleryAction::UndoDelete => return self.ask_session(SessionCommand::UndoDelete),
        };
        self.apply(ctx, action);
    }
}
