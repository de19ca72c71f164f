//! Zoom and pan of a picture: what part of it is seen, and the way from the screen to the picture's pixels and back. The canvas,
//! the painter and the comparison share it.
//!
//! Zoom counts physical pixels: at 100 % a pixel of the picture is a pixel of the screen, whatever the scale of the window.

use egui::{Key, PointerButton, Pos2, Rect, Response, Ui, Vec2};

/// How far one can zoom in and out, in physical pixels a pixel.
const ZOOM: std::ops::RangeInclusive<f32> = 0.02..=64.0;

/// Left free around a picture that is fitted in, in points.
const MARGIN: f32 = 8.0;

/// How large the picture is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Zoom {
    /// As large as fits.
    #[default]
    Fit,
    /// So many physical pixels a pixel.
    Times(f32),
}

/// What the primary button, the arrow keys and the wheel with Ctrl are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hand {
    /// They move and zoom, and a double click fits.
    Free,
    /// They paint; the middle button moves, and so does the primary one while `space` is held.
    Paints {
        /// Whether the space bar is held.
        space: bool,
    },
    /// The primary button and the arrows move a divider; the other buttons move the picture, and a double click fits.
    Divides,
}

/// What part of a picture is seen, moved and zoomed by pointer, wheel and keys.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct PanZoom {
    zoom: Zoom,
    /// The point of the picture in the middle of the room, in 0..1 of its sides.
    center: Option<Pos2>,
}

/// Where a picture lies on the screen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Placed {
    /// In points.
    pub rect: Rect,
    /// Points a pixel.
    pub scale: f32,
}

impl Placed {
    /// The place of a point of the screen, in pixels of the picture; a pixel's middle lies at one half.
    pub(crate) fn pixels_from_screen(&self, point: Pos2) -> [f32; 2] {
        let place = (point - self.rect.min) / self.scale;
        [place.x, place.y]
    }

    /// Where a place of the picture is seen.
    pub(crate) fn screen_from_pixels(&self, [x, y]: [f32; 2]) -> Pos2 {
        self.rect.min + egui::vec2(x, y) * self.scale
    }

    /// Where a rectangle of the picture's pixels is seen.
    pub(crate) fn screen_rect(&self, min: [f32; 2], max: [f32; 2]) -> Rect {
        Rect::from_min_max(self.screen_from_pixels(min), self.screen_from_pixels(max))
    }
}

impl PanZoom {
    /// The zoom as the toolbar says it.
    pub(crate) fn zoom_text(&self) -> String {
        match self.zoom {
            Zoom::Fit => "Fit".to_owned(),
            Zoom::Times(times) => format!("{:.0} %", times * 100.0),
        }
    }

    /// Sets the zoom; the middle stays.
    pub(crate) fn set_zoom(&mut self, zoom: Zoom) {
        self.zoom = zoom;
        if zoom == Zoom::Fit {
            self.center = None;
        }
    }

    /// Puts the middle of the picture into the middle of the room.
    pub(crate) fn center(&mut self) {
        self.center = None;
    }

    /// Points a pixel.
    fn scale(&self, room: Rect, size: Vec2, pixels_per_point: f32) -> f32 {
        match self.zoom {
            Zoom::Times(times) => times / pixels_per_point,
            Zoom::Fit => {
                let room = room.size() - Vec2::splat(2.0 * MARGIN);
                (room.x / size.x).min(room.y / size.y).max(ZOOM.start() / pixels_per_point)
            }
        }
    }

    /// Where a picture of this size in pixels lies: its corner on a pixel of the screen, so that it is sharp at 100 %.
    pub(crate) fn place(&self, room: Rect, size: Vec2, pixels_per_point: f32) -> Placed {
        let scale = self.scale(room, size, pixels_per_point);
        let center = self.center.unwrap_or(egui::pos2(0.5, 0.5));
        let shown = size * scale;
        let min = room.center() - egui::vec2(center.x * shown.x, center.y * shown.y);
        let snapped = (min.to_vec2() * pixels_per_point).round() / pixels_per_point;
        Placed { rect: Rect::from_min_size(snapped.to_pos2(), shown), scale }
    }

