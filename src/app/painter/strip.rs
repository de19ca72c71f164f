//! The tools beside the canvas.

use egui::{DragValue, Popup, PopupCloseBehavior, RichText, Sense, Slider, Ui, WidgetInfo, vec2};

use super::icons::{self, Icon};
use super::state::{Painter, Tool};
use crate::app::action::Action;
use crate::app::command::{UiCommand, keys_text};
use crate::app::theme;
use crate::session::settings::{Brush, MAX_DIAMETER, Painting, Settings, Tint};

/// What the strip takes, in points.
pub(super) const WIDTH: f32 = 66.0;

impl Tool {
    fn icon(self) -> Icon {
        match self {
            Self::Brush => icons::brush,
            Self::Eraser => icons::eraser,
            Self::Rectangle => icons::rectangle,
            Self::Lasso => icons::lasso,
            Self::Fill => icons::fill,
        }
    }
}

impl Painter {
    /// The strip. `is_seen`: the canvas shows the mask.
    pub(super) fn strip_ui(&mut self, ui: &mut Ui, settings: &mut Settings, is_seen: bool, actions: &mut Vec<Action>) {
        ui.spacing_mut().item_spacing = vec2(4.0, 4.0);
        for (shows_mask, text, name) in
            [(true, "Mask", "Show the mask"), (false, "Picture", "Show the finished picture")]
        {
            let label = egui::Button::selectable(is_seen == shows_mask, text).min_size(vec2(ui.available_width(), 0.0));
            let label = ui.add(label).on_hover_text(UiCommand::SwitchMask.explanation(ui.ctx()));
            if label.accessible_name(name).clicked() && is_seen != shows_mask {
                actions.push(UiCommand::SwitchMask.into());
            }
        }
        ui.separator();
        for pair in Tool::ALL.chunks(2) {
            ui.horizontal(|ui| {
                for tool in pair {
                    let is_chosen = is_seen && self.tool == *tool;
                    icon_ui(ui, tool.command(), (true, is_chosen), tool.icon(), actions);
                }
            });
        }
        ui.horizontal(|ui| {
            let is_free = self.work.is_none() && !self.is_busy();
            let (undo, redo) = (is_free && self.history.can_undo(), is_free && self.history.can_redo());
            icon_ui(ui, UiCommand::UndoPaint, (undo, false), icons::undo, actions);
            icon_ui(ui, UiCommand::RedoPaint, (redo, false), icons::redo, actions);
        });
        ui.separator();
        brush_ui(ui, &mut settings.painting.brush);
        ui.separator();
        self.edit_ui(ui, actions);
        self.sights_ui(ui, &mut settings.painting);
    }

    fn edit_ui(&self, ui: &mut Ui, actions: &mut Vec<Action>) {
        let button = ui.add(egui::Button::new("Edit").min_size(vec2(ui.available_width(), 0.0)));
        let button = button.accessible_name("Edit the mask").on_hover_text("What can be done to the whole mask");
        Popup::menu(&button).show(|ui| {
            let is_ready = self.is_ready() && self.gesture.is_none();
            for group in [
                &[UiCommand::InvertMask, UiCommand::ClearMask, UiCommand::MaskAll][..],
                &[UiCommand::GrowMask, UiCommand::ShrinkMask, UiCommand::FeatherMask],
                &[UiCommand::MaskFromAlpha, UiCommand::OpenMask, UiCommand::SaveMask],
            ] {
                for command in group {
                    let item = egui::Button::new(command.text());
                    let item = match command.shortcuts().first() {
                        Some(keys) => item.shortcut_text(keys_text(ui.ctx(), *keys)),
                        None => item,
                    };
                    if ui.add_enabled(is_ready, item).on_hover_text(command.tooltip()).clicked() {
                        actions.push((*command).into());
                        ui.close();
                    }
                }
                if !group.contains(&UiCommand::SaveMask) {
                    ui.separator();
                }
            }
        });
    }

