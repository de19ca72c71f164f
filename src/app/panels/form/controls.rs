//! The form: what to draw, with what, how often, and the button that does it.

use std::path::Path;

use egui::{ComboBox, DragValue, Slider};

use crate::app::action::{Action, HubAction, ModelAction, ModelsAction};
use crate::app::command::UiCommand;
use crate::app::panels::form::state::FormPanel;
use crate::app::panels::form::{sampler, task as task_form};
use crate::app::panels::queue as queue_panel;
use crate::app::stage::look_back;
use crate::app::state::WindowState;
use crate::app::theme;
use crate::app::widgets::{row, wide};
use crate::base::model_ref::ModelRef;
use crate::content::request::{Field, MAX_COUNT, MAX_SIDE, SIDE_MULTIPLE, SafetyMode, TaskKind, nearest_side};
use crate::session::ModelState;
use crate::session::settings::Draft;

impl FormPanel {
    /// The left panel. `from_canvas` is the picture in the centre.
    pub(crate) fn ui(&mut self, ui: &mut egui::Ui, state: &mut WindowState, from_canvas: Option<&Path>) -> Vec<Action> {
        let mut actions = Vec::new();
        egui::Panel::bottom("generate")
            .frame(egui::Frame::NONE)
            .show(ui, |ui| queue_panel::ui(ui, state, &mut actions));
        egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            ui.add_space(4.0);
            self.rows_ui(ui, state, from_canvas, &mut actions);
            ui.add_space(8.0);
        });
        actions
    }

    fn rows_ui(
        &mut self,
        ui: &mut egui::Ui,
        state: &mut WindowState,
        from_canvas: Option<&Path>,
        actions: &mut Vec<Action>,
    ) {
        model_ui(ui, state, actions);
        task_form::kind_ui(ui, state);
        task_form::ui(ui, state, [&self.picture, &self.depth], from_canvas, actions);
        look_back::branch_ui(ui, state.draft.values.start.branch.as_deref(), actions);
        ui.separator();
        if state.draft.start.task.has_prompt() {
            self.prompt.ui(ui, state, actions);
            ui.separator();
        }
        let before = own_values(&state.draft);
        let WindowState { session, draft, .. } = state;
        sampler::ui(ui, &mut self.levels, session.model().info(), draft);
        steps_ui(ui, draft);
        if draft.start.task.has_prompt() {
            guidance_ui(ui, draft);
        }
        size_ui(ui, state, actions);
        self.outlook.ui(ui);
        state.draft.untouched &= own_values(&state.draft) == before;
        ui.separator();
        seed_ui(ui, &mut state.draft, actions);
        count_ui(ui, &mut state.draft);
        preview_ui(ui, &mut state.session.settings.preview_every);
        advanced_ui(ui, state);
    }
}

/// What a model recommends: once the user changes it, another model leaves it alone.
fn own_values(draft: &Draft) -> (usize, f64, usize, usize) {
    (draft.values.sampling.steps, draft.values.guidance.scale, draft.values.size.width, draft.values.size.height)
}

fn model_ui(ui: &mut egui::Ui, state: &WindowState, actions: &mut Vec<Action>) {
    /// More than the word on the button takes: what is too wide would widen the panel, frame by frame.
    const MODELS_WIDTH: f32 = 76.0;
    row(ui, "Model", |ui, label| {
        let width = (ui.available_width() - ui.spacing().item_spacing.x - MODELS_WIDTH).max(60.0);
        let size = egui::vec2(width, ui.spacing().interact_size.y);
        // A long name takes all the room there is.
        ui.allocate_ui(size, |ui| choice_ui(ui, state, label, width, actions));
        let models = egui::Button::new(UiCommand::Models.text()).min_size(egui::vec2(MODELS_WIDTH, 0.0));
        if ui.add(models).on_hover_text(UiCommand::Models.explanation(ui.ctx())).clicked() {
            actions.push(UiCommand::Models.into());
        }
    });
    match state.session.model() {
        ModelState::Loading(loading) => {
            let what = format!("{}…", loading.text());
            ui.add(egui::ProgressBar::new(loading.fraction).text(what).desired_height(20.0));
            if ui.button("Stop loading").clicked() {
                actions.push(ModelAction::StopLoading.into());
            }
        }
        ModelState::Failed { model, error } if *model == state.session.settings.model => {
            let color = theme::palette(ui).error;
            ui.label(egui::RichText::new("⚠ This model can't be used").color(color)).on_hover_text(error.to_string());
            ui.horizontal(|ui| {
                if ui.button("Try again").clicked() {
                    actions.push(ModelAction::Use(model.clone()).into());
                }
                if let ModelRef::Hub(id) = model
                    && ui.button("Download…").on_hover_text("See what the Hub has of it").clicked()
                {
                    actions.push(ModelsAction::ShowDownloads.into());
                    actions.push(HubAction::Look(id.clone()).into());
                }
            });
        }
        _ => {
            if state.session.settings.model == ModelRef::Bundled {
                let text = "A small model of pictograms, to try things with. For larger ones, see Models…: those \
                            on this computer, and those that can be downloaded, such as Stable Diffusion 1.5";
                ui.label(egui::RichText::new(text).small().weak());
            }
        }
    }
}

