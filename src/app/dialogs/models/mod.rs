//! The dialog about models: those that lie on this computer, and those that can be had from the Hub.
//!
//! Each tab is a file of its own. What is found stays when the dialog is closed. Nothing is looked for before the tab
//! is opened for the first time.

mod act;
mod duplicates;
mod hub;
mod hub_act;
mod list;
mod local;
mod offer;
mod transfers;

use crate::app::action::Action;
use crate::app::panels::notices::Notices;
use crate::session::{HubAnswer, Session, SessionEvent};

/// What the dialog knows.
#[derive(Default)]
pub(crate) struct Models {
    tab: Tab,
    local: local::Local,
    pub hub: hub::HubTab,
}

/// What the dialog shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tab {
    #[default]
    Local,
    Hub,
}

impl Tab {
    const ALL: [Self; 2] = [Self::Local, Self::Hub];

    fn label(self) -> &'static str {
        match self {
            Self::Local => "On this computer",
            Self::Hub => "From the Hub",
        }
    }
}

impl Models {
    /// Shows what the Hub has, and downloads.
    pub(crate) fn show_hub(&mut self) {
        self.tab = Tab::Hub;
    }

    /// Takes in what the session tells of models.
    pub(crate) fn hear(&mut self, event: SessionEvent, notices: &mut Notices) {
        match event {
            SessionEvent::Hub(HubAnswer::Found { text, found }) => self.hub.hear_found(text, found),
            SessionEvent::Hub(HubAnswer::Looked { asked, offer }) => self.hub.hear_offer(&asked, offer),
            SessionEvent::Downloaded(asked) => self.hub.download_done(&asked),
            SessionEvent::Library(news) => self.local.hear(news, notices),
            SessionEvent::Worker(_)
            | SessionEvent::Gallery(_)
            | SessionEvent::Started { .. }
            | SessionEvent::Notice(_)
            | SessionEvent::Failed(_) => {}
        }
    }

    /// Takes in how far the session's work on models is.
    pub(crate) fn follow(&mut self, session: &Session) {
        if let Some(progress) = session.library_progress() {
            self.local.work.follow(progress);
        }
    }
}

/// The dialog.
pub(crate) fn ui(ctx: &egui::Context, models: &mut Models, session: &Session, actions: &mut Vec<Action>) {
    let screen = ctx.content_rect().size();
    let modal = egui::Modal::new(egui::Id::unique("models")).show(ctx, |ui| {
        ui.set_width(1000.0_f32.min(screen.x - 60.0));
        ui.horizontal(|ui| {
            ui.heading("Models");
            ui.add_space(12.0);
            for tab in Tab::ALL {
                ui.selectable_value(&mut models.tab, tab, tab.label());
            }
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                if ui.button("Close").clicked() {
                    actions.push(Action::CloseDialog);
                }
            });
        });
        ui.separator();
        // The same for both, so that nothing jumps from one to the other.
        let size = egui::vec2(ui.available_width(), (screen.y - 140.0).clamp(200.0, 620.0));
        ui.allocate_ui_with_layout(size, egui::Layout::top_down(egui::Align::Min), |ui| {
            ui.set_min_size(size);
            match models.tab {
                Tab::Local => models.local.ui(ui, &session.settings, actions),
                Tab::Hub => models.hub.ui(ui, session.downloads(), actions),
            }
        });
    });
    if modal.should_close() {
        actions.push(Action::CloseDialog);
    }
}
