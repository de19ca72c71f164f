//! What is done in the lab, carried out.

use std::path::PathBuf;

use crate::app::action::{Action, LabAction, PictureAction};
use crate::app::dialogs::Dialog;
use crate::app::dialogs::lab::LabSetup;
use crate::app::files::FileDialog;
use crate::app::screen_picture::color_image;
use crate::app::window::App;
use crate::content::imaging::texture::fit_texture;
use crate::content::request::Request;
use crate::session::SessionCommand;
use crate::storage::gallery::decode;
use crate::worker::{Variants, Work};

impl App {
    /// Compares ways to draw a picture.
    pub(crate) fn act_on_lab(&mut self, ctx: &egui::Context, action: LabAction) {
        let state = &mut self.state;
        match action {
            LabAction::SetUp => {
                let setup = LabSetup::new(&state.draft, state.session.model().info());
                self.dialog = Some(Dialog::Lab(setup));
            }
            LabAction::Start(variants) => self.start_lab(variants),
            LabAction::Open(path) => self.run(move || {
                let picture = color_image(&fit_texture(decode::decode(&path)?).to_rgba8());
                Ok(Some(LabAction::Opened { path, picture }.into()))
            }),
            LabAction::Opened { path, picture } => {
                self.centre.lab.iter_mut().for_each(|lab| lab.show_picture(ctx, &path, &picture));
            }
            LabAction::Pick(request, path) => self.pick_variant(&request, path),
            LabAction::ChooseSheet(sheet) => {
                let choose = |target| LabAction::SaveSheet(sheet, target).into();
                let dialog = FileDialog::new_file("Save the sheet", "lab.png", choose).only("PNG", &["png"]);
                let folder = state.session.settings.save_folder.clone();
                self.apply(ctx, Action::Browse(dialog.starting_in(folder)));
            }
            LabAction::SaveSheet(sheet, target) => {
                let fonts = ctx.fonts(|fonts| fonts.definitions().clone());
                self.run(move || {
                    sheet.save(fonts, &target)?;
                    Ok(Some(PictureAction::Exported(target).into()))
                });
            }
            LabAction::Close => self.centre.lab = None,
        }
    }

    /// Draws these side by side, after everything that waits.
    fn start_lab(&mut self, variants: Vec<Request>) {
        let state = &mut self.state;
        self.dialog = None;
        let variants = match Variants::new(variants) {
            Ok(variants) => variants,
            Err(error) => return self.notices.error(error),
        };
        let model = state.session.settings.model.clone();
        self.centre.follow();
        let work = Work::Compare(variants);
        self.ask_session(SessionCommand::Draw { model, work, output: None, is_first: false });
    }

    /// Goes on with one of the lab's pictures.
    fn pick_variant(&mut self, request: &Request, path: Option<PathBuf>) {
        let state = &mut self.state;
        state.draft.take(request);
        self.centre.lab = None;
        if let Some(path) = path {
            self.show(path, &request.prompts.prompt);
        }
        self.notices.info("The form has its settings and its seed now");
    }
}
