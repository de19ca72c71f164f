//! The window: a form, a canvas and a gallery, which talk to the worker over channels.
//!
//! Each frame takes in what the other threads tell (`logic`), draws (`ui`), and then does what the user asked for (`apply`). The
//! window's thread never waits: files and dialogs are the business of `files`, the gallery's folder that of `librarian`, and
//! arithmetic that of the worker. Nothing is drawn unless something changed.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::base::error::{Error, Result};
use crate::base::sync::Latest;
use crate::settings::Settings;
use crate::storage::hub;
use crate::storage::library::Places;
use crate::worker::{Event, Host, WorkerHandle};

mod action;
mod apply;
mod canvas;
mod command;
mod dialogs;
mod downloads;
mod draw;
mod events;
mod files;
mod idle;
pub mod librarian;
mod painter;
mod panels;
mod queue;
mod screen_picture;
mod stage;
mod state;
mod theme;
mod widgets;
mod words;

use action::{Action, FormAction, LabAction};
use command::UiCommand;
use dialogs::models;
use downloads::Downloads;
pub use downloads::Reach;
use files::{Background, NewestOf};
use librarian::Librarian;
use painter::Painter;
use panels::gallery;
use state::{Model, State};

/// What a test may have otherwise.
pub struct Setup {
    /// The file of the settings. The window's layout is kept beside it.
    pub settings: PathBuf,
    /// A folder for what can be made again: thumbnails, the gallery's index.
    pub cache: PathBuf,
    /// Where models are looked for, beside the folders in the settings.
    pub places: Places,
    /// Starts the worker for a device; `wake` has to be called whenever there is something to hear or to see.
    pub open_worker: OpenWorker,
    /// Says where the Hub is, and its cache, for who has this access token.
    pub reach_hub: Reach,
}

/// See [`Setup::open_worker`].
pub type OpenWorker = Box<dyn Fn(&Settings, Wake) -> Result<WorkerHandle>>;

/// Wakes the window.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// Settings are written at most this often.
const SAVE_INTERVAL: Duration = Duration::from_millis(400);

/// How often the use of memory is looked up while something is drawn.
const MEMORY_INTERVAL: Duration = Duration::from_secs(1);

/// Who gives the panels their ground.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ground {
    /// The window is cleared with its colour: painting it again would double the cost of a frame on a software rasteriser.
    Cleared,
    /// They paint it: who draws without a window clears with nothing.
    Painted,
}

/// The window.
pub struct App {
    ground: Ground,
    state: State,
    gallery: gallery::Gallery,
    models: models::Models,
    worker: Option<WorkerHandle>,
    /// The memory limit that the worker was started with.
    memory_limit: Option<u64>,
    librarian: Librarian,
    background: Background,
    settings_file: PathBuf,
    downloads: Downloads,
    open_worker: OpenWorker,
    wake: Wake,
    /// The settings as they were last written, and when.
    kept: (Settings, Instant),
}

impl Setup {
    /// The setup of the shipped program: the user's own folders, and a real worker.
    pub fn of_user() -> Self {
        Self {
            settings: Settings::path_of_user(),
            cache: dirs::cache_dir().unwrap_or_else(std::env::temp_dir).join("burnisher"),
            places: Places::of_user(Vec::new()),
            open_worker: Box::new(open_worker),
            reach_hub: Arc::new(hub::Options::from_env),
        }
    }
}

/// Starts the real worker. On the CPU it leaves one core to the window.
fn open_worker(settings: &Settings, wake: Wake) -> Result<WorkerHandle> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let host = Host { threads: std::num::NonZeroUsize::new(cores.saturating_sub(1)), ..settings_host(settings) };
    crate::worker::spawn_waking(move |model, loading| crate::worker::open(model, host, loading), move || wake())
}

/// Where the settings have models opened.
fn settings_host(settings: &Settings) -> Host {
    let memory_limit = (settings.memory_limit_gb > 0.0).then_some((settings.memory_limit_gb * 1e9) as u64);
    Host { device: settings.device, dtype: settings.dtype, threads: None, memory_limit }
}

/// How the window is opened; `layout` is the file that remembers its panels.
pub fn native_options(layout: PathBuf) -> eframe::NativeOptions {
    let icon = eframe::icon_data::from_png_bytes(include_bytes!("../../assets/icon.png"));
    let mut viewport = egui::ViewportBuilder::default()
        .with_title("Burnisher")
        .with_app_id("burnisher")
        .with_inner_size([1280.0, 800.0])
        .with_min_inner_size([800.0, 520.0]);
    if let Ok(icon) = icon {
        viewport = viewport.with_icon(icon);
    }
    eframe::NativeOptions { viewport, persistence_path: Some(layout), ..Default::default() }
}

