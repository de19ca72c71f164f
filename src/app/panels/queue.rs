//! Generate, Stop, and what waits.

use egui::{Button, RichText};

use crate::app::action::{Action, QueueAction};
use crate::app::command::UiCommand;
use crate::app::state::WindowState;
use crate::app::theme;
use crate::app::widgets::command_button;
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
            paused_ui(ui, state, actions);
        });
    }
    if !state.session.queue().is_empty() {
        waiting_ui(ui, state, actions);
    }
    ui.add_space(4.0);
}

/// How a queue that is paused goes on: with the picture that is half done, if there is one.
fn paused_ui(ui: &mut egui::Ui, state: &WindowState, actions: &mut Vec<Action>) {
    let next = state.session.queue().waiting().find(|(_, _, failed)| !failed).map(|(key, ..)| key);
    let begun = next.and_then(|key| Some((key, go_on_text(state.session.half_done(key)?))));
    let Some((key, text)) = begun else {
        command_button(ui, UiCommand::ResumeQueue, actions);
        return;
    };
    let tip = "The program ended while this picture was being drawn. It becomes what it would have been.";
    if ui.button(text).on_hover_text(tip).clicked() {
        actions.push(QueueAction::Resume.into());
    }
    if ui.button("Start over").on_hover_text("Draw this picture from its first step").clicked() {
        actions.push(QueueAction::StartOver(key).into());
    }
}

/// How a picture is gone on with, of which so many steps are done, of so many.
fn go_on_text((done, of): (usize, usize)) -> String {
    if done < of { format!("Go on at step {} of {of}", done + 1) } else { "Go on with the decoding".to_owned() }
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
                let half_done = state.session.half_done(key);
                let row = QueueRow { key, failed, half_done, is_on_disk: state.session.is_on_disk(key) };
                row_ui(ui, waiting, row, [at > 0, at + 1 < rows], actions);
            }
        });
    });
}

/// How one that waits stands.
#[derive(Clone, Copy)]
struct QueueRow {
    key: Key,
    failed: bool,
    /// Steps of its next picture that are done, and all of them.
    half_done: Option<(usize, usize)>,
    is_on_disk: bool,
}

/// One that waits. `can_move`: earlier, later.
fn row_ui(ui: &mut egui::Ui, waiting: &Waiting, row: QueueRow, can_move: [bool; 2], actions: &mut Vec<Action>) {
    let QueueRow { key, failed, half_done, is_on_disk } = row;
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
            let again = QueueAction::TryAgain(key).into();
            match half_done {
                None => button(ui, "⚠ Try again", "It failed; try again", true, again),
                Some((done, of)) if done == of => {
                    button(ui, "Start over", "Draw it from the start", true, QueueAction::StartOver(key).into());
                    button(ui, "⚠ Decode again", "Its decoding failed; decode it in smaller tiles", true, again);
                }
                Some(progress) => {
                    button(ui, "Start over", "Draw it from the start", true, QueueAction::StartOver(key).into());
                    let text = go_on_text(progress);
                    button(ui, &format!("⚠ {text}"), &format!("It failed; {}", text.to_lowercase()), true, again);
                }
            }
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
            waiting.model.label()
        );
        let details = if is_on_disk { details } else { format!("{details}\nIt is being written to the disk") };
        // What a crash would cost is seen to be so.
        let text = if is_on_disk { RichText::new(text) } else { RichText::new(text).weak() };
        let left = egui::Layout::left_to_right(egui::Align::Center);
        ui.with_layout(left, |ui| ui.add(egui::Label::new(text).truncate()).on_hover_text(details));
    });
}
