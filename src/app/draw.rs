//! What is drawn in a frame: the panels, what lies between them, and what lies in front.

use crate::app::action::{Action, PictureAction};
use crate::app::dialogs::{close, models, patch, settings, shortcuts};
use crate::app::painter::Painter;
use crate::app::panels::form::controls;
use crate::app::panels::{gallery, status, toolbar};
use crate::app::stage::compare;
use crate::app::state::{self, State};
use crate::app::{App, Ground};

impl App {
    /// A panel's frame, with the ground that it needs.
    fn on_ground(&self, frame: egui::Frame) -> egui::Frame {
        if self.ground == Ground::Cleared { frame.fill(egui::Color32::TRANSPARENT) } else { frame }
    }

    pub(super) fn draw(&mut self, ui: &mut egui::Ui, actions: &mut Vec<Action>) {
        let frame = self.on_ground(egui::Frame::side_top_panel(ui.style()));
        egui::Panel::bottom("status").frame(frame).show(ui, |ui| status::ui(ui, &self.state, actions));
        let mut controls_open = self.state.session.settings.controls_open;
        egui::Panel::left("controls")
            .frame(frame)
            .resizable(true)
            .default_size(320.0)
            .size_range(250.0..=480.0)
            .show_collapsible(ui, &mut controls_open, |ui| controls::ui(ui, &mut self.state, actions));
        self.state.session.settings.controls_open = controls_open;
        let mut gallery_open = self.state.session.settings.gallery_open;
        egui::Panel::right("gallery")
            .frame(frame)
            .resizable(true)
            .default_size(236.0)
            .size_range(150.0..=900.0)
            .show_collapsible(ui, &mut gallery_open, |ui| {
                gallery::panel(ui, &mut self.gallery, &mut self.librarian, self.state.canvas.path(), actions);
            });
        self.state.session.settings.gallery_open = gallery_open;
        let central = self.on_ground(egui::Frame::central_panel(ui.style()));
        egui::CentralPanel::default().frame(central).show(ui, |ui| {
            toolbar::ui(ui, &self.state, actions);
            self.state.notices.ui(ui);
            if self.gallery.is_comparing() {
                compare::ui(ui, &mut self.gallery.compared);
            } else if let Some(lab) = &self.state.lab {
                lab.ui(ui, actions);
            } else if Painter::is_on(&self.state.draft) {
                let State { painter, canvas, session, draft, .. } = &mut self.state;
                painter.ui(ui, canvas, &mut session.settings, draft, actions);
            } else {
                self.canvas_ui(ui, actions);
            }
        });
        self.dialogs(ui, actions);
        if ui.input(|input| !input.raw.hovered_files.is_empty()) {
            let begins = self.state.draft.start.task.needs_image();
            let text = if begins { "Drop a picture to begin with" } else { "Drop a picture to read its settings" };
            drop_here_ui(ui.ctx(), text);
        }
    }

    /// The canvas, and the steps of its picture below it.
    fn canvas_ui(&mut self, ui: &mut egui::Ui, actions: &mut Vec<Action>) {
        let own = self.state.session.model().info().and_then(|info| info.scheduler);
        let sampler = self.state.draft.values.sampling.scheduler.or(own);
        if self.state.session.queue().running().is_none()
            && let Some(steps) = self.state.steps.as_mut().filter(|steps| steps.is_open)
        {
            egui::Panel::bottom("steps").frame(egui::Frame::NONE).show(ui, |ui| {
                ui.add_space(4.0);
                steps.ui(ui, sampler, actions);
            });
        }
        self.state.canvas.ui(ui);
        flagged_ui(ui, &self.state, actions);
    }

    fn dialogs(&mut self, ui: &egui::Ui, actions: &mut Vec<Action>) {
        let Some(mut dialog) = self.state.dialog.take() else { return };
        match &mut dialog {
            state::Dialog::Settings => settings::ui(ui.ctx(), &mut self.state, actions),
            state::Dialog::Shortcuts => shortcuts::ui(ui.ctx(), actions),
            state::Dialog::Close => close::ui(ui.ctx(), &self.state, actions),
            state::Dialog::ClearQueue => close::clear_queue_ui(ui.ctx(), &self.state, actions),
            state::Dialog::Models => models::ui(ui.ctx(), &mut self.models, &self.state.session.settings, actions),
            state::Dialog::Lab(setup) => {
                let State { session, draft, .. } = &mut self.state;
                setup.ui(ui.ctx(), draft, session.model(), actions);
            }
            state::Dialog::Inspector(inspector) => inspector.ui(ui.ctx(), actions),
            state::Dialog::Patch(look) => patch::ui(ui.ctx(), look, actions),
        }
        self.state.dialog = Some(dialog);
    }
}

/// Over a picture that the safety checker flagged: why it is blurred, and how to see it.
fn flagged_ui(ui: &egui::Ui, state: &State, actions: &mut Vec<Action>) {
    let Some((path, score)) = &state.flagged else { return };
    if state.canvas.path() != Some(path) {
        return;
    }
    let area = egui::Area::new(egui::Id::unique("flagged")).pivot(egui::Align2::CENTER_CENTER);
    area.fixed_pos(ui.min_rect().center()).show(ui.ctx(), |ui| {
        egui::Frame::popup(ui.style()).show(ui, |ui| {
            ui.set_max_width(260.0);
            ui.label(format!("Blurred: the safety checker flagged this picture (score {score:.3})"));
            if ui.button("Show it").clicked() {
                actions.push(PictureAction::Reveal(path.clone()).into());
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
