//! The About window: which program on which computer, to look at and to be copied for a report.

mod facts;

use crate::app::action::Action;
use crate::app::state::WindowState;
use crate::base::logging::without_private;
use crate::base::system;

pub(crate) use facts::AboutFacts;

/// The dialog.
#[derive(Debug, Default)]
pub(crate) struct AboutDialog {
    /// `None` while they are being found out.
    pub(crate) facts: Option<AboutFacts>,
}

impl AboutDialog {
    /// The dialog. `screen` is what draws the window, in words.
    pub(crate) fn ui(&self, ctx: &egui::Context, state: &WindowState, screen: &str, actions: &mut Vec<Action>) {
        let modal = egui::Modal::new(egui::Id::unique("about")).show(ctx, |ui| {
            ui.set_width(600.0_f32.min(ctx.content_rect().width() - 40.0));
            ui.heading("About Burnisher");
            ui.label("Draws pictures with Stable Diffusion, on this computer.");
            ui.add_space(6.0);
            let height = (ctx.content_rect().height() - 200.0).max(80.0);
            egui::ScrollArea::vertical().max_height(height).show(ui, |ui| {
                for (name, value) in self.rows(state, screen) {
                    row_ui(ui, name, &value);
                }
                if self.facts.is_none() {
                    ui.label("Asking the drivers for their devices…");
                }
            });
            ui.add_space(8.0);
            ui.horizontal_wrapped(|ui| {
                let tip =
                    "Copy all of this and the log's last lines, without anything private, to be pasted into a report";
                let copy = ui.add_enabled(self.facts.is_some(), egui::Button::new("Copy for a report"));
                if copy.on_hover_text(tip).clicked() {
                    actions.push(Action::CopyText(self.text(state, screen)));
                }
                if let Some(folder) = self.facts.as_ref().and_then(|facts| facts.log.parent())
                    && ui.button("Open the log's folder").clicked()
                {
                    actions.push(Action::OpenFolder(folder.to_owned()));
                }
                if ui.button("Close").clicked() {
                    actions.push(Action::CloseDialog);
                }
            });
        });
        if modal.should_close() {
            actions.push(Action::CloseDialog);
        }
    }

    /// What is known, each with its name.
    fn rows(&self, state: &WindowState, screen: &str) -> Vec<(&'static str, String)> {
        let settings = &state.session.settings;
        let mut rows = vec![("Version", format!("{} ({})", system::version(), system::parts()))];
        let facts = self.facts.iter();
        rows.extend(facts.clone().map(|facts| ("System", facts.system.clone())));
        let devices = facts.clone().flat_map(|facts| &facts.devices);
        rows.extend(devices.map(|device| ("Device", format!("{}: {}", device.id, device.in_words()))));
        rows.push((
            "Chosen",
            format!("device {}, dtype {}, kernels {}", settings.device, settings.dtype, settings.kernels),
        ));
        let in_use = state.info().map(|info| format!("{} on {} in {}", info.class_name, info.device, info.dtype));
        rows.extend(in_use.map(|text| ("In use", text)));
        if !screen.is_empty() {
            rows.push(("Window", screen.to_owned()));
        }
        rows.extend(facts.map(|facts| ("Log", facts.log.display().to_string())));
        rows.into_iter().map(|(name, value)| (name, without_private(&value))).collect()
    }

    /// All of it, and the log's newest lines.
    fn text(&self, state: &WindowState, screen: &str) -> String {
        let mut lines: Vec<String> =
            self.rows(state, screen).into_iter().map(|(name, value)| format!("{name}: {value}")).collect();
        lines.extend(self.facts.iter().flat_map(|facts| &facts.lines).cloned());
        lines.join("\n")
    }
}

/// A name, and beside it a value that may take several lines.
fn row_ui(ui: &mut egui::Ui, name: &str, value: &str) {
    ui.horizontal_top(|ui| {
        ui.allocate_ui(egui::vec2(64.0, 0.0), |ui| {
            ui.set_width(64.0);
            ui.label(egui::RichText::new(name).weak());
        });
        ui.add(egui::Label::new(value).wrap());
    });
}
