//! The canvas while a mask is painted: the picture, the mask over it, and the tools beside.

use std::time::Duration;

use egui::{CursorIcon, Event, Key, MouseWheelUnit, Pos2, Rect, Response, Role, Sense, Shape, Ui, WidgetInfo};

use super::frame::label;
use super::gesture::{Gesture, whole_pixels};
use super::state::{BasePicture, Painter, Tool, vector};
use super::strip;
use crate::app::action::Action;
use crate::app::canvas::{Canvas, Overlay, Scene, focus_ring_ui};
use crate::app::theme;
use crate::app::widgets::{Hand, Placed};
use crate::session::settings::{Draft, MAX_DIAMETER, Settings};

/// What takes longer than this is said.
const PATIENCE: Duration = Duration::from_millis(300);

impl Painter {
    /// The tools, and what has to be asked about the mask; `is_seen`: the canvas shows it.
    pub(crate) fn tools_ui(&mut self, ui: &mut Ui, settings: &mut Settings, is_seen: bool, actions: &mut Vec<Action>) {
        if is_seen {
            self.bars_ui(ui, actions);
        }
        let strip = egui::Panel::left("tools").resizable(false).exact_size(strip::WIDTH).show_separator_line(false);
        strip.frame(egui::Frame::NONE.inner_margin(egui::Margin { right: 8, ..Default::default() })).show(ui, |ui| {
            egui::ScrollArea::vertical().show(ui, |ui| self.strip_ui(ui, settings, is_seen, actions));
        });
    }

