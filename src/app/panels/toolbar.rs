//! The line above the canvas: panels, zoom, and what can be done with the picture.

use crate::app::action::{Action, PictureAction, SettingsAction};
use crate::app::command::{UiCommand, keys_text};
use crate::app::painter::Painter;
use crate::app::stage::{Centre, Stage, Surroundings};
use crate::app::state::WindowState;
use crate::app::widgets::command_button;

/// What the longest size takes, in points.
const SIZE_WIDTH: f32 = 90.0;

/// The line above the canvas.
pub(crate) fn ui(
    ui: &mut egui::Ui,
    state: &WindowState,
    centre: &Centre,
    painter: &Painter,
    around: Surroundings,
) -> Vec<Action> {
    let mut actions = Vec::new();
    line_ui(ui, state, centre, painter, around, &mut actions);
    actions
}

fn line_ui(
    ui: &mut egui::Ui,
    state: &WindowState,
    centre: &Centre,
    painter: &Painter,
    around: Surroundings,
    actions: &mut Vec<Action>,
) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        toggle(ui, UiCommand::ToggleControls, state.session.settings.controls_open, actions);
        ui.separator();
        ui.menu_button(centre.canvas.zoom_text(), |ui| {
            for command in [UiCommand::Fit, UiCommand::ActualSize, UiCommand::DoubleSize] {
                item(ui, command, true, actions);
            }
        })
        .response
        .on_hover_text("How large the picture is shown; the wheel zooms, dragging moves");
        let picture = centre.canvas.path().is_some();
        ui.add_enabled_ui(picture, |ui| drop(command_button(ui, UiCommand::SaveAs, actions)));
        ui.menu_button("More", |ui| {
            item(ui, UiCommand::SaveCopy, picture, actions);
            let mut strip = state.session.settings.strip_metadata;
            if ui
                .checkbox(&mut strip, "Without prompt and settings")
                .on_hover_text("For copies that are saved")
                .changed()
            {
                actions.push(SettingsAction::StripMetadata(strip).into());
            }
            ui.separator();
            item(ui, UiCommand::CopyPicture, picture, actions);
            item(ui, UiCommand::CopyPrompt, true, actions);
            item(ui, UiCommand::BeginWith, picture, actions);
            item(ui, UiCommand::LookBack, centre.steps.is_some(), actions);
            item(ui, UiCommand::ShowDepth, picture, actions);
            ui.separator();
            item(ui, UiCommand::ReadPicture, true, actions);
            item(ui, UiCommand::OpenFolder, true, actions);
            item(ui, UiCommand::InspectModel, true, actions);
            ui.separator();
            item(ui, UiCommand::Lab, true, actions);
            item(ui, UiCommand::Settings, true, actions);
            item(ui, UiCommand::Shortcuts, true, actions);
            item(ui, UiCommand::About, true, actions);
            item(ui, UiCommand::Quit, true, actions);
        });
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            toggle(ui, UiCommand::ToggleGallery, state.session.settings.gallery_open, actions);
            let watch = "Show the picture that is being drawn";
            if around.is_running && !centre.follows(around) && ui.button("Watch").on_hover_text(watch).clicked() {
                actions.push(PictureAction::Watch.into());
            }
            let is_mask = centre.stage(around) == Stage::Painting;
            let size = if is_mask { painter.size_text() } else { centre.canvas.size_text() };
            if let Some(size) = size.filter(|_| ui.available_width() >= SIZE_WIDTH) {
                ui.add_space(6.0);
                ui.label(egui::RichText::new(size).weak());
            }
        });
    });
}

fn toggle(ui: &mut egui::Ui, command: UiCommand, open: bool, actions: &mut Vec<Action>) {
    let button = ui.selectable_label(open, command.text()).on_hover_text(command.explanation(ui.ctx()));
    if button.clicked() {
        actions.push(command.into());
    }
}

fn item(ui: &mut egui::Ui, command: UiCommand, enabled: bool, actions: &mut Vec<Action>) {
    let button = egui::Button::new(command.text());
    let button = match command.shortcuts().first() {
        Some(keys) => button.shortcut_text(keys_text(ui.ctx(), *keys)),
        None => button,
    };
    if ui.add_enabled(enabled, button).on_hover_text(command.tooltip()).clicked() {
        actions.push(command.into());
        ui.close();
    }
}
