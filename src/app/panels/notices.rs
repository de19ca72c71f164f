//! What the user has to be told: errors with their causes and what to do, and short confirmations.

use std::time::{Duration, Instant};

use crate::app::action::PictureAction;
use crate::app::theme;
use crate::base::error::Error;
use crate::worker::UnsavedPicture;

/// How long a confirmation stays.
const STAYS: Duration = Duration::from_secs(6);

/// Notices beyond this many push the oldest out: nobody reads more.
const MOST: usize = 6;

/// What is shown at the moment, the newest last.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    notices: Vec<Notice>,
    next_id: u64,
}

#[derive(Debug)]
struct Notice {
    id: u64,
    text: Text,
    since: Instant,
}

#[derive(Debug)]
enum Text {
    Error(Error),
    Info(String),
    /// A picture that is in memory alone. It stays until it is saved or given up.
    Unsaved(UnsavedPicture),
}

impl Notices {
    /// Tells of a failure. It stays until it is dismissed.
    pub(crate) fn error(&mut self, error: Error) {
        // The same failure again, say of every job in a queue, is one notice.
        let text = error.to_string();
        log::error!("{text}");
        self.notices.retain(|notice| !matches!(&notice.text, Text::Error(old) if old.to_string() == text));
        self.push(Text::Error(error));
    }

    /// Tells that something went well. It goes by itself.
    pub(crate) fn info(&mut self, text: impl Into<String>) {
        self.push(Text::Info(text.into()));
    }

    /// Offers to save a picture that could be written nowhere.
    pub(crate) fn unsaved(&mut self, picture: UnsavedPicture) {
        self.push(Text::Unsaved(picture));
    }

    /// A picture that was offered is saved.
    pub(crate) fn saved(&mut self, picture: &UnsavedPicture) {
        self.notices.retain(|notice| !matches!(&notice.text, Text::Unsaved(offered) if offered == picture));
    }

    fn push(&mut self, text: Text) {
        self.next_id += 1;
        self.notices.push(Notice { id: self.next_id, text, since: Instant::now() });
        let is_lost = |notice: &Notice| !matches!(notice.text, Text::Unsaved(_));
        if self.notices.iter().filter(|notice| is_lost(notice)).count() > MOST
            && let Some(oldest) = self.notices.iter().position(is_lost)
        {
            self.notices.remove(oldest);
        }
    }

    /// Shows the notices, one below the other. Returns what is asked of them.
    pub(crate) fn ui(&mut self, ui: &mut egui::Ui) -> Option<PictureAction> {
        let goes = |notice: &Notice| matches!(notice.text, Text::Info(_)) && notice.since.elapsed() >= STAYS;
        self.notices.retain(|notice| !goes(notice));
        let (mut dismissed, mut action) = (None, None);
        for notice in &self.notices {
            ui.push_id(notice.id, |ui| {
                let palette = theme::palette(ui);
                let failed = !matches!(notice.text, Text::Info(_));
                let color = if failed { palette.error } else { palette.accent };
                let frame = egui::Frame::new()
                    .fill(ui.visuals().window_fill)
                    .stroke(egui::Stroke::new(1.0, color))
                    .corner_radius(6)
                    .inner_margin(8);
                frame.show(ui, |ui| {
                    ui.set_width(ui.available_width());
                    match &notice.text {
                        Text::Error(error) => {
                            if error_ui(ui, error) {
                                dismissed = Some(notice.id);
                            }
                        }
                        Text::Unsaved(picture) => match unsaved_ui(ui, picture) {
                            Some(UnsavedChoice::Save) => action = Some(PictureAction::SaveUnsaved(picture.clone())),
                            Some(UnsavedChoice::GiveUp) => dismissed = Some(notice.id),
                            None => {}
                        },
                        Text::Info(text) => {
                            let label = ui.label(text);
                            announce(ui, label.id);
                            ui.ctx().request_repaint_after(STAYS);
                        }
                    }
                });
            });
        }
        if let Some(id) = dismissed {
            self.notices.retain(|notice| notice.id != id);
        }
        action
    }
}

/// What can be done with a picture that is in memory alone.
enum UnsavedChoice {
    Save,
    GiveUp,
}

/// A picture that could be written nowhere.
fn unsaved_ui(ui: &mut egui::Ui, picture: &UnsavedPicture) -> Option<UnsavedChoice> {
    let color = theme::palette(ui).error;
    let text = "⚠ A finished picture is in memory alone, as no folder takes it";
    let headline = ui.label(egui::RichText::new(text).color(color).strong());
    announce(ui, headline.id);
    let prompt = &picture.recipe().request.prompts.prompt;
    if !prompt.is_empty() {
        ui.add(egui::Label::new(egui::RichText::new(prompt).weak()).truncate());
    }
    ui.label(
        "It is lost when Burnisher is closed. The queue waits: save the picture on another disk, or make some space",
    );
    ui.horizontal(|ui| {
        let save = ui.button("Save it elsewhere…").clicked().then_some(UnsavedChoice::Save);
        save.or_else(|| ui.button("Give it up").clicked().then_some(UnsavedChoice::GiveUp))
    })
    .inner
}

/// An error: headline, causes, what to do, with buttons. True when it is dismissed.
fn error_ui(ui: &mut egui::Ui, error: &Error) -> bool {
    let color = theme::palette(ui).error;
    let headline = ui.label(egui::RichText::new(format!("⚠ {}", error.sentence())).color(color).strong());
    announce(ui, headline.id);
    for cause in error.causes() {
        ui.label(egui::RichText::new(cause).weak());
    }
    if let Some(advice) = error.advice() {
        ui.label(advice);
    }
    ui.horizontal(|ui| {
        let dismissed = ui.button("Dismiss").clicked();
        if ui.button("Copy message").clicked() {
            ui.ctx().copy_text(error.to_string());
        }
        dismissed
    })
    .inner
}

/// Has screen readers read a widget aloud when it appears.
fn announce(ui: &egui::Ui, id: egui::Id) {
    ui.ctx().accesskit_node_builder(id, |node| node.set_live(egui::accesskit::Live::Polite));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_failure_twice_is_one_notice_and_few_are_kept() {
        let mut notices = Notices::default();
        notices.error(Error::new("the disk is full"));
        notices.error(Error::new("the disk is full"));
        assert_eq!(notices.notices.len(), 1);
        for k in 0..20 {
            notices.info(format!("saved {k}"));
        }
        assert_eq!(notices.notices.len(), MOST);
    }

    #[test]
    fn a_picture_in_memory_alone_stays_until_it_is_saved() {
        use crate::content::request::{Recipe, Request};

        let recipe = Recipe::of_picture(&Request::default(), 0, "bundled");
        let picture = UnsavedPicture::new(image::RgbImage::new(8, 8), recipe);
        let mut notices = Notices::default();
        notices.unsaved(picture.clone());
        (0..20).for_each(|k| notices.error(Error::new(format!("failure {k}"))));
        assert_eq!(notices.notices.len(), MOST + 1);
        notices.saved(&picture);
        assert_eq!(notices.notices.len(), MOST);
    }
}
