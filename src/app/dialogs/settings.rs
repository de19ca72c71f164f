//! The settings window.

use std::path::PathBuf;

use egui::{ComboBox, DragValue};

use crate::app::action::{Action, HubAction, SettingsAction};
use crate::app::files::FileDialog;
use crate::app::state::WindowState;
use crate::base::device::{DeviceChoice, DeviceInfo, DtypeChoice, KernelChoice};
use crate::session::HubQuestion;
use crate::session::settings::Theme;

/// Scales to choose from.
const SCALES: [f32; 7] = [0.75, 0.9, 1.0, 1.25, 1.5, 1.75, 2.0];

/// What the dialog knows beside the settings.
#[derive(Default)]
pub(crate) struct SettingsDialog {
    /// What pictures can be drawn on, once it is known.
    pub(super) devices: Option<Vec<DeviceInfo>>,
    /// The access token for the Hub as it is being typed.
    token: String,
}

/// The dialog.
pub(crate) fn ui(ctx: &egui::Context, dialog: &mut SettingsDialog, state: &mut WindowState, actions: &mut Vec<Action>) {
    let modal = egui::Modal::new(egui::Id::unique("settings")).show(ctx, |ui| {
        ui.set_width(460.0_f32.min(ctx.content_rect().width() - 40.0));
        ui.heading("Settings");
        ui.add_space(4.0);
        egui::Grid::new("settings").num_columns(2).spacing([16.0, 8.0]).show(ui, |ui| {
            output_ui(ui, state, actions);
            pattern_ui(ui, state);
            device_ui(ui, state, dialog.devices.as_deref().unwrap_or_default(), actions);
            memory_ui(ui, state, actions);
            look_ui(ui, state);
            token_ui(ui, &mut dialog.token, actions);
            let label = ui.label("Saved copies");
            let text = "Leave prompt and settings out";
            ui.checkbox(&mut state.session.settings.strip_metadata, text).labelled_by(label.id);
            ui.end_row();
        });
        ui.add_space(8.0);
        if ui.button("Close").clicked() {
            actions.push(Action::CloseDialog);
        }
    });
    if modal.should_close() {
        actions.push(Action::CloseDialog);
    }
}

fn output_ui(ui: &mut egui::Ui, state: &mut WindowState, actions: &mut Vec<Action>) {
    let label = ui.label("Folder for pictures");
    ui.horizontal(|ui| {
        let mut text = state.session.settings.output_folder.display().to_string();
        let field = egui::TextEdit::singleline(&mut text).id_salt("output").desired_width(220.0);
        if ui.add(field).labelled_by(label.id).changed() {
            state.session.settings.output_folder = PathBuf::from(text);
            actions.push(SettingsAction::WatchFolder.into());
        }
        if ui.button("Browse…").clicked() {
            let dialog =
                FileDialog::folder("The folder for pictures", |folder| SettingsAction::UseFolder(folder).into());
            actions.push(Action::Browse(dialog.starting_in(Some(state.session.settings.output_folder.clone()))));
        }
    });
    ui.end_row();
}

fn pattern_ui(ui: &mut egui::Ui, state: &mut WindowState) {
    let label = ui.label("File names");
    let field =
        egui::TextEdit::singleline(&mut state.session.settings.name_pattern.0).id_salt("names").desired_width(220.0);
    let tip = "{number}, {seed}, {prompt}, {model}, {sampler}, {width} and {height} are filled in";
    ui.add(field).labelled_by(label.id).on_hover_text(tip);
    ui.end_row();
}

fn device_ui(ui: &mut egui::Ui, state: &mut WindowState, devices: &[DeviceInfo], actions: &mut Vec<Action>) {
    let chosen = |state: &WindowState| {
        let settings = &state.session.settings;
        (settings.device, settings.dtype, settings.kernels)
    };
    let before = chosen(state);
    let label = ui.label("Device");
    let name = |choice: DeviceChoice| {
        let id = choice.to_string();
        let known = devices.iter().find(|device| device.id == id);
        match (choice, known) {
            (DeviceChoice::Auto, _) => "The fastest".to_owned(),
            (_, Some(device)) => format!("{} ({id})", device.name),
            _ => id,
        }
    };
    let combo =
        ComboBox::from_id_salt("device").width(220.0).selected_text(name(state.session.settings.device)).truncate();
    let shown = combo.show_ui(ui, |ui| {
        let listed = devices.iter().filter_map(|device| device.id.parse().ok());
        for choice in std::iter::once(DeviceChoice::Auto).chain(listed) {
            ui.selectable_value(&mut state.session.settings.device, choice, name(choice));
        }
    });
    shown.response.labelled_by(label.id);
    ui.end_row();
    let label = ui.label("Precision");
    let name = |dtype| match dtype {
        DtypeChoice::Auto => "Automatic".to_owned(),
        DtypeChoice::F32 | DtypeChoice::F16 | DtypeChoice::Bf16 => dtype.to_string(),
    };
    let combo = ComboBox::from_id_salt("dtype").width(220.0).selected_text(name(state.session.settings.dtype));
    let shown = combo.show_ui(ui, |ui| {
        for dtype in [DtypeChoice::Auto, DtypeChoice::F32, DtypeChoice::F16, DtypeChoice::Bf16] {
            ui.selectable_value(&mut state.session.settings.dtype, dtype, name(dtype));
        }
    });
    shown.response.labelled_by(label.id).on_hover_text("f16 takes half the memory; f32 is the most exact");
    ui.end_row();
    let label = ui.label("GPU kernels");
    let name = |kernels| match kernels {
        KernelChoice::Auto => "Automatic",
        KernelChoice::Native => "Native",
        KernelChoice::Portable => "Portable",
    };
    let combo = ComboBox::from_id_salt("kernels").width(220.0).selected_text(name(state.session.settings.kernels));
    let shown = combo.show_ui(ui, |ui| {
        for kernels in [KernelChoice::Auto, KernelChoice::Native, KernelChoice::Portable] {
            ui.selectable_value(&mut state.session.settings.kernels, kernels, name(kernels));
        }
    });
    let tip = "Native ones are compiled in the driver's own language and are the fastest; portable ones are slower, and help where a \
               driver draws wrong pictures or crashes";
    shown.response.labelled_by(label.id).on_hover_text(tip);
    ui.end_row();
    if before != chosen(state) {
        actions.push(SettingsAction::RestartWorker.into());
    }
}

