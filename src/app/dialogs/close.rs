//! Questions before work is thrown away.

use crate::app::action::{Action, QueueAction};
use crate::app::state::WindowState;

/// Before the window is closed with work left over.
pub(crate) fn ui(ctx: &egui::Context, state: &WindowState, actions: &mut Vec<Action>) {
    let modal = egui::Modal::new(egui::Id::unique("close")).show(ctx, |ui| {
        ui.set_width(480.0_f32.min(ctx.content_rect().width() - 40.0));
        ui.heading("Pictures are still to be drawn");
        let running = usize::from(state.session.queue().running().is_some());
        let text = match (running, state.session.queue().len()) {
            (1, 0) => "One is being drawn. It begins anew when you come back.".to_owned(),
            (0, 1) => "One waits. It is kept and waits for you.".to_owned(),
            (0, waiting) => format!("{waiting} wait. They are kept and wait for you."),
            (_, waiting) => {
                format!("One is being drawn and begins anew when you come back; {waiting} wait and are kept.")
            }
        };
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