/// The model in use, and those that were used before.
fn choice_ui(ui: &mut egui::Ui, state: &WindowState, label: egui::Id, width: f32, actions: &mut Vec<Action>) {
    let combo = egui::ComboBox::from_id_salt("model").width(width).selected_text(state.session.settings.model.label());
    let shown = combo.truncate().show_ui(ui, |ui| {
        for model in std::iter::once(ModelRef::Bundled).chain(state.session.settings.recent_models.iter().cloned()) {
            let chosen = state.session.settings.model == model;
            let button = ui.selectable_label(chosen, model.label()).on_hover_text(model.to_string());
            if button.clicked() && !chosen {
                actions.push(ModelAction::Use(model).into());
            }
        }
        ui.separator();
        if ui.button(UiCommand::OpenModel.text()).clicked() {
            actions.push(UiCommand::OpenModel.into());
        }
        if ui.button(UiCommand::InspectModel.text()).clicked() {
            actions.push(UiCommand::InspectModel.into());
        }
    });
    shown.response.labelled_by(label).on_hover_text(state.session.settings.model.to_string());
}

fn steps_ui(ui: &mut egui::Ui, draft: &mut Draft) {
    row(ui, "Steps", |ui, label| {
        // A hundred is more than anyone needs; a number may be typed up to what the models know.
        let slider = Slider::new(&mut draft.values.sampling.steps, 1..=100).clamping(egui::SliderClamping::Never);
        wide(ui, slider).labelled_by(label).on_hover_text("How often the model clears the noise away");
    });
    Field::Steps.mend(&mut draft.values);
}

fn guidance_ui(ui: &mut egui::Ui, draft: &mut Draft) {
    row(ui, "Guidance", |ui, label| {
        let slider = Slider::new(&mut draft.values.guidance.scale, 0.0..=20.0).step_by(0.1).max_decimals(2);
        let slider = slider.clamping(egui::SliderClamping::Never);
        wide(ui, slider).labelled_by(label).on_hover_text("How closely the prompt is followed; up to 1 turns it off");
    });
    Field::GuidanceScale.mend(&mut draft.values);
}

/// What few people need, folded away.
fn advanced_ui(ui: &mut egui::Ui, state: &mut WindowState) {
    egui::CollapsingHeader::new("Advanced").id_salt("advanced").show(ui, |ui| {
        let WindowState { session, draft, .. } = state;
        sampler::more_ui(ui, session.model().info(), draft);
        if draft.start.task == TaskKind::TextToImage {
            row(ui, "Rescale", |ui, label| {
                let field = DragValue::new(&mut draft.values.guidance.rescale)
                    .clamp_existing_to_range(false)
                    .range(0.0..=1.0)
                    .speed(0.01)
                    .max_decimals(3);
                let tip = "Takes back the contrast that strong guidance adds";
                ui.add(field).labelled_by(label).on_hover_text(tip);
            });
        }
        if draft.start.task.has_prompt() {
            row(ui, "Safety", |ui, label| {
                let combo = ComboBox::from_id_salt("safety").selected_text(draft.values.finish.safety.label());
                let shown = combo.show_ui(ui, |ui| {
                    for mode in SafetyMode::ALL {
                        ui.selectable_value(&mut draft.values.finish.safety, mode, mode.label())
                            .on_hover_text(safety_tip(mode));
                    }
                });
                shown
                    .response
                    .labelled_by(label)
                    .on_hover_text("Pictures that the model's safety checker flags, if it has one");
            });
        }
    });
}

fn safety_tip(mode: SafetyMode) -> &'static str {
    match mode {
        SafetyMode::Off => "Pictures aren't checked",
        SafetyMode::Blur => "They are kept, and shown blurred until you click them",
        SafetyMode::Block => "They are saved black",
    }
}

