//! What is done with the picture in the centre, carried out.

use std::path::{Path, PathBuf};

use crate::app::action::{Action, FormAction, PictureAction};
use crate::app::files::FileDialog;
use crate::app::panels::form::source;
use crate::app::screen_picture::color_image;
use crate::app::window::App;
use crate::session::SessionCommand;
use crate::storage::gallery::decode;
use crate::storage::gallery::export::{self, Format};

impl App {
    /// Does something with the picture in the centre, or with another one.
    pub(crate) fn act_on_picture(&mut self, ctx: &egui::Context, action: PictureAction) {
        match action {
            PictureAction::Show { path, name } => {
                self.centre.turn_to_picture();
                self.show(path, &name);
            }
            PictureAction::Open(path) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                self.centre.turn_to_picture();
                self.show(path.clone(), &name);
                self.apply(ctx, FormAction::ImportIfAny(path).into());
            }
            PictureAction::Watch => self.centre.watch(),
            PictureAction::Reveal(path) => {
                self.gallery.forget_thumbnail(&path);
                self.librarian.reveal(path);
            }
            PictureAction::LookBack => self.centre.switch_look_back(),
            PictureAction::LookBackAt { id, step } => self.ask_session(SessionCommand::LookBack { id, step }),
            PictureAction::SwitchDepth => self.switch_depth(),
            PictureAction::DepthRead { path, map } => self.centre.canvas.show_depth(&path, &map),
            PictureAction::Zoom(zoom) => self.centre.canvas.set_zoom(zoom),
            PictureAction::BeginWith => {
                if let Some(path) = self.picture_or_notice(None) {
                    self.form.begin_with(&mut self.state, path);
                }
            }
            PictureAction::SaveAs(path) => self.save_as(ctx, path),
            PictureAction::SaveCopy => {
                let Some(source) = self.picture_or_notice(None) else { return };
                let folder = self.state.session.settings.save_folder.clone();
                let folder = folder.or_else(dirs::download_dir).or_else(dirs::home_dir).unwrap_or_default();
                let metadata = self.state.session.settings.export_metadata();
                self.run(move || {
                    let copy = export::export_copy(&source, &folder, metadata)?;
                    Ok(Some(PictureAction::Exported(copy).into()))
                });
            }
            PictureAction::Export { source, target } => {
                let metadata = self.state.session.settings.export_metadata();
                self.run(move || {
                    export::export(&source, &target, metadata)?;
                    Ok(Some(PictureAction::Exported(target).into()))
                });
            }
            PictureAction::Exported(path) => {
                self.state.session.settings.save_folder = path.parent().map(PathBuf::from);
                self.notices.info(format!("Saved as {}", path.display()));
            }
            PictureAction::SaveUnsaved(picture) => {
                let name = format!("{}.png", picture.recipe().request.seeds.first);
                let then = |target| PictureAction::WriteUnsaved { picture, target }.into();
                let dialog = FileDialog::new_file("Save the picture", name, then).only("PNG", &["png"]);
                self.apply(ctx, Action::Browse(dialog));
            }
            PictureAction::WriteUnsaved { picture, target } => self.run(move || {
                let path = picture.save(&target)?.path;
                Ok(Some(PictureAction::UnsavedWritten(picture, path).into()))
            }),
            PictureAction::UnsavedWritten(picture, path) => {
                self.notices.saved(&picture);
                self.notices.info(format!("Saved as {}", path.display()));
            }
            PictureAction::Copy(path) => {
                let Some(path) = self.picture_or_notice(path) else { return };
                self.run(move || {
                    let picture = color_image(&decode::decode(&path)?.to_rgba8());
                    Ok(Some(PictureAction::Copied(picture).into()))
                });
            }
            PictureAction::Copied(picture) => {
                ctx.copy_image(picture);
                self.notices.info("The picture is on the clipboard");
            }
        }
    }

    /// Shows a picture of the gallery as soon as it is read.
    pub(crate) fn show(&mut self, path: PathBuf, prompt: &str) {
        let name = if prompt.is_empty() { "picture" } else { prompt };
        self.centre.canvas.turn_to(path.clone(), name.to_owned());
        self.librarian.want_picture(path);
    }

    /// This picture, or the one in the centre; where there is none, the user is told.
    fn picture_or_notice(&mut self, path: Option<PathBuf>) -> Option<PathBuf> {
        let picture = path.or_else(|| self.centre.canvas.path().map(Path::to_owned));
        if picture.is_none() {
            self.notices.info("There is no finished picture on the canvas yet");
        }
        picture
    }

    fn switch_depth(&mut self) {
        let Some(path) = self.picture_or_notice(None) else { return };
        if self.centre.canvas.shows_depth() {
            self.librarian.want_picture(path);
        } else {
            self.run(move || {
                let map = source::depth_of(&path)?;
                Ok(Some(PictureAction::DepthRead { path, map }.into()))
            });
        }
    }

    fn save_as(&mut self, ctx: &egui::Context, path: Option<PathBuf>) {
        let Some(source) = self.picture_or_notice(path) else { return };
        let name = source.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let dialog =
            FileDialog::new_file("Save a copy", name, move |target| PictureAction::Export { source, target }.into());
        let only = |dialog: FileDialog<Action>, format: Format| dialog.only(format.label(), format.extensions());
        let dialog = Format::ALL.into_iter().fold(dialog, only);
        let folder = self.state.session.settings.save_folder.clone();
        self.apply(ctx, Action::Browse(dialog.starting_in(folder)));
    }
}
