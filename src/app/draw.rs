//! What is drawn in a frame: the panels, the stage between them, and what lies in front.

use std::path::Path;

use crate::app::action::{Action, PictureAction};
use crate::app::dialogs::{Dialog, close, models, patch, settings, shortcuts};
use crate::app::panels::{gallery, toolbar};
use crate::app::stage::{Stage, compare};
use crate::app::state::WindowState;
use crate::app::window::{App, Ground};

impl App {
    /// A panel's frame, with the background that it needs.
    fn on_ground(&self, frame: egui::Frame) -> egui::Frame {
        if self.ground == Ground::Cleared { frame.fill(egui::Color32::TRANSPARENT) } else { frame }
    }

    /// Draws everything. Returns what the user asks for.
    pub(super) fn draw(&mut self, ui: &mut egui::Ui) -> Vec<Action> {
        let mut actions = Vec::new();
        let frame = self.on_ground(egui::Frame::side_top_panel(ui.style()));
        egui::Panel::bottom("status").frame(frame).show(ui, |ui| {
            actions.extend(self.status.ui(ui, &self.state));
        });
        let mut controls_open = self.state.session.settings.controls_open;
        egui::Panel::left("controls")
            .frame(frame)
            .resizable(true)
            .default_size(320.0)
            .size_range(250.0..=480.0)
            .show_collapsible(ui, &mut controls_open, |ui| {
                actions.extend(self.form.ui(ui, &mut self.state, self.centre.canvas.path()));
            });
        self.state.session.settings.controls_open = controls_open;
        let mut gallery_open = self.state.session.settings.gallery_open;
        egui::Panel::right("gallery")
            .frame(frame)
            .resizable(true)
            .default_size(236.0)
            .size_range(150.0..=900.0)
            .show_collapsible(ui, &mut gallery_open, |ui| {
                let shown = self.centre.canvas.path();
                gallery::panel(ui, &mut self.gallery, &mut self.librarian, shown, &mut actions);
            });
        self.state.session.settings.gallery_open = gallery_open;
        let central = self.on_ground(egui::Frame::central_panel(ui.style()));
        egui::CentralPanel::default().frame(central).show(ui, |ui| {
            actions.extend(toolbar::ui(ui, &self.state, &self.centre, &self.painter, self.around()));
            actions.extend(self.notices.ui(ui).map(Action::from));
            self.stage_ui(ui, &mut actions);
        });
        self.dialogs_ui(ui, &mut actions);
        if ui.input(|input| !input.raw.hovered_files.is_empty()) {
            let begins = self.state.draft.start.task.needs_image();
            let text = if begins { "Drop a picture to begin with" } else { "Drop a picture to read its settings" };
            drop_here_ui(ui.ctx(), text);
        }
        actions
    }

    /// What the centre shows.
    fn stage_ui(&mut self, ui: &mut egui::Ui, actions: &mut Vec<Action>) {
        let around = self.around();
        let stage = self.centre.stage(around);
        match stage {
            Stage::Compare => return compare::ui(ui, &mut self.centre.compared),
            Stage::Lab => {
                if let Some(lab) = &self.centre.lab {
                    lab.ui(ui, actions);
                }
                return;
            }
            Stage::Picture | Stage::Running | Stage::LookBack | Stage::Painting => {}
        }
        let WindowState { session, draft, .. } = &mut self.state;
        if around.paints {
            self.painter.tools_ui(ui, &mut session.settings, stage == Stage::Painting, actions);
        }
        if stage == Stage::Painting {
            let canvas = &mut self.centre.canvas;
            return self.painter.surface_ui(ui, canvas, &mut session.settings, draft, actions);
        }
        let own = session.model().info().and_then(|info| info.scheduler);
        if stage == Stage::LookBack
            && let Some(steps) = &mut self.centre.steps
        {
            egui::Panel::bottom("steps").frame(egui::Frame::NONE).show(ui, |ui| {
                ui.add_space(4.0);
                steps.ui(ui, draft.values.sampling.scheduler.or(own), actions);
            });
        }
        self.centre.canvas.ui(ui);
        if let Some((path, score)) = self.centre.canvas.flagged() {
            flagged_ui(ui, path, score, actions);
        }
    }

    fn dialogs_ui(&mut self, ui: &egui::Ui, actions: &mut Vec<Action>) {
        let (ctx, state) = (ui.ctx(), &mut self.state);
        match &mut self.dialog {
            None => {}
            Some(Dialog::Settings) => settings::ui(ctx, &mut self.settings_dialog, state, actions),
            Some(Dialog::Shortcuts) => shortcuts::ui(ctx, actions),
            Some(Dialog::About(about)) => about.ui(ctx, state, &self.screen, actions),
            Some(Dialog::Crash(crash)) => crash.ui(ctx, actions),
            Some(Dialog::Close) => close::ui(ctx, state, actions),
            Some(Dialog::ClearQueue) => close::clear_queue_ui(ctx, state, actions),
            Some(Dialog::Models) => models::ui(ctx, &mut self.models, &state.session, actions),
            Some(Dialog::Lab(setup)) => setup.ui(ctx, &mut state.draft, state.session.model(), actions),
            Some(Dialog::Inspector(inspector)) => inspector.ui(ctx, actions),
            Some(Dialog::Patch(dialog)) => patch::ui(ctx, dialog, actions),
        }
        if let Some(dialog) = &mut self.path_dialog {
            dialog.ui(ctx, actions);
        }
    }
}

/// Over a picture that the safety checker flagged: why it is blurred, and how to see it.
fn flagged_ui(ui: &egui::Ui, path: &Path, score: f64, actions: &mut Vec<Action>) {
    let area = egui::Area::new(egui::Id::unique("flagged")).pivot(egui::Align2::CENTER_CENTER);
    area.fixed_pos(ui.min_rect().center()).show(ui.ctx(), |ui| {
        egui::Frame::popup(ui.style()).show(ui, |ui| {
            ui.set_max_width(260.0);
            ui.label(format!("Blurred: the safety checker flagged this picture (score {score:.3})"));
            if ui.button("Show it").clicked() {
                actions.push(PictureAction::Reveal(path.to_owned()).into());
            }
        });
    });
}

/// Says what a drop would do.
fn drop_here_ui(ctx: &egui::Context, text: &str) {
    let painter = ctx.layer_painter(egui::LayerId::new(egui::Order::Foreground, egui::Id::unique("drop-here")));
    let style = ctx.global_style();
    painter.rect_filled(ctx.content_rect(), 0.0, style.visuals.panel_fill.gamma_multiply(0.85));
    let font = egui::FontId::proportional(22.0);
    painter.text(ctx.content_rect().center(), egui::Align2::CENTER_CENTER, text, font, style.visuals.text_color());
}
