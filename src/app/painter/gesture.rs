//! What the pointer is in the middle of.

use egui::Modifiers;

use super::mask::{Paint, Point, Stroke};

/// Something that began with a press of the primary button.
#[derive(Debug)]
pub(super) enum Gesture {
    Stroke(Box<Stroke>),
    Rectangle {
        from: Point,
        to: Point,
        paint: Paint,
    },
    Lasso {
        points: Vec<Point>,
        paint: Paint,
    },
    /// It began before something was done with the whole mask, and is drawn as soon as that is.
    Waiting {
        points: Vec<Point>,
        modifiers: Modifiers,
        is_over: bool,
    },
}

/// The rectangle between two corners, out to whole pixels where it covers at least half of them.
pub(super) fn whole_pixels(a: Point, b: Point) -> [Point; 2] {
    let pick = |pick: fn(f32, f32) -> f32| [0, 1].map(|axis| pick(a[axis], b[axis]).round());
    [pick(f32::min), pick(f32::max)]
}