/// Opens the window and stays until it is closed.
///
/// # Errors
/// There is no display, or nothing to draw on it with.
pub fn run(setup: Setup) -> Result<()> {
    let options = native_options(setup.settings.with_file_name("window.ron"));
    let opened = eframe::run_native(
        "Burnisher",
        options,
        Box::new(|creation| Ok(Box::new(App::in_window(&creation.egui_ctx, setup)?))),
    );
    opened.map_err(|cause| {
        let reason = match cause {
            // What winit says names a file of its own sources.
            eframe::Error::WinitEventLoop(_) | eframe::Error::Winit(_) => {
                "there is no display to open it on".to_owned()
            }
            eframe::Error::Wgpu(cause) => {
                format!("nothing can draw in it, neither a GPU nor its driver's software: {cause}")
            }
            eframe::Error::AppCreation(cause) => cause.to_string(),
        };
        Error::new("the window can't be opened")
            .caused_by(Error::new(reason))
            .advise("`burnisher generate` draws on the command line, without a window")
    })
}

impl App {
    /// The window as it was left, in a window that is cleared with its colour ([`eframe::App::clear_color`]).
    ///
    /// # Errors
    /// The system has no threads to give.
    pub fn in_window(ctx: &egui::Context, setup: Setup) -> Result<Self> {
        Ok(Self { ground: Ground::Cleared, ..Self::new(ctx, setup)? })
    }

    /// The window as it was left.
    ///
    /// # Errors
    /// The system has no threads to give.
    pub fn new(ctx: &egui::Context, setup: Setup) -> Result<Self> {
        let (settings, broken) = Settings::load(&setup.settings);
        let waker = ctx.clone();
        let wake: Wake = Arc::new(move || waker.request_repaint());
        let token = setup.settings.with_file_name("hub-token");
        let downloads = Downloads::spawn(setup.reach_hub, &token, wake.clone())?;
        let background = Background::spawn(wake.clone())?;
        let models = models::Models::new(setup.places, wake.clone())?;
        let gallery_wake = wake.clone();
        let librarian = librarian::spawn(setup.cache, move || gallery_wake())?;
        theme::install(ctx);
        ctx.options_mut(|options| options.zoom_with_keyboard = false);
        let kept = (settings.clone(), Instant::now());
        let mut app = Self {
            ground: Ground::Painted,
            state: State::new(settings),
            gallery: gallery::Gallery::default(),
            models,
            worker: None,
            memory_limit: None,
            librarian,
            background,
            settings_file: setup.settings,
            downloads,
            open_worker: setup.open_worker,
            wake,
            kept,
        };
        if let Some(error) = broken {
            app.state.notices.error(error);
        }
        app.restart_worker();
        app.make_folder();
        Ok(app)
    }

    /// Starts the worker anew; what was being drawn is drawn again.
    fn restart_worker(&mut self) {
        if let Some(old) = self.worker.take() {
            // It ends when its step does, and the window doesn't wait for that.
            let _ = std::thread::Builder::new().name("burnisher-retired".to_owned()).spawn(move || drop(old));
        }
        let waiting = self.state.queue.to_keep();
        let paused = self.state.queue.paused;
        self.state.queue = queue::Queue::left_over(waiting);
        self.state.queue.paused = paused;
        (self.state.model, self.state.wants_model) = (Model::None, true);
        self.memory_limit = settings_host(&self.state.settings).memory_limit;
        match (self.open_worker)(&self.state.settings, self.wake.clone()) {
            Ok(worker) => self.worker = Some(worker),
            Err(error) => self.state.notices.error(error),
        }
    }

    /// Has the gallery follow the folder for pictures.
    fn watch(&mut self) {
        self.librarian.watch(self.state.settings.output_folder.clone());
    }

    /// Writes down what has changed, now and then.
    fn keep(&mut self, ctx: &egui::Context) {
        let now = self.state.to_keep();
        if now == self.kept.0 {
            return;
        }
        let since = self.kept.1.elapsed();
        if since < SAVE_INTERVAL {
            ctx.request_repaint_after(SAVE_INTERVAL.saturating_sub(since));
            return;
        }
        self.kept = (now.clone(), Instant::now());
        self.save_settings(now);
    }

    /// Has the settings written.
    fn save_settings(&self, settings: Settings) {
        let file = self.settings_file.clone();
        self.background.run_newest(NewestOf::Settings, move || settings.save(&file).map(|()| None));
    }

    /// Shows the newest previews.
    fn take_previews(&mut self, ctx: &egui::Context) {
        let Some(worker) = &self.worker else { return };
        for preview in worker.previews().iter().filter_map(Latest::take) {
            if let Some(lab) = self.state.lab.as_mut().filter(|lab| lab.is_of(preview.id)) {
                lab.show_preview(ctx, &preview);
                continue;
            }
            let looked_back = self.state.steps.as_ref().is_some_and(|steps| steps.is_open && steps.id == preview.id);
            if looked_back && self.state.queue.running().is_none() {
                self.state.canvas.show_preview(&preview);
                continue;
            }
            let running = self.state.queue.running_mut(preview.id);
            // One that was taken late must not come before the finished picture.
            if self.state.follows && running.is_some_and(|running| preview.picture >= running.finished) {
                self.state.canvas.show_preview(&preview);
                self.state.painter.show(painter::Shows::Picture);
            }
        }
    }

