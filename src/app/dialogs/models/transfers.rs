//! The downloads, one below the other: how far, how fast, and what to do with each.

use egui::{ProgressBar, RichText};

use crate::app::action::{Action, HubAction, ModelAction};
use crate::app::theme;
use crate::app::words::bytes;
use crate::base::model_ref::ModelRef;
use crate::session::{Download, DownloadList, Standing};
use crate::storage::hub::{DownloadProgress, TransferState};

/// All of them, in the order in which they were asked for.
pub(crate) fn ui(ui: &mut egui::Ui, list: &DownloadList, actions: &mut Vec<Action>) {
    for download in list.iter() {
        download_ui(ui, download, actions);
    }
}

fn download_ui(ui: &mut egui::Ui, download: &Download, actions: &mut Vec<Action>) {
    let id = &download.offer.asked;
    ui.horizontal(|ui| {
        ui.label(RichText::new(id.to_string()).strong());
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let mut button = |ui: &mut egui::Ui, text: &str, what: &str, action: fn(_) -> HubAction| {
                if ui.button(text).on_hover_text(format!("{what} {id}")).clicked() {
                    actions.push(action(id.clone()).into());
                }
            };
            match &download.standing {
                Standing::Waiting | Standing::Running(_) => {
                    button(ui, "Cancel", "Take it off the list; what has come is kept:", HubAction::Remove);
                    button(ui, "Pause", "Pause", HubAction::Pause);
                }
                Standing::Paused => {
                    button(ui, "Cancel", "Take it off the list; what has come is kept:", HubAction::Remove);
                    button(ui, "Resume", "Go on with", HubAction::Resume);
                }
                Standing::Failed(_) => {
                    button(ui, "Dismiss", "Take it off the list; what has come is kept:", HubAction::Remove);
                    button(ui, "Try again", "Go on with", HubAction::Resume);
                }
                Standing::Done => {
                    button(ui, "Dismiss", "Take it off the list:", HubAction::Remove);
                    if ui.button("Use").on_hover_text(format!("Draw with {id}")).clicked() {
                        actions.push(ModelAction::Use(ModelRef::Hub(download.offer.asked.clone())).into());
                        actions.push(Action::CloseDialog);
                    }
                }
            }
        });
    });
    let of = download.offer.bytes.max(1);
    let fraction = download.bytes as f32 / of as f32;
    match &download.standing {
        Standing::Failed(error) => {
            let color = theme::palette(ui).error;
            ui.label(RichText::new(format!("⚠ {error}")).color(color));
        }
        Standing::Done => drop(ui.label(format!("✔ {} here, checked", bytes(of)))),
        Standing::Running(progress) => {
            let text = progress.as_deref().map_or_else(|| "Asking the Hub…".to_owned(), words);
            let bar = ui.add(ProgressBar::new(fraction).text(text).desired_height(20.0));
            if let Some(progress) = progress {
                bar.on_hover_ui(|ui| files_ui(ui, progress));
            }
        }
        Standing::Waiting => drop(ui.add(ProgressBar::new(fraction).text("Waits for its turn").desired_height(20.0))),
        Standing::Paused => {
            let text = format!("Paused, {} of {} here", bytes(download.bytes), bytes(of));
            ui.add(ProgressBar::new(fraction).text(text).desired_height(20.0));
        }
    }
}

/// How far a download is, in a line.
fn words(progress: &DownloadProgress) -> String {
    let so_far = format!("{} of {}", bytes(progress.bytes), bytes(progress.of));
    match &progress.state {
        TransferState::Waiting { why, secs: Some(secs) } => format!("{so_far} · {why}, trying again in {secs} s"),
        TransferState::Waiting { why, secs: None } => format!("{so_far} · {why}"),
        TransferState::Checking => format!("{so_far} · checking"),
        _ => {
            let rate = bytes(progress.bytes_per_sec as u64);
            let left = progress.secs_left.map(|secs| format!(" · {rate}/s · {} left", duration(secs)));
            so_far + &left.unwrap_or_default()
        }
    }
}

/// A time that is still to pass, roughly.
fn duration(secs: f64) -> String {
    let secs = secs.ceil() as u64;
    match secs {
        0..90 => format!("{secs} s"),
        90..5400 => format!("{} min", secs.div_ceil(60)),
        _ => format!("{:.1} h", secs as f64 / 3600.0),
    }
}

fn files_ui(ui: &mut egui::Ui, progress: &DownloadProgress) {
    for file in &progress.files {
        let state = match &file.state {
            TransferState::Queued => "waits for its turn",
            TransferState::Fetching => "downloading",
            TransferState::Checking => "checking",
            TransferState::Waiting { why, .. } => &format!("waits: {why}"),
            TransferState::Done => "✔",
        };
        ui.label(format!("{}  {} of {}  {state}", file.path, bytes(file.bytes), bytes(file.of)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_as_people_tell_it() {
        assert_eq!([4.2, 89.0, 600.0, 9000.0].map(duration), ["5 s", "89 s", "10 min", "2.5 h"]);
    }

    #[test]
    fn a_line_says_how_far_how_fast_and_how_long() {
        let progress = DownloadProgress {
            files: Vec::new(),
            bytes: 500_000_000,
            of: 2_000_000_000,
            bytes_per_sec: 5e6,
            secs_left: Some(300.0),
            state: TransferState::Fetching,
        };
        assert_eq!(words(&progress), "500.0 MB of 2.0 GB · 5.0 MB/s · 5 min left");
        let state = TransferState::Waiting { why: "the Hub is busy".to_owned(), secs: Some(8) };
        let waiting = words(&DownloadProgress { state, ..progress });
        assert_eq!(waiting, "500.0 MB of 2.0 GB · the Hub is busy, trying again in 8 s");
    }
}
