//! The status line: what goes on, how far it is, and what it runs on.

use std::fmt::Write;
use std::time::{Duration, Instant};

use crate::app::action::{Action, ModelsAction};
use crate::app::command::UiCommand;
use crate::app::state::WindowState;
use crate::session::{ModelState, Queue, Running};
use crate::worker::Phase;

/// How often the use of memory is looked up while something is drawn.
const MEMORY_INTERVAL: Duration = Duration::from_secs(1);

/// What several windows mean.
const SEVERAL: &str = "Burnisher is open in another window too. Each has a queue, a form and a model of its own, and what one \
    leaves in its queue is there when Burnisher is opened next.\nPreferences that are changed here are kept; the other windows go by \
    them when they are opened next.";

/// The bottom line of the window.
#[derive(Default)]
pub(crate) struct StatusLine {
    /// Bytes of main memory that the program takes, and when that was looked up.
    memory: Option<(u64, Instant)>,
}

impl StatusLine {
    /// Shows the line.
    pub(crate) fn ui(&mut self, ui: &mut egui::Ui, state: &WindowState) -> Vec<Action> {
        if self.memory.is_none_or(|(_, since)| since.elapsed() >= MEMORY_INTERVAL) {
            self.memory = crate::worker::resident_bytes().map(|bytes| (bytes, Instant::now()));
        }
        let mut actions = Vec::new();
        line_ui(ui, state, self.memory.map(|(bytes, _)| bytes), &mut actions);
        actions
    }
}

fn line_ui(ui: &mut egui::Ui, state: &WindowState, memory: Option<u64>, actions: &mut Vec<Action>) {
    ui.horizontal(|ui| {
        ui.set_min_height(26.0);
        let (text, tip) = what_goes_on(state.session.queue(), state.session.model());
        if let Some(running) = state.session.queue().running() {
            let bar = egui::ProgressBar::new(running.fraction()).desired_width(120.0).desired_height(12.0);
            ui.add(bar).accessible_name("Progress");
        }
        let label = ui.label(text);
        announce(ui, &announcement(state.session.queue(), state.session.model()));
        if let Some(tip) = tip {
            label.on_hover_text(tip);
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if let Some(bytes) = memory {
                ui.menu_button(gigabytes(bytes), |ui| {
                    if ui.button(UiCommand::FreeMemory.text()).on_hover_text(UiCommand::FreeMemory.tooltip()).clicked()
                    {
                        actions.push(UiCommand::FreeMemory.into());
                        ui.close();
                    }
                })
                .response
                .on_hover_text("Main memory that Burnisher takes");
            }
            if let Some(fraction) = state.session.downloads().fraction() {
                let text = format!("Downloading, {:.0} %", fraction * 100.0);
                if ui.button(text).on_hover_text("Show the downloads").clicked() {
                    actions.push(ModelsAction::ShowDownloads.into());
                }
            }
            if state.session.seat_number() > 1 {
                ui.label(format!("Window {}", state.session.seat_number())).on_hover_text(SEVERAL);
                ui.separator();
            }
            if let Some(info) = state.session.model().info() {
                let weights =
                    format!("{} million weights, {}", info.parameters / 1_000_000, gigabytes(info.weight_bytes));
                ui.label(&info.dtype).on_hover_text(weights);
                ui.separator();
                let tip = [info.class_name.as_str(), &info.kernels].join("\n");
                ui.add(egui::Label::new(&info.device).truncate()).on_hover_text(tip.trim_end());
            }
        });
    });
}

/// Tells screen readers what goes on. It has no size: the line beside it says more, and oftener.
fn announce(ui: &mut egui::Ui, text: &str) {
    let response = ui.allocate_response(egui::Vec2::ZERO, egui::Sense::hover());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Status, true, text));
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_live(egui::accesskit::Live::Polite));
}

/// What is worth interrupting someone for: phases, and every quarter of a picture.
fn announcement(queue: &Queue, model: &ModelState) -> String {
    match queue.running() {
        None => what_goes_on(queue, model).0,
        Some(running) => format!("Drawing, {:.0} percent", (running.fraction() * 4.0).floor() * 25.0),
    }
}

