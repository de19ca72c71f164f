//! Looking closer at pictures that are compared: the wheel zooms at the pointer, dragging moves, a double click fits.
//!
//! Where the primary button has another meaning, the middle and secondary ones move. Zoom begins at the whole picture.

use egui::{Key, PointerButton, Pos2, Rect, Response, Ui, Vec2, pos2};

/// The largest zoom: single pixels are well seen in any picture.
const MOST: f32 = 64.0;

/// What part of a picture is seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Zoom {
    /// 1 where the whole picture fits.
    times: f32,
    /// The picture's point in the middle of the room, in 0..1 of its sides.
    center: Pos2,
}

impl Default for Zoom {
    fn default() -> Self {
        Self { times: 1.0, center: pos2(0.5, 0.5) }
    }
}

impl Zoom {
    /// Where a picture of this size in pixels lies, parts of it outside the room perhaps.
    pub(crate) fn place(&self, room: Rect, size: Vec2) -> Rect {
        let fit = (room.width() / size.x).min(room.height() / size.y).max(0.0);
        let shown = size * fit * self.times;
        let corner = room.center() - shown * self.center.to_vec2();
        Rect::from_min_size(corner, shown)
    }

    /// Follows wheel, drags, double clicks and the keys + and -. `drags` are the buttons that move.
    pub(crate) fn follow(&mut self, ui: &Ui, response: &Response, size: Vec2, drags: &[PointerButton]) {
        if response.double_clicked() {
            *self = Self::default();
            return;
        }
        let room = response.rect;
        let placed = self.place(room, size);
        if drags.iter().any(|button| response.dragged_by(*button)) && placed.is_positive() {
            self.center -= response.drag_delta() / placed.size();
        }
        let (mut factor, mut at) = (1.0, room.center());
        if let Some(pointer) = response.hover_pos() {
            at = pointer;
            // A notch of the wheel is some 50 points: a fifth larger or smaller, as on the canvas.
            factor = ui.input(|input| input.zoom_delta() * (input.smooth_scroll_delta().y / 270.0).exp());
        }
        if response.has_focus() {
            let pressed = |key| ui.input(|input| input.key_pressed(key));
            if pressed(Key::Plus) || pressed(Key::Equals) {
                factor *= 1.25;
            } else if pressed(Key::Minus) {
                factor *= 0.8;
            }
        }
        self.times_at(factor, at, room, size);
        self.center = self.center.clamp(Pos2::ZERO, pos2(1.0, 1.0));
    }

    /// Zooms so that what is at a point stays there.
    fn times_at(&mut self, factor: f32, at: Pos2, room: Rect, size: Vec2) {
        let before = self.place(room, size);
        self.times = (self.times * factor).clamp(1.0, MOST);
        let after = self.place(room, size);
        if before.is_positive() && after.is_positive() && before != after {
            let point = (at - before.min) / before.size();
            self.center = (point - (at - room.center()) / after.size()).to_pos2();
        }
        if self.times <= 1.0 {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use egui::vec2;

    use super::*;

    const ROOM: Rect = Rect { min: pos2(100.0, 0.0), max: pos2(500.0, 200.0) };

    #[test]
    fn at_first_the_whole_picture_fits_in_the_middle() {
        let placed = Zoom::default().place(ROOM, vec2(50.0, 50.0));
        assert_eq!((placed.center(), placed.size()), (ROOM.center(), vec2(200.0, 200.0)));
    }

    #[test]
    fn what_is_under_the_pointer_stays_there() {
        let (mut zoom, size, at) = (Zoom::default(), vec2(50.0, 50.0), pos2(250.0, 60.0));
        let point = |zoom: &Zoom| {
            let placed = zoom.place(ROOM, size);
            (at - placed.min) / placed.size()
        };
        let before = point(&zoom);
        for _ in 0..3 {
            zoom.times_at(1.7, at, ROOM, size);
            assert!((point(&zoom) - before).length() < 1e-4);
        }
        zoom.times_at(1e-3, at, ROOM, size);
        assert_eq!(zoom, Zoom::default(), "zoomed out, it fits again");
    }

    #[test]
    fn zoom_stays_within_its_range_and_no_room_is_survived() {
        let mut zoom = Zoom::default();
        zoom.times_at(1e9, ROOM.center(), ROOM, vec2(8.0, 8.0));
        assert!(zoom.place(ROOM, vec2(8.0, 8.0)).width() <= 200.0 * MOST);
        zoom.times_at(0.5, Pos2::ZERO, Rect::from_min_size(Pos2::ZERO, Vec2::ZERO), vec2(8.0, 8.0));
        assert!(zoom.center.is_finite());
    }
}
