//! Every colour and every distance of the window, for light and dark.
//!
//! The accent is copper, of which a mezzotint printmaker's plates are made. Colours never carry a meaning alone: whatever has one
//! also has a word or a sign.

#![expect(clippy::disallowed_methods, reason = "this is where colours stand")]

use egui::style::WidgetVisuals;
use egui::{Color32, CornerRadius, FontId, Margin, Stroke, TextStyle, Visuals};

use crate::session::settings;

/// The colours that the window uses beyond egui's own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Palette {
    /// Behind pictures.
    pub canvas: Color32,
    /// What to click first, and what is chosen.
    pub accent: Color32,
    /// Text on the accent.
    pub on_accent: Color32,
    /// What failed.
    pub error: Color32,
    /// Behind what is transparent: the light squares and the dark ones.
    pub checker: [Color32; 2],
}

/// What lies on the dark ground.
const DARK: Palette = Palette {
    canvas: Color32::from_rgb(17, 17, 18),
    accent: Color32::from_rgb(203, 121, 66),
    on_accent: Color32::from_rgb(20, 12, 6),
    error: Color32::from_rgb(255, 128, 116),
    checker: [Color32::from_rgb(74, 74, 77), Color32::from_rgb(58, 58, 61)],
};

/// What lies on the light ground.
const LIGHT: Palette = Palette {
    canvas: Color32::from_rgb(224, 222, 219),
    accent: Color32::from_rgb(163, 78, 24),
    on_accent: Color32::from_rgb(255, 255, 255),
    error: Color32::from_rgb(173, 26, 18),
    checker: [Color32::from_rgb(255, 255, 255), Color32::from_rgb(226, 225, 223)],
};

/// The palette of the theme that is on.
pub(super) fn palette(ui: &egui::Ui) -> Palette {
    if ui.visuals().dark_mode { DARK } else { LIGHT }
}

/// The colour of a mask.
pub(super) fn tint(tint: settings::Tint) -> Color32 {
    match tint {
        settings::Tint::Red => Color32::from_rgb(235, 30, 45),
        settings::Tint::Green => Color32::from_rgb(20, 200, 60),
        settings::Tint::Blue => Color32::from_rgb(40, 90, 255),
        settings::Tint::White => Color32::WHITE,
        settings::Tint::Black => Color32::BLACK,
    }
}

/// A line that is seen on any picture: drawn twice, the broad dark one first.
pub(super) const LINES: [Stroke; 2] =
    [Stroke { width: 3.0, color: Color32::from_black_alpha(170) }, Stroke { width: 1.0, color: Color32::WHITE }];

/// Sets both themes up, and which of them is on.
pub(super) fn install(ctx: &egui::Context) {
    ctx.set_visuals_of(egui::Theme::Dark, dark());
    ctx.set_visuals_of(egui::Theme::Light, light());
    ctx.all_styles_mut(|style| {
        style.spacing.item_spacing = egui::vec2(8.0, 6.0);
        style.spacing.button_padding = egui::vec2(8.0, 4.0);
        style.spacing.interact_size.y = 24.0;
        style.spacing.menu_margin = Margin::same(8);
        style.spacing.slider_width = 120.0;
        style.interaction.selectable_labels = false;
        for (name, points) in [(TextStyle::Small, 11.5), (TextStyle::Body, 13.5), (TextStyle::Button, 13.5)] {
            style.text_styles.insert(name, FontId::proportional(points));
        }
    });
}

/// What egui calls the user's choice.
pub(super) fn preference(theme: settings::Theme) -> egui::ThemePreference {
    match theme {
        settings::Theme::System => egui::ThemePreference::System,
        settings::Theme::Light => egui::ThemePreference::Light,
        settings::Theme::Dark => egui::ThemePreference::Dark,
    }
}

