//! The dialog about models: those that lie on this computer, and those that can be had from the Hub.
//!
//! Each tab is a file of its own. What is found stays when the dialog is closed. Nothing is looked for before the tab
//! is opened for the first time.

mod act;
mod duplicates;
mod finder;
mod hub;
mod list;
mod local;
mod offer;
mod transfers;

use std::path::PathBuf;
use std::sync::Arc;

use crate::app::action::Action;
use crate::app::panels::notices::Notices;
use crate::base::error::Result;
use crate::session::settings::Settings;
use crate::storage::library::Places;

use finder::{Finder, Order};

/// What the dialog knows.
pub(crate) struct Models {
    tab: Tab,
    local: local::Local,
    pub hub: hub::Hub,
    finder: Finder,
    places: Places,
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
    /// A dialog that has never been opened.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub(crate) fn new(places: Places, wake: Arc<dyn Fn() + Send + Sync>) -> Result<Self> {
        let finder = Finder::spawn(wake)?;
        Ok(Self { tab: Tab::Local, local: local::Local::default(), hub: hub::Hub::default(), finder, places })
    }

    /// Shows what the Hub has, and downloads.
    pub(crate) fn show_hub(&mut self) {
        self.tab = Tab::Hub;
    }

    /// Looks for models again if that was ever done: something may have come.
    pub(crate) fn look_again(&mut self, added: &[PathBuf]) {
        if self.local.was_asked {
            self.look(added);
        }
    }

    /// Looks for models.
    pub(crate) fn look(&mut self, added: &[PathBuf]) {
        self.local.was_asked = true;
        self.order(Order::Scan(Places { added: added.to_vec(), ..self.places.clone() }));
    }

    fn order(&mut self, order: Order) {
        self.local.work.begin(&order);
        self.finder.order(order);
    }

    /// Takes in what was found.
    pub(crate) fn hear(&mut self, notices: &mut Notices) {
        while let Some(news) = self.finder.news() {
            self.local.hear(news, notices);
        }
        if let Some(progress) = self.finder.progress() {
            self.local.work.follow(progress);
        }
    }
}

/// The dialog.
pub(crate) fn ui(ctx: &egui::Context, models: &mut Models, settings: &Settings, actions: &mut Vec<Action>) {
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
                Tab::Local => models.local.ui(ui, settings, actions),
                Tab::Hub => models.hub.ui(ui, actions),
            }
        });
    });
    if modal.should_close() {
        actions.push(Action::CloseDialog);
    }
}
