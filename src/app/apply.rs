//! What the user asks for, done: the only code that changes the state on the user's behalf, but for the form's own fields.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use crate::app::background::{Dialog as FileDialog, Task};
use crate::app::canvas::Zoom;
use crate::app::command::UiCommand;
use crate::app::dialogs::inspector::{Inspector, Look};
use crate::app::dialogs::lab::Setup;
use crate::app::dialogs::models::{HubAction, ModelsAction};
use crate::app::panels::form::sampler;
use crate::app::panels::gallery::GalleryAction;
use crate::app::queue::{Key, Move};
use crate::app::stage::lab::{Lab, Sheet};
use crate::app::state::{Dialog, Model, PatchDialog, State};
use crate::app::{App, settings_host};
use crate::base::cancel::CancelToken;
use crate::base::model_ref::ModelRef;
use crate::content::request::{Branch, Request};
use crate::schedulers::SchedulerKind;
use crate::settings::{Patch, Waiting};
use crate::storage::gallery::Destination;
use crate::worker::{Command, Footprint, Job, Previews, Work};

/// The folder, below the one for pictures, that keeps what was pasted.
const PASTED: &str = "pasted";

/// Something that the user asks for.
#[derive(Debug)]
pub(super) enum Action {
    Command(UiCommand),
    /// Another model is to draw from now on.
    UseModel(ModelRef),
    /// Look into a model.
    Inspect(ModelRef),
    /// Draw with this sampler from now on.
    UseSampler(SchedulerKind),
    /// Something about the Hub.
    Hub(HubAction),
    /// Show what is being downloaded.
    ShowDownloads,
    /// Show what is being drawn.
    Watch,
    /// Begin with this picture.
    BeginWith(PathBuf),
    /// Something was dropped on a form that begins with a picture.
    Drop(PathBuf),
    /// A picture was pasted.
    Paste(Arc<egui::ColorImage>),
    /// The next pictures go on from another run, or begin from the start.
    GoOnFrom(Option<Box<Branch>>),
    /// Show a picture that the safety checker flagged as it is.
    Reveal(PathBuf),
    /// Draw these side by side.
    StartLab(Vec<Request>),
    /// Go on with one of the lab's pictures.
    PickVariant(Box<Request>, Option<PathBuf>),
    CloseLab,
    /// Save the lab's pictures as one.
    SaveSheet(Box<Sheet>),
    /// Stop what is being drawn.
    StopRunning,
    /// Stop loading the model.
    StopLoading,
    RemoveWaiting(Key),
    MoveWaiting(Key, Move),
    /// One that failed is to be tried again.
    TryAgain(Key),
    ClearQueue,
    /// A file dialog.
    Browse(FileDialog),
    /// Read the settings of this picture.
    Import(PathBuf),
    /// Read the settings that a text tells, as other apps write them.
    ImportText(String),
    /// Whether saved copies leave prompt and settings out.
    StripMetadata(bool),
    /// A look at settings from elsewhere.
    LookAt {
        title: String,
        patch: Box<Patch>,
    },
    /// Take over what was looked at.
    TakePatch,
    /// The device or the dtype is another: the worker starts anew.
    RestartWorker,
    /// The memory limit may be another.
    LimitMemory,
    /// Something with the models on this computer.
    Models(ModelsAction),
    /// Something in the gallery.
    Gallery(GalleryAction),
    /// The folder of the gallery is another.
    OtherFolder,
    /// Close, whatever is left over.
    CloseNow,
    CloseDialog,
}

