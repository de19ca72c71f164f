//! Outpainting: the frame's edges, which can be dragged beyond the picture.

use egui::{CursorIcon, Rect, Sense, Ui, Vec2, WidgetInfo, vec2};

use super::state::{Painter, is_paintable};
use crate::app::theme;
use crate::app::widgets::Placed;
use crate::content::request::Margins;
use crate::session::settings::Draft;

/// An edge of the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edge {
    Left,
    Top,
    Right,
    Bottom,
}

impl Edge {
    const ALL: [Self; 4] = [Self::Left, Self::Top, Self::Right, Self::Bottom];

    fn name(self) -> &'static str {
        match self {
            Self::Left => "Left edge of the frame",
            Self::Top => "Upper edge of the frame",
            Self::Right => "Right edge of the frame",
            Self::Bottom => "Lower edge of the frame",
        }
    }

    fn margin(self, margins: &mut Margins) -> &mut usize {
        match self {
            Self::Left => &mut margins.left,
            Self::Top => &mut margins.top,
            Self::Right => &mut margins.right,
            Self::Bottom => &mut margins.bottom,
        }
    }

    /// The handle beside the middle of the edge.
    fn handle(self, frame: Rect) -> Rect {
        const OUT: f32 = 4.0;
        const LONG: f32 = 44.0;
        const THICK: f32 = 7.0;
        let (center, size) = match self {
            Self::Left => (frame.left_center() - vec2(OUT, 0.0), vec2(THICK, LONG)),
            Self::Top => (frame.center_top() - vec2(0.0, OUT), vec2(LONG, THICK)),
            Self::Right => (frame.right_center() + vec2(OUT, 0.0), vec2(THICK, LONG)),
            Self::Bottom => (frame.center_bottom() + vec2(0.0, OUT), vec2(LONG, THICK)),
        };
        Rect::from_center_size(center, size)
    }

    fn cursor(self) -> CursorIcon {
        match self {
            Self::Left | Self::Right => CursorIcon::ResizeHorizontal,
            Self::Top | Self::Bottom => CursorIcon::ResizeVertical,
        }
    }

    /// How far a drag goes outwards.
    fn outwards(self, drag: Vec2) -> f32 {
        match self {
            Self::Left => -drag.x,
            Self::Top => -drag.y,
            Self::Right => drag.x,
            Self::Bottom => drag.y,
        }
    }

    /// The rectangle with this edge further out.
    fn moved(self, mut rect: Rect, by: f32) -> Rect {
        match self {
            Self::Left => rect.min.x -= by,
            Self::Top => rect.min.y -= by,
            Self::Right => rect.max.x += by,
            Self::Bottom => rect.max.y += by,
        }
        rect
    }
}

impl Painter {
    /// The handles of the frame. Letting one go changes the form's margins.
    pub(super) fn frame_ui(&mut self, ui: &Ui, room: Rect, placed: Placed, draft: &mut Draft) {
        let Some(size) = self.picture_size().filter(|_| self.is_ready() && self.gesture.is_none()) else { return };
        let painter = ui.painter_at(room);
        for edge in Edge::ALL {
            let handle = edge.handle(placed.rect);
            let reach = handle.expand(3.0).intersect(room);
            if !reach.is_positive() {
                continue;
            }
            let response = ui.interact(reach, ui.scope_id().with(("frame", edge.name())), Sense::drag());
            response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, edge.name()));
            if response.dragged() {
                let drag = response.total_drag_delta().unwrap_or_default();
                let (margins, by) = dragged(self.margins, edge, edge.outwards(drag) / placed.scale, self.factor);
                let is_possible = by != 0.0 && is_paintable(margins.around(size.0, size.1));
                self.dragged = is_possible.then_some(margins);
                if is_possible {
                    let rect = edge.moved(placed.rect, by * placed.scale);
                    for line in theme::LINES {
                        painter.rect_stroke(rect, 0.0, line, egui::StrokeKind::Outside);
                    }
                    let (width, height) = margins.around(size.0, size.1);
                    label(&painter, ui, rect.center_top(), format!("{width} × {height}"));
                }
            } else if response.drag_stopped()
                && let Some(margins) = self.dragged.take()
            {
                draft.start.inpaint.margins = margins;
            }
            let is_lit = response.hovered() || response.dragged();
            let color = if is_lit { theme::palette(ui).accent } else { ui.visuals().weak_text_color() };
            painter.rect_filled(handle, 3.0, color);
            let tip = "Drag the frame beyond the picture to draw more around it";
            response.on_hover_cursor(edge.cursor()).on_hover_text(tip);
        }
    }
}

/// Margins with an edge dragged so many pixels outwards, in steps of a latent, and by how many it went.
fn dragged(mut margins: Margins, edge: Edge, pixels: f32, factor: usize) -> (Margins, f32) {
    let step = factor.max(1) as f32;
    let margin = edge.margin(&mut margins);
    let before = *margin as f32;
    *margin = (before + (pixels / step).round() * step).max(0.0) as usize;
    let by = *margin as f32 - before;
    (margins, by)
}

/// A word on the picture.
pub(super) fn label(painter: &egui::Painter, ui: &Ui, at: egui::Pos2, text: String) {
    let font = egui::FontId::proportional(12.0);
    let galley = painter.layout_no_wrap(text, font, ui.visuals().text_color());
    let rect = egui::Align2::CENTER_TOP.anchor_size(at + vec2(0.0, 4.0), galley.size());
    painter.rect_filled(rect.expand(3.0), 3.0, ui.visuals().window_fill);
    painter.galley(rect.min, galley, ui.visuals().text_color());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_go_out_in_steps_of_a_latent_and_never_into_the_picture() {
        let margins = Margins { left: 16, ..Margins::default() };
        assert_eq!(dragged(margins, Edge::Left, 21.0, 8), (Margins { left: 40, ..margins }, 24.0));
        assert_eq!(dragged(margins, Edge::Left, -100.0, 8), (Margins::default(), -16.0));
        assert_eq!(dragged(margins, Edge::Bottom, 3.0, 8), (margins, 0.0));
        assert_eq!(dragged(margins, Edge::Left, 21.0, 4), (Margins { left: 36, ..margins }, 20.0));
        assert!((Edge::Top.outwards(vec2(3.0, -9.0)) - 9.0).abs() < 1e-6);
    }
}