/// What goes on in words, with a tooltip.
fn what_goes_on(queue: &Queue, model: &ModelState) -> (String, Option<String>) {
    if let Some(running) = queue.running() {
        return (progress(running), Some(details(running)));
    }
    match model {
        ModelState::Loading(loading) if loading.number.0 > 0 => {
            (format!("{}, {:.0} %", loading.text(), loading.fraction * 100.0), Some(loading.model.to_string()))
        }
        ModelState::Loading(loading) => (loading.text(), Some(loading.model.to_string())),
        ModelState::Ready { .. } => ("Ready".to_owned(), None),
        ModelState::Failed { error, .. } => ("The model can't be used".to_owned(), Some(error.to_string())),
        ModelState::None => ("No model is loaded".to_owned(), None),
    }
}

fn progress(running: &Running) -> String {
    let mut text = if running.cancel.is_cancelled() {
        "Stopping".to_owned()
    } else {
        match &running.phase {
            None => "Starting".to_owned(),
            Some((_, true, _)) if running.step == 0 => "Tuning for this GPU (once)".to_owned(),
            Some((Phase::Encoding, ..)) => "Reading the prompt".to_owned(),
            Some((Phase::Denoising, ..)) => format!("Step {} of {}", running.step, running.steps),
            Some((Phase::Decoding, ..)) => "Decoding the picture".to_owned(),
            Some((Phase::Saving, ..)) => "Saving the picture".to_owned(),
        }
    };
    let count = running.waiting.work.pictures();
    if running.compares() {
        let (done, of) = running.variant_steps();
        text = format!("Comparing {}: step {done} of {of}", running.variants.len());
    } else if count > 1 {
        text = format!("Picture {} of {count}: {text}", running.picture + 1);
    }
    if let Some(secs) = running.step_secs {
        let _ = write!(text, " · {}", rate(secs));
    }
    if let Some(left) = running.time_left() {
        let _ = write!(text, " · {} left", duration(left));
    }
    text
}

fn details(running: &Running) -> String {
    let mut text = running.waiting.work.first().prompts.prompt.clone();
    if let Some((_, _, since)) = &running.phase {
        let _ = write!(text, "\nIn this phase for {}", duration(since.elapsed()));
    }
    let _ = write!(text, "\nPreviews take {:.1} % of the time", running.preview_share * 100.0);
    text
}

/// Steps a second, or seconds a step where that reads better.
fn rate(step_secs: f64) -> String {
    if step_secs <= 1.0 { format!("{:.1} it/s", 1.0 / step_secs.max(1e-6)) } else { format!("{step_secs:.1} s/it") }
}

/// A duration as people say it.
fn duration(duration: Duration) -> String {
    let secs = duration.as_secs_f64().ceil() as u64;
    match secs {
        0..60 => format!("{secs} s"),
        60..3600 => format!("{} min {} s", secs / 60, secs % 60),
        _ => format!("{} h {} min", secs / 3600, secs % 3600 / 60),
    }
}

/// Bytes as people say them.
fn gigabytes(bytes: u64) -> String {
    const MEGA: f64 = 1e6;
    let megabytes = bytes as f64 / MEGA;
    if megabytes < 1000.0 { format!("{megabytes:.0} MB") } else { format!("{:.1} GB", megabytes / 1000.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::model_ref::ModelRef;
    use crate::session::Waiting;
    use crate::session::settings::Draft;
    use crate::storage::gallery::Destination;
    use crate::worker::Job;

    #[test]
    fn screen_readers_hear_of_quarters_and_not_of_every_step() {
        let (mut queue, model) = (Queue::default(), ModelState::None);
        assert_eq!(announcement(&queue, &model), "No model is loaded");
        let waiting = Waiting::new(ModelRef::Bundled, Draft::default().request());
        queue.push(waiting.clone());
        let job = Job::new(waiting.work, Destination::Folder(".".into()));
        queue.started(job.id, job.cancel);
        let mut heard: Vec<String> = (0..20)
            .map(|step| {
                let running = queue.running_mut(job.id).expect("it runs");
                (running.step, running.steps) = (step, 20);
                announcement(&queue, &model)
            })
            .collect();
        heard.dedup();
        assert_eq!(heard, ["0", "25", "50", "75"].map(|percent| format!("Drawing, {percent} percent")));
    }

    #[test]
    fn numbers_read_as_people_say_them() {
        assert_eq!([0.05, 1.0, 2.5].map(rate), ["20.0 it/s", "1.0 it/s", "2.5 s/it"]);
        let secs = [0, 59, 60, 3725].map(|secs| duration(Duration::from_secs(secs)));
        assert_eq!(secs, ["0 s", "59 s", "1 min 0 s", "1 h 2 min"]);
        assert_eq!([800_000_000, 5_380_000_000].map(gigabytes), ["800 MB", "5.4 GB"]);
    }
}