fn size_ui(ui: &mut egui::Ui, state: &mut WindowState, actions: &mut Vec<Action>) {
    let sizes = state.session.model().info().map(|info| info.sizes.clone()).unwrap_or_default();
    let multiple = state.session.model().info().map_or(SIDE_MULTIPLE, |info| info.size_multiple);
    let draft = &mut state.draft;
    row(ui, "Size", |ui, label| {
        ui.spacing_mut().item_spacing.x = 4.0;
        for (name, side) in [("Width", &mut draft.values.size.width), ("Height", &mut draft.values.size.height)] {
            let field =
                DragValue::new(side).clamp_existing_to_range(false).range(1..=MAX_SIDE).speed(multiple as f64 / 4.0);
            let response = ui.add(field.suffix(" px").update_while_editing(false));
            // Only where it is changed: showing a size that another model needs leaves it alone.
            if response.changed() {
                *side = nearest_side(*side, multiple);
            }
            response
                .labelled_by(label)
                .accessible_name(name)
                .on_hover_text(format!("{name} in pixels, a multiple of {multiple}"));
            if name == "Width" {
                let swap = ui.button("Swap").on_hover_text(UiCommand::SwapSides.tooltip());
                if swap.accessible_name(UiCommand::SwapSides.text()).clicked() {
                    actions.push(UiCommand::SwapSides.into());
                }
            }
        }
    });
    if sizes.is_empty() {
        return;
    }
    row(ui, "", |ui, _| {
        let text = "Sizes for this model";
        ui.menu_button(text, |ui| {
            for (width, height) in sizes {
                let chosen = (draft.values.size.width, draft.values.size.height) == (width, height);
                if ui.selectable_label(chosen, format!("{width} × {height}")).clicked() {
                    (draft.values.size.width, draft.values.size.height) = (width, height);
                    ui.close();
                }
            }
        });
    });
}

fn seed_ui(ui: &mut egui::Ui, draft: &mut Draft, actions: &mut Vec<Action>) {
    row(ui, "Seed", |ui, label| {
        ui.spacing_mut().item_spacing.x = 4.0;
        let mut text = draft.values.seeds.first.to_string();
        // What the two buttons take: ten digits fit beside them.
        let buttons = if draft.seed_locked { 112.0 } else { 100.0 };
        let width = (ui.available_width() - buttons).max(60.0);
        let field = egui::TextEdit::singleline(&mut text).id_salt("seed").desired_width(width);
        let response = ui.add(field).labelled_by(label);
        if response.changed() {
            let digits: String = text.chars().filter(char::is_ascii_digit).collect();
            draft.values.seeds.first =
                digits.parse().unwrap_or(if digits.is_empty() { 0 } else { draft.values.seeds.first });
            draft.seed_locked = true;
        }
        response.on_hover_text("The noise that the picture begins with: the same seed gives the same picture");
        let tip = if draft.seed_locked { "The seed stays" } else { "Every click draws from a new seed" };
        let text = if draft.seed_locked { "Locked" } else { "Lock" };
        let toggle = ui.toggle_value(&mut draft.seed_locked, text).on_hover_text(tip);
        toggle.accessible_name("Lock the seed");
        let dice = ui.button("New").on_hover_text(UiCommand::RandomSeed.explanation(ui.ctx()));
        if dice.accessible_name(UiCommand::RandomSeed.text()).clicked() {
            actions.push(UiCommand::RandomSeed.into());
        }
    });
}

fn count_ui(ui: &mut egui::Ui, draft: &mut Draft) {
    row(ui, "Pictures", |ui, label| {
        let field = DragValue::new(&mut draft.values.seeds.count)
            .clamp_existing_to_range(false)
            .range(1..=MAX_COUNT)
            .speed(0.05);
        ui.add(field).labelled_by(label).on_hover_text("How many, each from the next seed");
    });
}

fn preview_ui(ui: &mut egui::Ui, every: &mut usize) {
    row(ui, "Preview", |ui, label| {
        let field = DragValue::new(every).clamp_existing_to_range(false).range(0..=100).speed(0.05);
        let field = field.custom_formatter(|every, _| match every as usize {
            0 => "off".to_owned(),
            1 => "every step".to_owned(),
            every => format!("every {every} steps"),
        });
        let response = ui.add(field.custom_parser(|text| {
            let digits: String = text.chars().filter(char::is_ascii_digit).collect();
            Some(digits.parse().unwrap_or(if text.contains("off") { 0.0 } else { 1.0 }))
        }));
        response.labelled_by(label).on_hover_text("How often to show the picture in the making; 0 turns it off");
    });
}