    /// Follows wheel, drag, double click and keys.
    pub(crate) fn follow(&mut self, ui: &Ui, response: &Response, size: Vec2, hand: Hand) {
        let room = response.rect;
        let paints = matches!(hand, Hand::Paints { .. });
        if !paints && response.double_clicked() {
            let fit = self.zoom == Zoom::Fit;
            self.set_zoom(if fit { Zoom::Times(1.0) } else { Zoom::Fit });
            return;
        }
        let drags = match hand {
            Hand::Free => response.dragged(),
            Hand::Paints { space } => {
                response.dragged_by(PointerButton::Middle) || (space && response.dragged_by(PointerButton::Primary))
            }
            Hand::Divides => {
                response.dragged_by(PointerButton::Middle) || response.dragged_by(PointerButton::Secondary)
            }
        };
        let fingers = ui.input(|input| input.multi_touch().filter(|_| paints));
        let mut shift = match fingers {
            Some(touch) => touch.translation_delta,
            None if drags => response.drag_delta(),
            None => Vec2::ZERO,
        };
        let (mut factor, mut at) = (1.0, room.center());
        if let Some(pointer) = response.hover_pos() {
            at = pointer;
            // A notch of the wheel is some 50 points: a fifth larger or smaller.
            factor = ui.input(|input| {
                let pinched = if paints { pinched(input) } else { input.zoom_delta() };
                pinched * (input.smooth_scroll_delta().y / 270.0).exp()
            });
        }
        if response.has_focus() {
            ui.input(|input| {
                let moves = hand != Hand::Divides;
                let step = |key| if moves && input.key_down(key) { 12.0 } else { 0.0 };
                shift.x += step(Key::ArrowLeft) - step(Key::ArrowRight);
                shift.y += step(Key::ArrowUp) - step(Key::ArrowDown);
                factor *= if input.key_pressed(Key::Plus) || input.key_pressed(Key::Equals) {
                    1.25
                } else if input.key_pressed(Key::Minus) {
                    0.8
                } else {
                    1.0
                };
            });
        }
        if shift != Vec2::ZERO || (factor - 1.0).abs() >= 1e-4 {
            self.change(room, size, ui.pixels_per_point(), Change { at, factor, shift });
        }
    }

    /// Zooms around a point, which stays where it is, and moves.
    fn change(&mut self, room: Rect, size: Vec2, pixels_per_point: f32, change: Change) {
        let Change { at, factor, shift } = change;
        let placed = self.place(room, size, pixels_per_point);
        let times = (placed.scale * pixels_per_point * factor).clamp(*ZOOM.start(), *ZOOM.end());
        let grown = times / pixels_per_point / placed.scale;
        let min = at + (placed.rect.min - at) * grown + shift;
        let center = (room.center() - min) / (placed.rect.size() * grown);
        self.center = Some(egui::pos2(center.x.clamp(0.0, 1.0), center.y.clamp(0.0, 1.0)));
        self.zoom = Zoom::Times(times);
    }
}

/// How much two fingers zoomed, on a screen or a touchpad: the wheel with Ctrl has no part in it.
fn pinched(input: &egui::InputState) -> f32 {
    let pinch = |event: &egui::Event| if let egui::Event::Zoom(factor) = event { Some(*factor) } else { None };
    let on_touchpad: f32 = input.events.iter().filter_map(pinch).product();
    input.multi_touch().map_or(on_touchpad, |touch| touch.zoom_delta)
}

/// How a view changes.
#[derive(Clone, Copy)]
struct Change {
    at: Pos2,
    factor: f32,
    shift: Vec2,
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: Rect = Rect { min: Pos2 { x: 31.0, y: 17.0 }, max: Pos2 { x: 447.0, y: 333.0 } };
    const SCALES: [f32; 3] = [1.0, 1.5, 2.0];