    fn sights_ui(&mut self, ui: &mut Ui, painting: &mut Painting) {
        let button = ui.add(egui::Button::new("View").min_size(vec2(ui.available_width(), 0.0)));
        let button = button.accessible_name("View of the mask").on_hover_text("How the mask is shown");
        Popup::menu(&button).close_behavior(PopupCloseBehavior::CloseOnClickOutside).show(|ui| {
            ui.set_min_width(230.0);
            let label = ui.label("Colour");
            let combo = egui::ComboBox::from_id_salt("tint").selected_text(painting.tint.label());
            let shown = combo.show_ui(ui, |ui| {
                for tint in Tint::ALL {
                    let text = RichText::new(tint.label()).color(ui.visuals().text_color());
                    let item = ui.selectable_value(&mut painting.tint, tint, text);
                    let dot = item.rect.right_center() - vec2(12.0, 0.0);
                    ui.painter().circle_filled(dot, 5.0, theme::tint(tint));
                }
            });
            shown.response.labelled_by(label.id);
            let label = ui.label("Opacity");
            ui.add(Slider::new(&mut painting.tint_opacity, 0.1..=1.0).custom_formatter(percent)).labelled_by(label.id);
            ui.separator();
            ui.checkbox(&mut self.sights.is_hidden, "Hide the mask");
            ui.checkbox(&mut self.sights.latents, "Show what the model sees").on_hover_text(format!(
                "The blocks of {0} × {0} pixels that are drawn again, after growing and blurring",
                self.factor
            ));
            ui.checkbox(&mut self.sights.cut, "Show what is cut out")
                .on_hover_text("The part of the picture that is drawn when only the masked part is");
        });
    }
}

/// Size, hardness and opacity.
fn brush_ui(ui: &mut Ui, brush: &mut Brush) {
    let width = ui.available_width();
    let mut value_ui = |name: &str, tip: &str, value: DragValue<'_>| {
        ui.label(RichText::new(name).small());
        let response = ui.add_sized([width, ui.spacing().interact_size.y], value);
        response.accessible_name(format!("Brush: {}", name.to_lowercase())).on_hover_text(tip);
    };
    let speed = (brush.diameter * 0.02).max(0.25);
    let size = DragValue::new(&mut brush.diameter).range(1.0..=MAX_DIAMETER).speed(speed).max_decimals(0);
    value_ui("Size", "Pixels across ([ and ], or Ctrl and the wheel)", size.suffix(" px"));
    let share = |value, least: f32| DragValue::new(value).range(least..=1.0).speed(0.005).custom_formatter(percent);
    let hardness = share(&mut brush.hardness, 0.0).custom_parser(from_percent);
    value_ui("Hardness", "How much of the brush covers wholly", hardness);
    let opacity = share(&mut brush.opacity, 0.01).custom_parser(from_percent);
    value_ui("Opacity", "How much a stroke changes; half a mask counts where it is soft", opacity);
}

fn percent(share: f64, _: std::ops::RangeInclusive<usize>) -> String {
    format!("{:.0} %", share * 100.0)
}

fn from_percent(text: &str) -> Option<f64> {
    text.trim_end_matches(['%', ' ']).trim().parse().ok().map(|percent: f64| percent / 100.0)
}

/// A button with a sign; it is enabled or not, and chosen or not.
fn icon_ui(
    ui: &mut Ui,
    command: UiCommand,
    (is_enabled, is_chosen): (bool, bool),
    icon: Icon,
    actions: &mut Vec<Action>,
) {
    ui.add_enabled_ui(is_enabled, |ui| {
        let (rect, response) = ui.allocate_exact_size(vec2((WIDTH - 8.0) / 2.0 - 4.0, 26.0), Sense::click());
        response.widget_info(|| WidgetInfo::selected(egui::Role::Button, ui.is_enabled(), is_chosen, command.text()));
        let visuals = ui.style().interact_selectable(&response, is_chosen);
        if is_chosen || response.hovered() || response.has_focus() {
            let stroke = if response.has_focus() { ui.visuals().selection.stroke } else { visuals.bg_stroke };
            ui.painter().rect(rect, 5.0, visuals.weak_bg_fill, stroke, egui::StrokeKind::Inside);
        }
        icon(ui.painter(), rect.shrink2(vec2(4.0, 5.0)), visuals.fg_stroke.color);
        if response.on_hover_text(command.explanation(ui.ctx())).clicked() {
            actions.push(command.into());
        }
    });
}
