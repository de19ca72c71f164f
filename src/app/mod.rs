//! The window: a form, a canvas and a gallery, which talk to the worker over channels.
//!
//! Each frame takes in what the other threads tell (`logic`), draws (`ui`), and then does what the user asked for (`apply`). The
//! window's thread never waits: files and dialogs are the business of `files`, the gallery's folder that of `librarian`, and
//! arithmetic that of the worker. Nothing is drawn unless something changed.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use crate::base::error::{Error, Result};
use crate::base::sync::{Latest, Wake};
use crate::session::{Command, Event, OpenWorker, Session, SessionSetup};
use crate::settings::Settings;
use crate::storage::hub::{self, Shelf};
use crate::storage::library::Places;
use crate::worker::Preview;

mod action;
mod apply;
mod canvas;
mod command;
mod dialogs;
mod downloads;
mod draw;
mod events;
mod files;
pub mod librarian;
mod painter;
mod panels;
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
use files::Background;
use librarian::Librarian;
use painter::Painter;
use panels::gallery;
use state::State;

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
    /// What the session tells.
    events: Receiver<Event>,
    librarian: Librarian,
    background: Background,
    downloads: Downloads,
}

impl Setup {
    /// The setup of the shipped program: the user's own folders, and a real worker.
    pub fn of_user() -> Self {
        Self {
            settings: Settings::path_of_user(),
            cache: dirs::cache_dir().unwrap_or_else(std::env::temp_dir).join("burnisher"),
            places: Places::of_user(Vec::new()),
            open_worker: Box::new(crate::session::open_worker),
            reach_hub: Arc::new(hub::Options::from_env),
        }
    }
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
        let waker = ctx.clone();
        let wake: Wake = Arc::new(move || waker.request_repaint());
        let token = setup.settings.with_file_name("hub-token");
        let shelf = Shelf::in_cache((setup.reach_hub)(None).cache);
        let downloads = Downloads::spawn(setup.reach_hub, &token, wake.clone())?;
        let background = Background::spawn(wake.clone())?;
        let models = models::Models::new(setup.places, wake.clone())?;
        let gallery_wake = wake.clone();
        let librarian = librarian::spawn(setup.cache, move || gallery_wake())?;
        let begun = SessionSetup { settings: setup.settings, shelf, open_worker: setup.open_worker };
        let mut session = Session::open(begun, wake)?;
        let events = session.subscribe();
        theme::install(ctx);
        ctx.options_mut(|options| options.zoom_with_keyboard = false);
        let mut app = Self {
            ground: Ground::Painted,
            state: State::new(session),
            gallery: gallery::Gallery::default(),
            models,
            events,
            librarian,
            background,
            downloads,
        };
        app.make_folder();
        Ok(app)
    }

    /// Has the gallery follow the folder for pictures.
    fn watch(&mut self) {
        self.librarian.watch(self.state.session.settings.output_folder.clone());
    }

    /// Shows the newest previews.
    fn take_previews(&mut self, ctx: &egui::Context) {
        let previews: Vec<Preview> = self.state.session.previews().iter().filter_map(Latest::take).collect();
        for preview in previews {
            if let Some(lab) = self.state.lab.as_mut().filter(|lab| lab.is_of(preview.id)) {
                lab.show_preview(ctx, &preview);
                continue;
            }
            let looked_back = self.state.steps.as_ref().is_some_and(|steps| steps.is_open && steps.id == preview.id);
            if looked_back && self.state.session.queue().running().is_none() {
                self.state.canvas.show_preview(&preview);
                continue;
            }
            let running = self.state.session.queue().running().filter(|running| running.id == preview.id);
            // One that was taken late must not come before the finished picture.
            if self.state.follows && running.is_some_and(|running| preview.picture >= running.finished) {
                self.state.canvas.show_preview(&preview);
                self.state.painter.show(painter::Shows::Picture);
            }
        }
    }

    /// Asks for what the form's panels need to know, if the form has changed.
    fn follow_form(&mut self) -> Vec<Action> {
        let State { draft, source, depth, .. } = &mut self.state;
        let files = [source.follow(draft.start.image.as_ref()), depth.follow(draft.start.depth.as_ref())];
        let mut actions: Vec<Action> = files.into_iter().flatten().map(|path| FormAction::Look(path).into()).collect();
        events::fit_size(&mut self.state);
        let State { draft, outlook, session, .. } = &mut self.state;
        let asked = outlook.follow(session.model().info(), draft);
        actions.extend(asked.map(|asked| FormAction::Plan(asked).into()));
        actions
    }

    /// Takes in what the session tells.
    fn hear_session(&mut self) {
        while let Ok(event) = self.events.try_recv() {
            events::session(self, event);
        }
    }

    /// Asks for the step that the user looks back at.
    fn look_back(&mut self) {
        let Some(steps) = &mut self.state.steps else { return };
        if let Some(step) = steps.wanted() {
            steps.asked = step;
            let id = steps.id;
            self.ask_session(Command::LookBack { id, step });
        }
    }

    fn look_up_memory(&mut self) {
        let due = self.state.memory.is_none_or(|(_, since)| since.elapsed() >= MEMORY_INTERVAL);
        if due {
            self.state.memory = crate::worker::resident_bytes().map(|bytes| (bytes, Instant::now()));
        }
    }

    /// Closing with work left over is asked about first.
    fn guard_close(&mut self, ctx: &egui::Context) {
        if ctx.input(|input| input.viewport().close_requested())
            && self.state.session.has_work()
            && !self.state.may_close
        {
            ctx.send_viewport_cmd(egui::ViewportCommand::CancelClose);
            self.state.dialog = Some(state::Dialog::Close);
        }
    }
}

impl eframe::App for App {
    /// Takes in what the other threads tell. It runs for a hidden window too.
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        if let Some(left) = self.state.session.poll() {
            ctx.request_repaint_after(left);
        }
        self.hear_session();
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
        self.look_back();
        self.state.session.keep_form(&self.state.draft);
        self.hear_session();
    }

    /// Draws. Previews are taken here alone, so that none are made for a hidden window.
    fn ui(&mut self, ui: &mut egui::Ui, frame: &mut eframe::Frame) {
        let ctx = ui.ctx().clone();
        self.state.canvas.draw_into(frame.wgpu_render_state().map(|state| state.target_format));
        ctx.set_theme(theme::preference(self.state.session.settings.theme));
        ctx.set_zoom_factor(self.state.session.settings.scale);
        self.look_up_memory();
        self.take_previews(&ctx);
        let closable = self.gallery.is_comparing() || self.state.painter.is_busy();
        let in_gallery = self.state.session.settings.gallery_open && self.gallery.has_keys();
        let paints = Painter::is_on(&self.state.draft) && !in_gallery;
        let pressed = UiCommand::pressed(&ctx, closable, paints);
        let mut actions: Vec<Action> = pressed.into_iter().map(Action::Command).collect();
        for file in ctx.input_mut(|input| std::mem::take(&mut input.raw.dropped_files)) {
            let path = file.path().to_owned();
            let begins = self.state.draft.start.task.needs_image();
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
        self.state.painter.follow(&mut self.state.draft, factor, &mut actions);
        self.draw(ui, &mut actions);
        let before = self.state.dialog.is_some();
        for action in actions {
            self.apply(&ctx, action);
        }
        if !before && self.state.dialog.is_some() {
            // No menu stays open behind a dialog.
            egui::Popup::close_all(&ctx);
        }
        self.look_back();
        self.state.session.keep_form(&self.state.draft);
        self.state.session.poll();
        self.hear_session();
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