impl App {
    /// Does what the user asks for.
    pub(super) fn apply(&mut self, ctx: &egui::Context, action: Action) {
        let state = &mut self.state;
        match action {
            Action::Command(command) => self.obey(ctx, command),
            Action::UseModel(model) => use_model(state, model),
            Action::Inspect(model) => self.inspect(model),
            Action::UseSampler(kind) => {
                sampler::choose(&mut state.settings.draft, kind);
                state.dialog = None;
                state.notices.info(format!("The form's sampler is {}", kind.label()));
            }
            Action::BeginWith(path) => state.begin_with(path),
            Action::Drop(path) => self.ask(Task::Drop(path)),
            Action::Paste(picture) => {
                let folder = state.settings.output_folder.join(PASTED);
                self.ask(Task::Paste { picture, folder });
            }
            Action::GoOnFrom(branch) => self.go_on_from(branch),
            Action::Reveal(path) => {
                state.flagged = None;
                self.gallery.forget_thumbnail(&path);
                self.librarian.reveal(path);
            }
            Action::StartLab(variants) => self.start_lab(variants),
            Action::PickVariant(request, path) => self.pick_variant(&request, path),
            Action::CloseLab => state.lab = None,
            Action::SaveSheet(sheet) => self.save_sheet(sheet),
            Action::Hub(action) => self.act_on_hub(action),
            Action::ShowDownloads => {
                self.models.show_hub();
                state.dialog = Some(Dialog::Models);
            }
            Action::Watch => {
                state.follows = true;
                self.gallery.stop_comparing();
            }
            Action::StopRunning => stop(state, true),
            Action::StopLoading => {
                if let Model::Loading(loading) = &state.model {
                    loading.cancel.cancel();
                }
            }
            Action::RemoveWaiting(key) => drop(state.queue.remove(key)),
            Action::MoveWaiting(key, to) => state.queue.reorder(key, to),
            Action::TryAgain(key) => {
                state.queue.try_again(key);
                state.wants_model = true;
            }
            Action::ClearQueue => {
                state.queue.clear();
                state.queue.paused = false;
                state.dialog = None;
            }
            Action::Browse(dialog) => {
                if let Err(error) = self.background.open(dialog) {
                    state.notices.error(error);
                }
            }
            Action::Import(path) => self.ask(Task::Import(path)),
            Action::ImportText(text) => self.ask(Task::ImportText(text)),
            Action::StripMetadata(strip) => state.settings.strip_metadata = strip,
            Action::LookAt { title, patch } => {
                let look = PatchDialog::new(title, Vec::new(), *patch, &state.settings);
                if look.changes.is_empty() {
                    state.notices.info("The form says all of that already");
                } else {
                    state.dialog = Some(Dialog::Patch(Box::new(look)));
                }
            }
            Action::TakePatch => {
                if let Some(Dialog::Patch(look)) = state.dialog.take() {
                    let mut model = state.settings.model.clone();
                    look.patch.apply(&mut state.settings.draft, &mut model, |field| look.takes(field));
                    if model != state.settings.model {
                        use_model(state, model);
                    }
                }
            }
            Action::RestartWorker => self.restart_worker(),
            Action::LimitMemory => {
                if settings_host(&state.settings).memory_limit != self.memory_limit {
                    self.restart_worker();
                }
            }
            Action::Models(action) => self.act_on_models(action),
            Action::Gallery(action) => self.act(ctx, action),
            Action::OtherFolder => self.watch(),
            Action::CloseNow => {
                state.may_close = true;
                state.dialog = None;
                ctx.send_viewport_cmd(egui::ViewportCommand::Close);
            }
            Action::CloseDialog => state.dialog = None,
        }
    }

    /// Opens the inspector on a model: planned for the form's picture if that is the form's model, else for one of its own size.
    fn inspect(&mut self, model: ModelRef) {
        let state = &mut self.state;
        state.dialog = Some(Dialog::Inspector(Box::new(Inspector::new(model.clone()))));
        let loaded = state.model.info().and_then(|info| info.footprint.as_ref());
        let held = loaded.map_or(0, Footprint::usual_bytes);
        let is_forms = state.model.is_ready(&model) && state.settings.model == model;
        let request = is_forms.then(|| Request { count: 1, ..state.settings.draft.request() });
        let host = settings_host(&state.settings);
        if let Err(error) = self.background.inspect(Look { model, host, request, held }) {
            self.state.notices.error(error);
        }
    }