    /// Asks for what the form's panels need to know, if the form has changed.
    fn follow_form(&mut self) -> Vec<Action> {
        let State { settings, source, depth, .. } = &mut self.state;
        let files = [source.follow(settings.draft.image.as_ref()), depth.follow(settings.draft.depth.as_ref())];
        let mut actions: Vec<Action> = files.into_iter().flatten().map(|path| FormAction::Look(path).into()).collect();
        events::fit_size(&mut self.state);
        let State { settings, outlook, model, .. } = &mut self.state;
        let asked = outlook.follow(model.info(), &settings.draft);
        actions.extend(asked.map(|asked| FormAction::Plan(asked).into()));
        actions
    }

    fn look_up_memory(&mut self) {
        let due = self.state.memory.is_none_or(|(_, since)| since.elapsed() >= MEMORY_INTERVAL);
        if due {
            self.state.memory = crate::worker::resident_bytes().map(|bytes| (bytes, Instant::now()));
        }
    }

    /// Closing with work left over is asked about first.
    fn guard_close(&mut self, ctx: &egui::Context) {
        if ctx.input(|input| input.viewport().close_requested()) && self.state.has_work() && !self.state.may_close {
            ctx.send_viewport_cmd(egui::ViewportCommand::CancelClose);
            self.state.dialog = Some(state::Dialog::Close);
        }
    }
}

impl eframe::App for App {
    /// Takes in what the other threads tell. It runs for a hidden window too.
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        while let Some(event) = self.worker.as_mut().and_then(WorkerHandle::try_recv) {
            if matches!(event, Event::PictureSaved { .. }) {
                self.librarian.look();
            }
            events::worker(&mut self.state, event);
        }
        while let Some(action) = self.background.answer() {
            self.apply(ctx, action);
        }
        while let Some(news) = self.librarian.news() {
            events::librarian(self, ctx, news);
        }
        self.models.hear(&mut self.state.notices);
        self.hear_downloads();
        for action in self.follow_form() {
            self.apply(ctx, action);
        }
        for path in std::mem::take(&mut self.state.lab_wants) {
            self.apply(ctx, LabAction::Open(path).into());
        }
        if let Some(path) = self.state.wants_picture.take() {
            self.librarian.want_picture(path);
        }
        self.guard_close(ctx);
        self.dispatch();
        self.unload_when_idle(ctx);
        self.keep(ctx);
    }

    /// Draws. Previews are taken here alone, so that none are made for a hidden window.
    fn ui(&mut self, ui: &mut egui::Ui, frame: &mut eframe::Frame) {
        let ctx = ui.ctx().clone();
        self.state.canvas.draw_into(frame.wgpu_render_state().map(|state| state.target_format));
        ctx.set_theme(theme::preference(self.state.settings.theme));
        ctx.set_zoom_factor(self.state.settings.scale);
        self.look_up_memory();
        self.take_previews(&ctx);
        let closable = self.gallery.is_comparing() || self.state.painter.is_busy();
        let in_gallery = self.state.settings.gallery_open && self.gallery.has_keys();
        let paints = Painter::is_on(&self.state.settings.draft) && !in_gallery;
        let pressed = UiCommand::pressed(&ctx, closable, paints);
        let mut actions: Vec<Action> = pressed.into_iter().map(Action::Command).collect();
        for file in ctx.input_mut(|input| std::mem::take(&mut input.raw.dropped_files)) {
            let path = file.path().to_owned();
            let begins = self.state.settings.draft.task.needs_image();
            actions.push(if begins { FormAction::Drop(path).into() } else { FormAction::Import(path).into() });
        }
        if let Some(picture) = pasted_picture(&ctx) {
            actions.push(FormAction::Paste(picture).into());
        }
        if !ctx.text_edit_focused() {
            actions.extend(pasted(&ctx).map(|text| FormAction::ImportText(text).into()));
        }
        if closable && ctx.input_mut(|input| input.consume_key(egui::Modifiers::NONE, egui::Key::Escape)) {
            if self.gallery.is_comparing() {
                self.gallery.stop_comparing();
            } else {
                self.state.painter.stop();
            }
        }
        let factor = self.state.latent_factor();
        self.state.painter.follow(&mut self.state.settings.draft, factor, &mut actions);
        self.draw(ui, &mut actions);
        let before = self.state.dialog.is_some();
        for action in actions {
            self.apply(&ctx, action);
        }
        if !before && self.state.dialog.is_some() {
            // No menu stays open behind a dialog.
            egui::Popup::close_all(&ctx);
        }
        self.dispatch();
        self.keep(&ctx);
    }

    fn on_exit(&mut self) {
        self.save_settings(self.state.to_keep());
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }
}

/// A text that was pasted where no text box has the focus.
fn pasted(ctx: &egui::Context) -> Option<String> {
    ctx.input(|input| {
        input
            .events
            .iter()
            .find_map(|event| if let egui::Event::Paste(text) = event { Some(text.clone()) } else { None })
    })
}

/// A picture that was pasted.
fn pasted_picture(ctx: &egui::Context) -> Option<Arc<egui::ColorImage>> {
    ctx.input(|input| {
        input
            .events
            .iter()
            .find_map(|event| if let egui::Event::PasteImage(image) = event { Some(Arc::clone(image)) } else { None })
    })
}