fn dark() -> Visuals {
    let mut visuals = Visuals::dark();
    visuals.panel_fill = Color32::from_rgb(30, 30, 32);
    visuals.window_fill = Color32::from_rgb(36, 36, 38);
    visuals.extreme_bg_color = Color32::from_rgb(20, 20, 21);
    visuals.faint_bg_color = Color32::from_rgb(38, 38, 41);
    let text = Color32::from_rgb(222, 220, 217);
    let button = Color32::from_rgb(54, 54, 58);
    grounds(&mut visuals, text, button, Color32::from_rgb(70, 70, 75), Color32::from_rgb(86, 86, 92));
    finish(visuals, DARK)
}

fn light() -> Visuals {
    let mut visuals = Visuals::light();
    visuals.panel_fill = Color32::from_rgb(246, 245, 243);
    visuals.window_fill = Color32::from_rgb(246, 245, 243);
    visuals.extreme_bg_color = Color32::from_rgb(255, 255, 255);
    visuals.faint_bg_color = Color32::from_rgb(236, 235, 232);
    let text = Color32::from_rgb(38, 36, 34);
    let button = Color32::from_rgb(226, 224, 220);
    grounds(&mut visuals, text, button, Color32::from_rgb(212, 209, 204), Color32::from_rgb(196, 192, 186));
    finish(visuals, LIGHT)
}

/// The grounds of buttons and fields: at rest, under the pointer, pressed.
fn grounds(visuals: &mut Visuals, text: Color32, rest: Color32, hovered: Color32, pressed: Color32) {
    let set = |widget: &mut WidgetVisuals, ground: Color32| {
        widget.bg_fill = ground;
        widget.weak_bg_fill = ground;
        widget.fg_stroke.color = text;
        widget.expansion = 0.0;
        widget.corner_radius = CornerRadius::same(5);
    };
    visuals.widgets.noninteractive.fg_stroke.color = text;
    set(&mut visuals.widgets.inactive, rest);
    set(&mut visuals.widgets.open, rest);
    set(&mut visuals.widgets.hovered, hovered);
    set(&mut visuals.widgets.active, pressed);
}

fn finish(mut visuals: Visuals, palette: Palette) -> Visuals {
    visuals.hyperlink_color = palette.accent;
    visuals.error_fg_color = palette.error;
    visuals.warn_fg_color = palette.error;
    visuals.selection.bg_fill = palette.accent.gamma_multiply(0.55);
    // egui draws this around what has the keyboard's focus.
    visuals.selection.stroke = Stroke::new(1.5, visuals.widgets.inactive.fg_stroke.color);
    visuals.widgets.hovered.bg_stroke = Stroke::new(1.0, palette.accent.gamma_multiply(0.6));
    visuals.widgets.active.bg_stroke = Stroke::new(1.5, palette.accent);
    visuals.slider_trailing_fill = true;
    visuals.window_corner_radius = CornerRadius::same(8);
    visuals.menu_corner_radius = CornerRadius::same(6);
    visuals
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance (WCAG 2.2).
    fn luminance(color: Color32) -> f64 {
        let linear = |channel: u8| {
            let value = f64::from(channel) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(color.r()) + 0.7152 * linear(color.g()) + 0.0722 * linear(color.b())
    }

    fn contrast(a: Color32, b: Color32) -> f64 {
        let (a, b) = (luminance(a) + 0.05, luminance(b) + 0.05);
        a.max(b) / a.min(b)
    }

    #[test]
    fn text_stands_out_from_its_ground_in_both_themes() {
        // 4.5 to 1: WCAG 2.2, level AA.
        for (visuals, palette) in [(dark(), DARK), (light(), LIGHT)] {
            let text = visuals.widgets.noninteractive.fg_stroke.color;
            for ground in [visuals.panel_fill, visuals.window_fill, visuals.extreme_bg_color] {
                assert!(contrast(text, ground) > 7.0);
                assert!(contrast(palette.error, ground) > 4.5);
            }
            assert!(contrast(palette.on_accent, palette.accent) > 4.5);
            assert!(contrast(text, visuals.widgets.inactive.weak_bg_fill) > 4.5);
        }
    }
}