    fn obey(&mut self, ctx: &egui::Context, command: UiCommand) {
        let state = &mut self.state;
        match command {
            UiCommand::Generate => generate(state, false),
            UiCommand::GenerateFirst => generate(state, true),
            UiCommand::Stop => stop(state, false),
            UiCommand::StopAll => {
                stop(state, true);
                if state.queue.len() > 0 {
                    state.dialog = Some(Dialog::ClearQueue);
                }
            }
            UiCommand::ResumeQueue => state.queue.paused = false,
            UiCommand::RandomSeed => {
                state.settings.draft.seed_locked = false;
                state.settings.draft.seed = crate::content::request::random_seed();
            }
            UiCommand::SwapSides => {
                let draft = &mut state.settings.draft;
                std::mem::swap(&mut draft.width, &mut draft.height);
                draft.untouched &= draft.width == draft.height;
            }
            UiCommand::OlderPrompt => walk_history(state, 1),
            UiCommand::NewerPrompt => walk_history(state, -1),
            UiCommand::SaveAs => self.with_picture(|app, source| {
                let folder = app.state.settings.save_folder.clone();
                if let Err(error) = app.background.open(FileDialog::SaveAs { source, folder }) {
                    app.state.notices.error(error);
                }
            }),
            UiCommand::SaveCopy => self.with_picture(|app, source| {
                let settings = &app.state.settings;
                let folder = settings.save_folder.clone().or_else(dirs::download_dir).or_else(dirs::home_dir);
                let target = folder.unwrap_or_default().join(source.file_name().unwrap_or_default());
                let metadata = settings.metadata();
                app.ask(Task::Export { source, target, metadata });
            }),
            UiCommand::CopyPicture => self.with_picture(|app, source| app.ask(Task::Copy(source))),
            UiCommand::CopyPrompt => {
                ctx.copy_text(state.settings.draft.prompt.clone());
                state.notices.info("The prompt is on the clipboard");
            }
            UiCommand::ReadPicture => self.apply(ctx, Action::Browse(FileDialog::Picture)),
            UiCommand::Models => state.dialog = Some(Dialog::Models),
            UiCommand::OpenModel => self.apply(ctx, Action::Browse(FileDialog::Model)),
            UiCommand::InspectModel => {
                let model = state.settings.model.clone();
                self.apply(ctx, Action::Inspect(model));
            }
            UiCommand::OpenFolder => {
                let folder = state.settings.output_folder.clone();
                self.ask(Task::OpenFolder(folder));
            }
            UiCommand::FreeMemory => {
                if !self.send(Command::Unload) {
                    self.state.notices.info("The model is in use");
                }
            }
            UiCommand::Fit => state.canvas.set_zoom(Zoom::Fit),
            UiCommand::ActualSize => state.canvas.set_zoom(Zoom::Times(1.0)),
            UiCommand::DoubleSize => state.canvas.set_zoom(Zoom::Times(2.0)),
            UiCommand::ToggleControls => state.settings.controls_open ^= true,
            UiCommand::ToggleGallery => state.settings.gallery_open ^= true,
            UiCommand::Settings => {
                state.dialog = Some(Dialog::Settings);
                if state.devices.is_none() {
                    self.ask(Task::ListDevices);
                }
            }
            UiCommand::Rewind => state.steps.iter_mut().for_each(|steps| steps.is_open = !steps.is_open),
            UiCommand::ShowDepth => self.with_picture(|app, path| {
                if app.state.depth_shown.take().as_ref() == Some(&path) {
                    app.state.wants_picture = Some(path);
                } else {
                    app.ask(Task::OpenDepth(path));
                }
            }),
            UiCommand::BeginWith => self.with_picture(|app, path| app.state.begin_with(path)),
            UiCommand::Lab => {
                let setup = Setup::new(&state.settings.draft, state.model.info());
                state.dialog = Some(Dialog::Lab(setup));
            }
            UiCommand::Shortcuts => state.dialog = Some(Dialog::Shortcuts),
            UiCommand::Quit => ctx.send_viewport_cmd(egui::ViewportCommand::Close),
            of_painter => {
                if let Some(dialog) = state.painter.obey(of_painter, &mut state.settings) {
                    self.apply(ctx, Action::Browse(dialog));
                }
            }
        }
    }

    fn with_picture(&mut self, act: impl FnOnce(&mut Self, PathBuf)) {
        match self.state.picture() {
            Some(path) => act(self, path),
            None => self.state.notices.info("There is no finished picture on the canvas yet"),
        }
    }