fn memory_ui(ui: &mut egui::Ui, state: &mut WindowState, actions: &mut Vec<Action>) {
    let label = ui.label("Memory limit");
    let limit = &mut state.session.settings.memory_limit_gb;
    let field = DragValue::new(limit).range(0.0..=1024.0).speed(0.1).max_decimals(1).update_while_editing(false);
    let field = field.custom_formatter(move |gb, _| if gb > 0.0 { format!("{gb:.1} GB") } else { "None".to_owned() });
    let response = ui.add(field.custom_parser(|text| Some(number(text)))).labelled_by(label.id);
    // Only once it is settled: a new limit means a new worker.
    if response.drag_stopped() || response.lost_focus() {
        actions.push(SettingsAction::LimitMemory.into());
    }
    response.on_hover_text(
        "What a model and its pictures may take; parts of a model that don't fit are loaded as they are needed",
    );
    ui.end_row();
    let label = ui.label("Unload the model");
    let after = &mut state.session.settings.unload_after_minutes;
    let field = DragValue::new(after).range(0.0..=1440.0).speed(0.2).max_decimals(0);
    let field = field.custom_formatter(move |minutes, _| match minutes.round() as u64 {
        0 => "Never".to_owned(),
        1 => "After a minute".to_owned(),
        minutes => format!("After {minutes} minutes"),
    });
    let tip = "How long nothing is drawn until the model's memory is given back; the next picture loads it again";
    ui.add(field.custom_parser(|text| Some(number(text)))).labelled_by(label.id).on_hover_text(tip);
    ui.end_row();
}

/// The first number of a text; 0 if there is none.
fn number(text: &str) -> f64 {
    let digits: String = text.chars().filter(|c| c.is_ascii_digit() || *c == '.').collect();
    digits.parse().unwrap_or(0.0)
}

/// The access token for the Hub. What was kept isn't shown again.
fn token_ui(ui: &mut egui::Ui, token: &mut String, actions: &mut Vec<Action>) {
    let label = ui.label("Hub access token");
    ui.horizontal(|ui| {
        let field = egui::TextEdit::singleline(token).id_salt("hub-token").password(true).desired_width(160.0);
        let tip = "For models whose licence has to be accepted: from huggingface.co, Settings, Access Tokens. It is kept in a \
                   file of its own, and HF_TOKEN or `hf auth login` serve as well";
        ui.add(field.hint_text("hf_…")).labelled_by(label.id).on_hover_text(tip);
        let text = if token.trim().is_empty() { "Forget" } else { "Keep" };
        if ui.button(text).on_hover_text("Keep this access token, or forget the one that is kept").clicked() {
            let question = HubQuestion::KeepToken(std::mem::take(token));
            actions.push(HubAction::Ask(question).into());
        }
    });
    ui.end_row();
}

fn look_ui(ui: &mut egui::Ui, state: &mut WindowState) {
    let label = ui.label("Appearance");
    ui.horizontal(|ui| {
        for (theme, text) in [(Theme::System, "System"), (Theme::Light, "Light"), (Theme::Dark, "Dark")] {
            ui.selectable_value(&mut state.session.settings.theme, theme, text);
        }
    })
    .response
    .labelled_by(label.id);
    ui.end_row();
    let label = ui.label("Scale");
    let percent = |scale: f32| format!("{:.0} %", scale * 100.0);
    let combo = ComboBox::from_id_salt("scale").width(220.0).selected_text(percent(state.session.settings.scale));
    let shown = combo.show_ui(ui, |ui| {
        for scale in SCALES {
            ui.selectable_value(&mut state.session.settings.scale, scale, percent(scale));
        }
    });
    shown.response.labelled_by(label.id);
    ui.end_row();
}