    /// The picture with the mask, to be painted on.
    pub(crate) fn surface_ui(
        &mut self,
        ui: &mut Ui,
        canvas: &mut Canvas,
        settings: &mut Settings,
        draft: &mut Draft,
        actions: &mut Vec<Action>,
    ) {
        let (room, response) = ui.allocate_exact_size(ui.available_size(), Sense::click_and_drag());
        let name = self.name();
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &name));
        let Some(size) = self.frame_size() else {
            let painter = ui.painter_at(room);
            painter.rect_filled(room, 0.0, theme::palette(ui).canvas);
            let (font, color) = (egui::FontId::proportional(16.0), ui.visuals().weak_text_color());
            painter.text(room.center(), egui::Align2::CENTER_CENTER, name, font, color);
            return;
        };
        let has_keys = response.hovered() || response.dragged() || response.has_focus();
        let space = has_keys && !ui.ctx().text_edit_focused() && ui.input(|input| input.key_down(Key::Space));
        if self.gesture.is_none() {
            canvas.view.follow(ui, &response, vector(size), Hand::Paints { space });
            resize_brush(ui, &response, settings);
        }
        let placed = canvas.view.place(room, vector(size), ui.pixels_per_point());
        self.follow_pointer(ui, &response, placed, !space, (settings.painting.brush, &mut *draft), actions);
        self.scene_ui(ui, canvas, room, placed, settings);
        self.marks_ui(ui, &response, placed, settings);
        self.frame_ui(ui, room, placed, draft);
        focus_ring_ui(ui, &response);
        let hand = if response.dragged() { CursorIcon::Grabbing } else { CursorIcon::Grab };
        response.on_hover_cursor(if space { hand } else { CursorIcon::Crosshair });
    }

    /// What it shows, for screen readers.
    fn name(&self) -> String {
        let Some(base) = &self.base else { return "Canvas: no picture yet".to_owned() };
        let file = base.path.file_name().unwrap_or_default().to_string_lossy();
        match base.picture {
            BasePicture::Opening => format!("Opening {file}"),
            BasePicture::Failed => format!("{file} can't be opened"),
            BasePicture::Open { .. } => format!("Canvas: the mask on {file}"),
        }
    }

    /// The picture and the mask.
    fn scene_ui(&mut self, ui: &Ui, canvas: &Canvas, room: Rect, placed: Placed, settings: &Settings) {
        let Some(BasePicture::Open { sheet, size }) = self.base.as_ref().map(|base| &base.picture) else { return };
        let left_top = [self.margins.left as f32, self.margins.top as f32];
        let end = [left_top[0] + size.0 as f32, left_top[1] + size.1 as f32];
        let picture = placed.screen_rect(left_top, end);
        let is_sharp = placed.scale * ui.pixels_per_point() >= 2.0;
        let seen = self.adjusting.as_mut().and_then(|adjusting| adjusting.seen.as_mut());
        let (layer, rect, is_grid) = match (seen, &mut self.derived) {
            (Some(seen), _) => (seen, placed.rect, false),
            (None, Some(derived)) if self.sights.latents => {
                let place = |at: [u32; 2]| at.map(|at| at as f32);
                let rect = derived.cut.map_or(placed.rect, |cut| {
                    placed.screen_rect(place([cut.left, cut.top]), place([cut.right, cut.bottom]))
                });
                (&mut derived.latents, rect, true)
            }
            _ => (&mut self.layer, placed.rect, false),
        };
        let (tint, opacity) = (theme::tint(settings.painting.tint), settings.painting.tint_opacity);
        let overlay = Overlay { layer, rect, is_sharp: is_sharp || is_grid, tint, opacity };
        let overlay = Some(overlay).filter(|_| !self.sights.is_hidden);
        canvas.draw(ui, room, Scene { sheet, picture, frame: placed.rect, is_sharp, overlay });
        let painter = ui.painter_at(room);
        if picture != placed.rect {
            for line in theme::LINES {
                painter.rect_stroke(picture, 0.0, line, egui::StrokeKind::Middle);
            }
        }
    }

    /// What is drawn over the picture: the brush, a rectangle or lasso in the making, what is cut out.
    fn marks_ui(&self, ui: &Ui, response: &Response, placed: Placed, settings: &Settings) {
        let painter = ui.painter_at(response.rect);
        let closed = |corners: Vec<Pos2>| {
            for line in theme::LINES {
                painter.add(Shape::closed_line(corners.clone(), line));
            }
        };
        match &self.gesture {
            Some(Gesture::Rectangle { from, to, .. }) => {
                let [min, max] = whole_pixels(*from, *to);
                closed(corners(placed.screen_rect(min, max)).into());
                let (width, height) = (max[0] - min[0], max[1] - min[1]);
                label(&painter, ui, placed.screen_rect(min, max).center_top(), format!("{width} × {height}"));
            }
            Some(Gesture::Lasso { points, .. }) => {
                closed(points.iter().map(|point| placed.screen_from_pixels(*point)).collect());
            }
            Some(Gesture::Stroke(_) | Gesture::Waiting { .. }) | None => {}
        }
        if self.sights.cut {
            let cut = self.derived.as_ref().and_then(|derived| derived.cut);
            let rect = cut.map_or(placed.rect, |cut| {
                placed.screen_rect([cut.left as f32, cut.top as f32], [cut.right as f32, cut.bottom as f32])
            });
            let [a, b, c, d] = corners(rect);
            painter.add(Shape::closed_line(vec![a, b, c, d], theme::LINES[0]));
            painter.extend(Shape::dashed_line(&[a, b, c, d, a], theme::LINES[1], 6.0, 4.0));
        }
        let is_round = matches!(self.tool, Tool::Brush | Tool::Eraser);
        let pointer = ui.input(|input| input.pointer.latest_pos());
        let is_here = response.contains_pointer() || matches!(self.gesture, Some(Gesture::Stroke(_)));
        if let Some(pointer) = pointer.filter(|_| is_round && is_here) {
            let radius = settings.painting.brush.diameter / 2.0 * placed.scale;
            for line in theme::LINES {
                painter.circle_stroke(pointer, radius, line);
            }
        }
        if let Some((_, since)) = self.work {
            if since.elapsed() >= PATIENCE {
                label(&painter, ui, response.rect.center_top(), "Working…".to_owned());
            } else {
                ui.ctx().request_repaint_after(PATIENCE.saturating_sub(since.elapsed()));
            }
        }
    }
}

/// Ctrl and the wheel. A notch is a fifth larger or smaller, as it is of the zoom.
fn resize_brush(ui: &Ui, response: &Response, settings: &mut Settings) {
    let notches = |event: &Event| match event {
        Event::MouseWheel { unit, delta, modifiers, .. } if modifiers.command => match unit {
            MouseWheelUnit::Point => delta.y / 50.0,
            MouseWheelUnit::Line => delta.y,
            MouseWheelUnit::Page => 5.0 * delta.y,
        },
        _ => 0.0,
    };
    let notches: f32 = ui.input(|input| input.events.iter().map(notches).sum());
    if response.hovered() && notches != 0.0 {
        let brush = &mut settings.painting.brush;
        brush.diameter = (brush.diameter * (0.2 * notches).exp()).clamp(1.0, MAX_DIAMETER);
    }
}

fn corners(rect: Rect) -> [Pos2; 4] {
    [rect.left_top(), rect.right_top(), rect.right_bottom(), rect.left_bottom()]
}
