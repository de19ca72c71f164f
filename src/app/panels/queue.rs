//! Generate, Stop, and what waits.

use egui::{Button, RichText};

use crate::app::action::{Action, QueueAction};
use crate::app::command::UiCommand;
use crate::app::state::WindowState;
use crate::app::theme;
use crate::app::widgets::command_button;
use crate::app::words::model_name;
use crate::session::{Key, Move, Waiting};

/// The foot of the left panel.
pub(crate) fn ui(ui: &mut egui::Ui, state: &WindowState, actions: &mut Vec<Action>) {
    ui.add_space(6.0);
    ui.horizontal(|ui| {
        let palette = theme::palette(ui);
        let stop_width = 64.0;
        let width = ui.available_width() - stop_width - ui.spacing().item_spacing.x;
        let waiting = state.session.queue().len();
        let text = match waiting {
            0 => UiCommand::Generate.text().to_owned(),
            _ => format!("{} ({waiting} waiting)", UiCommand::Generate.text()),
        };
        let generate = Button::new(RichText::new(text).strong().color(palette.on_accent))
            .fill(palette.accent)
            .min_size(egui::vec2(width, 34.0));
        let tip = UiCommand::Generate.explanation(ui.ctx());
        if ui.add(generate).on_hover_text(tip).clicked() {
            actions.push(UiCommand::Generate.into());
        }
        let stopping = state.session.queue().running().is_some_and(|running| running.cancel.is_cancelled());
        let running = state.session.queue().running().is_some();
        let stop = Button::new(if stopping { "Stopping…" } else { UiCommand::Stop.text() });
        let stop = ui.add_enabled(running && !stopping, stop.min_size(egui::vec2(stop_width, 34.0)));
        if stop.on_hover_text(UiCommand::Stop.explanation(ui.ctx())).clicked() {
            actions.push(UiCommand::Stop.into());
        }
    });
    if state.session.queue().paused && !state.session.queue().is_empty() {
        ui.horizontal_wrapped(|ui| {
            ui.label("The queue is paused");
            command_button(ui, UiCommand::ResumeQueue, actions);
        });
    }
    if !state.session.queue().is_empty() {
        waiting_ui(ui, state, actions);
    }
    ui.add_space(4.0);
}

/// What waits, each with buttons to move and remove it.
fn waiting_ui(ui: &mut egui::Ui, state: &WindowState, actions: &mut Vec<Action>) {
    let title = format!("Queue ({})", state.session.queue().len());
    egui::CollapsingHeader::new(title).id_salt("queue").default_open(true).show(ui, |ui| {
        let height = ui.spacing().interact_size.y;
        let rows = state.session.queue().len();
        let area = egui::ScrollArea::vertical().max_height(4.5 * height).auto_shrink([false, true]);
        area.show_rows(ui, height, rows, |ui, range| {
            let visible = state.session.queue().waiting().enumerate().skip(range.start).take(range.len());
            for (at, (key, waiting, failed)) in visible {
                row_ui(ui, waiting, key, failed, [at > 0, at + 1 < rows], actions);
            }
        });
    });
}

/// One that waits. `can_move`: earlier, later.
fn row_ui(
    ui: &mut egui::Ui,
    waiting: &Waiting,
    key: Key,
    failed: bool,
    can_move: [bool; 2],
    actions: &mut Vec<Action>,
) {
    let request = waiting.work.first();
    let prompt = match request.prompts.prompt.trim() {
        "" => "(no prompt)",
        prompt => prompt,
    };
    let mut button = |ui: &mut egui::Ui, sign: &str, name: &str, enabled: bool, action: Action| {
        let response = ui.add_enabled(enabled, Button::new(sign).small()).on_hover_text(name);
        if response.accessible_name(format!("{name}: {prompt}")).clicked() {
            actions.push(action);
        }
    };
    let size = egui::vec2(ui.available_width(), ui.spacing().interact_size.y);
    ui.allocate_ui_with_layout(size, egui::Layout::right_to_left(egui::Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        button(ui, "✖", "Remove from the queue", true, QueueAction::Remove(key).into());
        if failed {
            button(ui, "⚠ Try again", "It failed; try again", true, QueueAction::TryAgain(key).into());
        } else {
            let [earlier, later] = can_move;
            button(ui, "Next", "Draw next", earlier, QueueAction::Move(key, Move::First).into());
            button(ui, "⬇", "Draw later", later, QueueAction::Move(key, Move::Down).into());
            button(ui, "⬆", "Draw earlier", earlier, QueueAction::Move(key, Move::Up).into());
        }
        ui.add_space(4.0);
        let text =
            if request.seeds.count > 1 { format!("{} × {prompt}", request.seeds.count) } else { prompt.to_owned() };
        let details = format!(
            "{prompt}\n{} × {}, {} steps, seed {}\n{}",
            request.size.width,
            request.size.height,
            request.sampling.steps,
            request.seeds.first,
            model_name(&waiting.model)
        );
        let left = egui::Layout::left_to_right(egui::Align::Center);
        ui.with_layout(left, |ui| ui.add(egui::Label::new(text).truncate()).on_hover_text(details));
    });
}
