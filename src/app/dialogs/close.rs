//! Questions before work is thrown away.

use crate::app::action::{Action, QueueAction};
use crate::app::state::WindowState;
use crate::session::Running;

/// Before the window is closed with work left over.
pub(crate) fn ui(ctx: &egui::Context, state: &WindowState, actions: &mut Vec<Action>) {
    let modal = egui::Modal::new(egui::Id::unique("close")).show(ctx, |ui| {
        ui.set_width(480.0_f32.min(ctx.content_rect().width() - 40.0));
        ui.heading("Pictures are still to be drawn");
        let text = told(state.session.queue().running(), state.session.queue().len());
        ui.label(text);
        ui.add_space(8.0);
        ui.horizontal_wrapped(|ui| {
            if ui.button("Keep the queue and close").clicked() {
                actions.push(Action::CloseNow);
            }
            if ui.button("Throw the queue away and close").clicked() {
                actions.extend([
                    QueueAction::Stop { others_too: true }.into(),
                    QueueAction::Clear.into(),
                    Action::CloseNow,
                ]);
            }
            if ui.button("Stay").clicked() {
                actions.push(Action::CloseDialog);
            }
        });
    });
    if modal.should_close() {
        actions.push(Action::CloseDialog);
    }
}

/// What becomes of the generation that is being drawn, and of those that wait.
fn told(running: Option<&Running>, waiting: usize) -> String {
    // The state of pictures that are drawn side by side isn't kept.
    let then = running.map(|running| if running.compares() { "begins anew" } else { "goes on" });
    match (then, waiting) {
        (Some(then), 0) => format!("One is being drawn. It {then} when you come back."),
        (Some(then), _) => format!("One is being drawn and {then} when you come back; {waiting} wait and are kept."),
        (None, 1) => "One waits. It is kept and waits for you.".to_owned(),
        (None, _) => format!("{waiting} wait. They are kept and wait for you."),
    }
}

/// Before the queue is emptied.
pub(crate) fn clear_queue_ui(ctx: &egui::Context, state: &WindowState, actions: &mut Vec<Action>) {
    let modal = egui::Modal::new(egui::Id::unique("clear-queue")).show(ctx, |ui| {
        ui.set_width(360.0);
        ui.heading("Empty the queue?");
        ui.label(format!("{} generations wait and would not be drawn.", state.session.queue().len()));
        ui.add_space(8.0);
        ui.horizontal(|ui| {
            if ui.button("Empty the queue").clicked() {
                actions.push(QueueAction::Clear.into());
            }
            if ui.button("Keep it").clicked() {
                actions.push(Action::CloseDialog);
            }
        });
    });
    if modal.should_close() {
        actions.push(Action::CloseDialog);
    }
}
