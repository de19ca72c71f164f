//! The window itself: its panels, its threads, and what happens in a frame.

use std::path::PathBuf;
use std::sync::Arc;

use crossbeam_channel::Receiver;
use eframe::wgpu::rwh::{HasDisplayHandle as _, RawDisplayHandle};

use crate::app::action::Action;
use crate::app::command::UiCommand;
use crate::app::dialogs::Dialog;
use crate::app::dialogs::models::Models;
use crate::app::dialogs::path::PathDialog;
use crate::app::dialogs::settings::SettingsDialog;
use crate::app::files::Background;
use crate::app::gpu::Refusals;
use crate::app::librarian::{self, Librarian};
use crate::app::painter::Painter;
use crate::app::panels::form::FormPanel;
use crate::app::panels::gallery::Gallery;
use crate::app::panels::notices::Notices;
use crate::app::panels::status::StatusLine;
use crate::app::paste_watch::PasteWatch;
use crate::app::placement::keep_on_screen;
use crate::app::setup::Setup;
use crate::app::stage::{Centre, Surroundings};
use crate::app::state::WindowState;
use crate::app::theme;
use crate::app::turns::Turns;
use crate::base::error::Result;
use crate::base::sync::Wake;
use crate::session::{KEEP_EVERY, Session, SessionCommand, SessionEvent, SessionSetup};

/// Who paints the panels' backgrounds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ground {
    /// Clearing the window: painting them again would double the cost of a frame on a software rasteriser.
    Cleared,
    /// The panels: without a window, nothing is cleared.
    Painted,
}

/// The window.
pub struct App {
    pub(super) ground: Ground,
    /// What all panels read.
    pub(super) state: WindowState,
    pub(super) centre: Centre,
    pub(super) painter: Painter,
    pub(super) form: FormPanel,
    pub(super) gallery: Gallery,
    pub(super) status: StatusLine,
    pub(super) notices: Notices,
    pub(super) pasting: PasteWatch,
    turns: Turns,
    /// What the GPU refused; `None` without a window.
    pub(super) refusals: Option<Refusals>,
    /// The dialog in front of everything else.
    pub(super) dialog: Option<Dialog>,
    /// The question for a path, in front of the dialog that asks it.
    pub(super) path_dialog: Option<PathDialog>,
    pub(super) settings_dialog: SettingsDialog,
    pub(super) models: Models,
    /// What the session tells.
    pub(super) events: Receiver<SessionEvent>,
    pub(super) librarian: Librarian,
    pub(super) background: Background,
    /// What draws the window, in words; empty if that isn't known.
    pub(super) screen: String,
    /// The folder of the log and of what is kept of a crash.
    pub(super) records: PathBuf,
    /// Whether files are chosen in the system's dialogs.
    pub(super) has_file_dialogs: bool,
    /// The user agreed to close with work left over.
    pub(super) may_close: bool,
}

impl App {
    /// Opens the window as it was left, in a window that is cleared with its colour ([`eframe::App::clear_color`]).
    ///
    /// # Errors
    /// The system has no threads to give.
    pub fn in_window(creation: &eframe::CreationContext<'_>, setup: Setup) -> Result<Self> {
        let screen = creation.wgpu_render_state.as_ref().map_or(String::new(), |state| {
            let info = state.adapter.get_info();
            format!("{}, {}, {} {}", info.name, info.backend.to_str(), info.driver, info.driver_info)
        });
        log::info!("the window is drawn by {screen}");
        let mut app = Self { ground: Ground::Cleared, screen, ..Self::new(&creation.egui_ctx, setup)? };
        keep_on_screen(creation);
        app.refusals = creation.wgpu_render_state.as_ref().map(|render| Refusals::of(&render.device));
        // A window can't be dropped on under Wayland: winit hears nothing of it.
        let display = creation.display_handle().map(|display| display.as_raw());
        app.state.can_drop = !matches!(display, Ok(RawDisplayHandle::Wayland(_)));
        Ok(app)
    }

