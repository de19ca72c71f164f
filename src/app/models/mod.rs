//! The dialog about models: those that lie on this computer, and those that can be had from the Hub.
//!
//! Each tab is a file of its own. What is found stays when the dialog is closed.

mod hub;
mod local;
mod offer;
mod transfers;

use crate::app::apply::Action;

pub(super) use hub::HubAction;

/// What the dialog knows.
#[derive(Debug, Default)]
pub(super) struct Models {
    tab: Tab,
    local: local::Local,
    pub hub: hub::Hub,
}

impl Models {
    /// Shows what the Hub has, and downloads.
    pub(super) fn show_hub(&mut self) {
        self.tab = Tab::Hub;
    }
}

/// What the dialog shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tab {
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

/// The dialog.
pub(super) fn ui(ctx: &egui::Context, models: &mut Models, actions: &mut Vec<Action>) {
    let screen = ctx.content_rect().size();
    let modal = egui::Modal::new(egui::Id::unique("models")).show(ctx, |ui| {
        ui.set_width(960.0_f32.min(screen.x - 60.0));
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
        ui.set_height((screen.y - 140.0).clamp(200.0, 620.0));
        match models.tab {
            Tab::Local => models.local.ui(ui, actions),
            Tab::Hub => models.hub.ui(ui, actions),
        }
    });
    if modal.should_close() {
        actions.push(Action::CloseDialog);
    }
}