    /// Gives the worker what it should do next, if it is free.
    pub(super) fn dispatch(&mut self) {
        let state = &mut self.state;
        if state.queue.running().is_some() || matches!(state.model, Model::Loading(_)) {
            return;
        }
        let Some(next) = state.queue.next().cloned() else {
            self.look_back();
            let state = &mut self.state;
            let model = state.settings.model.clone();
            if std::mem::take(&mut state.wants_model) && !state.model.is_ready(&model) {
                self.load(model);
            }
            return;
        };
        if !state.model.is_ready(&next.model) {
            self.load(next.model);
            return;
        }
        let destination = Destination::Named(state.settings.output_folder.clone(), state.settings.name_pattern.clone());
        let every = NonZeroUsize::new(state.settings.preview_every);
        let previews = every.map_or(Previews::Off, |every| Previews::Newest { every });
        let job = Job { previews, ..Job::new(next.work.clone(), destination) };
        let (id, cancel) = (job.id, job.cancel.clone());
        if self.send(Command::Generate(Box::new(job))) {
            self.state.queue.started(id, cancel);
            if let Work::Compare(variants) = &next.work {
                let own = self.state.model.info().and_then(|info| info.scheduler);
                self.state.lab = Some(Lab::new(id, variants, own));
            }
        }
    }

    /// Asks for the step that the user looks back at.
    fn look_back(&mut self) {
        let Some((id, step)) = self.state.steps.as_ref().and_then(|steps| Some((steps.id, steps.wanted()?))) else {
            return;
        };
        if self.send(Command::LookBack { id, step })
            && let Some(steps) = &mut self.state.steps
        {
            steps.asked = step;
        }
    }

    fn load(&mut self, model: ModelRef) {
        let cancel = CancelToken::new();
        if self.send(Command::Load { model: model.clone(), cancel: cancel.clone() }) {
            self.state.model.begin_loading(model, cancel);
        }
    }

    /// Hands a command to the worker; false if it has one waiting or there is no worker.
    pub(super) fn send(&mut self, command: Command) -> bool {
        self.worker.as_mut().is_some_and(|worker| worker.try_send(command).is_ok())
    }
}

fn generate(state: &mut State, first: bool) {
    let settings = &mut state.settings;
    let request = settings.draft.next_request();
    if let Err(error) = request.validate() {
        state.notices.error(error);
        return;
    }
    settings.remember_prompt(&request.prompt);
    state.history = None;
    let waiting = Waiting::new(settings.model.clone(), request);
    if first {
        state.queue.push_first(waiting);
    } else {
        state.queue.push(waiting);
    }
    // Asking for a picture is asking for the queue to go on.
    state.queue.paused = false;
    state.follows = true;
}

fn stop(state: &mut State, others_too: bool) {
    state.queue.stop(others_too);
    // A model that nothing waits for is loaded on: Escape is pressed for many reasons.
    if state.queue.len() > 0
        && let Model::Loading(loading) = &state.model
    {
        loading.cancel.cancel();
    }
}

/// Another model is to draw from now on; what waits keeps the one that it was asked of.
pub(super) fn use_model(state: &mut State, model: ModelRef) {
    state.settings.remember_model(&model);
    state.settings.model = model;
    if let Model::Loading(loading) = &state.model {
        loading.cancel.cancel();
    }
    state.wants_model = true;
}

/// Puts an older or newer prompt of the history into the prompt box.
fn walk_history(state: &mut State, by: isize) {
    let (history, draft) = (&state.settings.history, &mut state.settings.draft);
    let at = state.history.as_ref().map_or(-1, |(at, _)| isize::try_from(*at).unwrap_or(0));
    let to = at + by;
    let before = state.history.as_ref().map_or_else(|| draft.prompt.clone(), |(_, before)| before.clone());
    if to < 0 {
        draft.prompt = before;
        state.history = None;
    } else if let Some(prompt) = history.get(to.unsigned_abs()) {
        draft.prompt.clone_from(prompt);
        state.history = Some((to.unsigned_abs(), before));
    }
}
