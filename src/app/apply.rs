//! Carries actions out. Each panel's part lies beside the panel (`act.rs`); here are the commands and what belongs to no panel.

use std::path::PathBuf;

use crate::app::action::{
    Action, FormAction, HelpAction, LabAction, ModelAction, ModelsAction, PictureAction, QueueAction, SettingsAction,
};
use crate::app::command::UiCommand;
use crate::app::dialogs::Dialog;
use crate::app::dialogs::path::PathDialog;
use crate::app::files::{FileDialog, open_folder, open_page};
use crate::app::state::WindowState;
use crate::app::widgets::Zoom;
use crate::app::window::App;
use crate::base::error::Result;
use crate::base::model_ref::ModelRef;
use crate::session::SessionCommand;

impl App {
    /// Carries an action out.
    pub(super) fn apply(&mut self, ctx: &egui::Context, action: Action) {
        match action {
            Action::Command(command) => self.obey(ctx, command),
            Action::Form(action) => self.act_on_form(ctx, action),
            Action::Queue(action) => self.act_on_queue(action),
            Action::Model(action) => self.act_on_model(action),
            Action::Picture(action) => self.act_on_picture(ctx, action),
            Action::Lab(action) => self.act_on_lab(ctx, action),
            Action::Painter(action) => self.act_on_painter(ctx, action),
            Action::Gallery(action) => self.act_on_gallery(ctx, action),
            Action::Models(action) => self.act_on_models(action),
            Action::Hub(action) => self.act_on_hub(action),
            Action::Settings(action) => self.act_on_settings(action),
            Action::Help(action) => self.act_on_help(action),
            Action::Path(action) => self.act_on_path(ctx, action),
            Action::AskPath(dialog) => self.path_dialog = Some(PathDialog::new(dialog)),
            Action::Browse(dialog) if !self.has_file_dialogs => self.apply(ctx, Action::AskPath(dialog)),
            Action::Browse(dialog) => {
                let asked = self.background.ask(dialog);
                self.tell_failure(asked);
            }
            Action::OpenFolder(folder) => self.open_folder(folder),
            Action::OpenPage(page) => {
                let opened = self.background.run_aside("burnisher-opener", move || open_page(&page).map(|()| None));
                self.tell_failure(opened);
            }
            Action::CopyText(text) => {
                ctx.copy_text(text);
                self.notices.info("Copied to the clipboard");
            }
            Action::Fail(error) => self.notices.error(error),
            Action::CloseDialog => self.dialog = None,
            Action::CloseNow => {
                self.may_close = true;
                self.dialog = None;
                ctx.send_viewport_cmd(egui::ViewportCommand::Close);
            }
        }
    }

    /// Has work done in the background; what follows from it is carried out as soon as it is done.
    pub(super) fn run(&mut self, job: impl FnOnce() -> Result<Option<Action>> + Send + 'static) {
        let asked = self.background.run(job);
        self.tell_failure(asked);
    }

    /// Shows a folder in the file manager.
    pub(super) fn open_folder(&mut self, folder: PathBuf) {
        let opened = self.background.run_aside("burnisher-opener", move || open_folder(&folder).map(|()| None));
        self.tell_failure(opened);
    }

    /// Shows a notice if something failed.
    pub(super) fn tell_failure(&mut self, result: Result<()>) {
        if let Err(error) = result {
            self.notices.error(error);
        }
    }

    /// Does what a menu, a button or a key stands for.
    fn obey(&mut self, ctx: &egui::Context, command: UiCommand) {
        let settings = &mut self.state.session.settings;
        let action: Action = match command {
            UiCommand::Generate => QueueAction::Generate { first: false }.into(),
            UiCommand::GenerateFirst => QueueAction::Generate { first: true }.into(),
            UiCommand::Stop => QueueAction::Stop { others_too: false }.into(),
            UiCommand::StopAll => QueueAction::StopAll.into(),
            UiCommand::ResumeQueue => QueueAction::Resume.into(),
            UiCommand::RandomSeed => FormAction::NewSeed.into(),
            UiCommand::SwapSides => FormAction::SwapSides.into(),
            UiCommand::OlderPrompt => FormAction::WalkHistory(1).into(),
            UiCommand::NewerPrompt => FormAction::WalkHistory(-1).into(),
            UiCommand::SaveAs => PictureAction::SaveAs(None).into(),
            UiCommand::SaveCopy => PictureAction::SaveCopy.into(),
            UiCommand::CopyPicture => PictureAction::Copy(None).into(),
            UiCommand::CopyPrompt => Action::CopyText(self.state.draft.values.prompts.prompt.clone()),
            UiCommand::BeginWith => PictureAction::BeginWith.into(),
            UiCommand::LookBack => PictureAction::LookBack.into(),
            UiCommand::ShowDepth => PictureAction::SwitchDepth.into(),
            UiCommand::ReadPicture => {
                Action::Browse(FileDialog::picture("Read a picture's settings", |path| FormAction::Import(path).into()))
            }
            UiCommand::Models => ModelsAction::Open.into(),
            UiCommand::OpenModel => {
                Action::Browse(FileDialog::folder("Open a model: a folder with a model_index.json", |folder| {
                    ModelAction::Use(ModelRef::of_path(folder)).into()
                }))
            }
            UiCommand::InspectModel => ModelAction::Inspect(settings.model.clone()).into(),
            UiCommand::OpenFolder => Action::OpenFolder(settings.output_folder.clone()),
            UiCommand::FreeMemory => ModelAction::Free.into(),
            UiCommand::Fit => PictureAction::Zoom(Zoom::Fit).into(),
            UiCommand::ActualSize => PictureAction::Zoom(Zoom::Times(1.0)).into(),
            UiCommand::DoubleSize => PictureAction::Zoom(Zoom::Times(2.0)).into(),
            UiCommand::ToggleControls => return settings.controls_open ^= true,
            UiCommand::ToggleGallery => return settings.gallery_open ^= true,
            UiCommand::Lab => LabAction::SetUp.into(),
            UiCommand::Settings => SettingsAction::Open.into(),
            UiCommand::Shortcuts => return self.dialog = Some(Dialog::Shortcuts),
            UiCommand::About => HelpAction::About.into(),
            UiCommand::Quit => return ctx.send_viewport_cmd(egui::ViewportCommand::Close),
            UiCommand::SwitchMask => return self.centre.switch_mask(),
            of_painter => {
                // One sees what one changes.
                self.centre.turn_to_mask();
                let mut actions = Vec::new();
                let WindowState { session, draft, .. } = &mut self.state;
                self.painter.obey(of_painter, &mut session.settings, draft, &mut actions);
                return actions.into_iter().for_each(|action| self.apply(ctx, action));
            }
        };
        self.apply(ctx, action);
    }

    /// Asks the session for something.
    pub(super) fn ask_session(&mut self, command: SessionCommand) {
        let asked = self.state.session.send(command);
        self.tell_failure(asked);
    }
}