    /// Opens the window as it was left.
    ///
    /// # Errors
    /// The system has no threads to give.
    pub fn new(ctx: &egui::Context, setup: Setup) -> Result<Self> {
        let waker = ctx.clone();
        let wake: Wake = Arc::new(move || waker.request_repaint());
        let background = Background::spawn(wake.clone())?;
        let librarian = librarian::spawn(setup.cache.clone(), wake.clone())?;
        let begun = SessionSetup {
            seat: setup.seat,
            cache: setup.cache,
            places: setup.places,
            open_worker: setup.open_worker,
            keep_every: KEEP_EVERY,
            reach_hub: setup.reach_hub,
        };
        let mut session = Session::open(begun, wake)?;
        let events = session.subscribe();
        theme::install(ctx);
        ctx.options_mut(|options| options.zoom_with_keyboard = false);
        let mut app = Self {
            ground: Ground::Painted,
            state: WindowState::new(session),
            centre: Centre::default(),
            painter: Painter::default(),
            form: FormPanel::default(),
            gallery: Gallery::default(),
            status: StatusLine::default(),
            notices: Notices::default(),
            pasting: PasteWatch::default(),
            turns: Turns::default(),
            refusals: None,
            dialog: None,
            path_dialog: None,
            settings_dialog: SettingsDialog::default(),
            models: Models::default(),
            events,
            librarian,
            background,
            screen: String::new(),
            records: setup.records,
            has_file_dialogs: setup.has_file_dialogs,
            may_close: false,
        };
        app.make_folder();
        app.look_for_crash();
        if let Some(file) = setup.file {
            app.open_file(file);
        }
        Ok(app)
    }

    /// Has the gallery follow the folder for pictures.
    pub(super) fn watch(&mut self) {
        let folder = self.state.session.settings.output_folder.clone();
        self.ask_session(SessionCommand::Watch(folder));
    }

    /// What the stage depends on beside the centre itself.
    pub(super) fn around(&self) -> Surroundings {
        Surroundings { paints: Painter::is_on(&self.state.draft), is_running: self.state.is_running() }
    }

    /// Carries actions out, in order.
    fn apply_all(&mut self, ctx: &egui::Context, actions: Vec<Action>) {
        for action in actions {
            self.apply(ctx, action);
        }
    }

    /// What keys, dropped files and the clipboard ask for.
    fn asked(&mut self, ctx: &egui::Context) -> Vec<Action> {
        if ctx.input_mut(|input| self.turns.take(&mut input.events)) {
            ctx.request_repaint();
        }
        let closable = self.centre.compared.is_some() || self.painter.is_busy();
        let in_gallery = self.state.session.settings.gallery_open && self.gallery.has_keys();
        let paints = Painter::is_on(&self.state.draft) && !in_gallery;
        let pressed = UiCommand::pressed(ctx, closable, paints);
        let mut actions: Vec<Action> = pressed.into_iter().map(Action::Command).collect();
        actions.extend(self.brought(ctx));
        if closable && ctx.input_mut(|input| input.consume_key(egui::Modifiers::NONE, egui::Key::Escape)) {
            // What lies above is closed first.
            if !self.centre.close() {
                self.painter.stop();
            }
        }
        actions
    }

    /// Has the painter follow the form.
    fn follow_painter(&mut self) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.painter.is_another(&self.state.draft) {
            self.centre.turn_to_mask();
        }
        let factor = self.state.latent_factor();
        self.painter.follow(&mut self.state.draft, factor, &mut actions);
        actions
    }

    /// Closing with work left over is asked about first.
    fn guard_close(&mut self, ctx: &egui::Context) {
        let is_asked = ctx.input(|input| input.viewport().close_requested());
        if is_asked && self.state.session.has_work() && !self.may_close {
            ctx.send_viewport_cmd(egui::ViewportCommand::CancelClose);
            self.dialog = Some(Dialog::Close);
        }
    }
}

impl eframe::App for App {
    /// Takes in what the other threads tell. It runs for a hidden window too.
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        if let Some(left) = self.state.session.poll() {
            ctx.request_repaint_after(left);
        }
        self.hear_session(ctx);
        while let Some(action) = self.background.answer() {
            self.apply(ctx, action);
        }
        self.hear_librarian(ctx);
        self.models.follow(&self.state.session);
        let wanted = self.form.follow(&mut self.state);
        self.apply_all(ctx, wanted);
        self.guard_close(ctx);
        self.state.session.keep_form(&self.state.draft);
        self.hear_session(ctx);
    }

    /// Draws. Previews are taken here alone, so that none are made for a hidden window.
    fn ui(&mut self, ui: &mut egui::Ui, frame: &mut eframe::Frame) {
        let ctx = ui.ctx().clone();
        self.centre.canvas.draw_into(frame.wgpu_render_state().map(|state| state.target_format));
        ctx.set_theme(theme::preference(self.state.session.settings.theme));
        ctx.set_zoom_factor(self.state.session.settings.scale);
        if let Some(refusals) = &mut self.refusals {
            refusals.tell(&ctx, &mut self.notices);
        }
        self.take_previews(&ctx);
        let mut actions = self.asked(&ctx);
        actions.extend(self.follow_painter());
        actions.extend(self.draw(ui));
        let had_dialog = self.dialog.is_some();
        self.apply_all(&ctx, actions);
        if !had_dialog && self.dialog.is_some() {
            // No menu stays open behind a dialog.
            egui::Popup::close_all(&ctx);
        }
        self.state.session.keep_form(&self.state.draft);
        self.state.session.poll();
        self.hear_session(&ctx);
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }
}