    #[test]
    fn a_fitted_picture_fills_the_canvas_and_keeps_its_shape() {
        let placed = PanZoom::default().place(ROOM, egui::vec2(100.0, 50.0), 2.0);
        assert_eq!((placed.rect.width(), placed.rect.height(), placed.rect.center()), (400.0, 200.0, ROOM.center()));
    }

    #[test]
    fn at_100_percent_a_pixel_is_a_pixel_at_any_scale_of_the_window() {
        let view = PanZoom { zoom: Zoom::Times(1.0), center: None };
        for pixels_per_point in SCALES {
            let placed = view.place(ROOM, egui::vec2(63.0, 64.0), pixels_per_point);
            assert!((placed.scale * pixels_per_point - 1.0).abs() < 1e-6);
            let corner = placed.rect.min.to_vec2() * pixels_per_point;
            assert!((corner - corner.round()).length() < 1e-3, "{corner:?}");
        }
    }

    #[test]
    fn the_pointer_is_over_the_pixel_that_is_seen_there_at_any_zoom_and_scale() {
        let size = egui::vec2(4096.0, 4096.0);
        for pixels_per_point in SCALES {
            for times in [0.05, 0.33, 1.0, 1.7, 8.0, 64.0] {
                let view = PanZoom { zoom: Zoom::Times(times), center: Some(egui::pos2(0.3, 0.8)) };
                let placed = view.place(ROOM, size, pixels_per_point);
                // What the shader computes for the middles of pixels of the screen.
                for physical in [[70.0, 50.0], [333.0, 401.0], [500.0, 91.0]] {
                    let middle = egui::vec2(physical[0] + 0.5, physical[1] + 0.5);
                    let seen = (middle - placed.rect.min.to_vec2() * pixels_per_point) / times;
                    let [x, y] = placed.pixels_from_screen((middle / pixels_per_point).to_pos2());
                    // A tenth of a pixel of the screen or of the picture, whichever is more.
                    let near = 0.1 * (1.0 / times).max(1.0);
                    assert!((x - seen.x).abs() < near && (y - seen.y).abs() < near, "{x} {y} {seen:?}");
                    let back = placed.screen_from_pixels([x, y]);
                    assert!((back.to_vec2() * pixels_per_point - middle).length() < 0.1, "{back:?}");
                }
            }
        }
    }

    #[test]
    fn what_is_under_the_pointer_stays_there_when_the_wheel_zooms() {
        let (size, at) = (egui::vec2(512.0, 512.0), egui::pos2(200.0, 120.0));
        for pixels_per_point in SCALES {
            let mut view = PanZoom::default();
            let before = view.place(ROOM, size, pixels_per_point).pixels_from_screen(at);
            for factor in [1.2, 3.0, 0.7] {
                view.change(ROOM, size, pixels_per_point, Change { at, factor, shift: Vec2::ZERO });
                let placed = view.place(ROOM, size, pixels_per_point);
                let after = placed.screen_from_pixels(before);
                // The corner goes to whole pixels.
                assert!((after - at).length() < 2.0, "{after:?}");
            }
        }
    }

    #[test]
    fn zoom_stays_within_its_range_even_without_room() {
        let size = egui::vec2(8.0, 8.0);
        let mut view = PanZoom::default();
        let change = |factor| Change { at: ROOM.center(), factor, shift: Vec2::ZERO };
        view.change(ROOM, size, 1.0, change(1e9));
        assert_eq!(view.zoom, Zoom::Times(*ZOOM.end()));
        view.change(ROOM, size, 1.0, change(1e-9));
        assert_eq!(view.zoom, Zoom::Times(*ZOOM.start()));
        let nowhere = Rect::from_min_size(Pos2::ZERO, Vec2::ZERO);
        for mut view in [view, PanZoom::default()] {
            view.change(nowhere, size, 1.0, change(0.5));
            assert!(view.center.is_some_and(Pos2::is_finite));
        }
    }
}
