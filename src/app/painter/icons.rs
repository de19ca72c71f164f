//! The tools' signs, drawn in a square: no font has them all.

use egui::{Color32, Painter, Pos2, Rect, Shape, Stroke, StrokeKind};

/// Draws a sign into a rectangle.
pub(super) type Icon = fn(&Painter, Rect, Color32);

/// A point of the sign, of whose sides each is 16 long.
fn at(rect: Rect, x: f32, y: f32) -> Pos2 {
    let side = rect.width().min(rect.height());
    let square = Rect::from_center_size(rect.center(), egui::Vec2::splat(side));
    square.min + egui::vec2(x, y) * (side / 16.0)
}

fn line(painter: &Painter, rect: Rect, color: Color32, points: &[[f32; 2]]) {
    let points = points.iter().map(|[x, y]| at(rect, *x, *y)).collect();
    painter.add(Shape::line(points, Stroke::new(1.5, color)));
}

fn area(painter: &Painter, rect: Rect, color: Color32, points: &[[f32; 2]]) {
    let points = points.iter().map(|[x, y]| at(rect, *x, *y)).collect();
    painter.add(Shape::convex_polygon(points, color, Stroke::NONE));
}

pub(super) fn brush(painter: &Painter, rect: Rect, color: Color32) {
    area(painter, rect, color, &[[12.5, 1.5], [14.5, 3.5], [8.5, 10.0], [6.0, 7.5]]);
    area(
        painter,
        rect,
        color,
        &[[5.2, 8.3], [7.7, 10.8], [6.5, 13.0], [4.5, 14.2], [1.5, 14.5], [2.8, 12.0], [3.2, 10.0]],
    );
}

pub(super) fn eraser(painter: &Painter, rect: Rect, color: Color32) {
    line(painter, rect, color, &[[6.0, 13.5], [1.8, 9.3], [8.8, 2.3], [13.8, 7.3], [7.6, 13.5], [6.0, 13.5]]);
    area(painter, rect, color, &[[5.3, 5.8], [8.8, 2.3], [13.8, 7.3], [10.3, 10.8]]);
    line(painter, rect, color, &[[6.0, 13.5], [14.5, 13.5]]);
}

pub(super) fn rectangle(painter: &Painter, rect: Rect, color: Color32) {
    let frame = Rect::from_min_max(at(rect, 2.0, 3.5), at(rect, 14.0, 12.5));
    painter.rect_stroke(frame, 0.0, Stroke::new(1.5, color), StrokeKind::Middle);
}

pub(super) fn lasso(painter: &Painter, rect: Rect, color: Color32) {
    let ring: Vec<[f32; 2]> = (0..=24)
        .map(|k| {
            let angle = k as f32 / 24.0 * std::f32::consts::TAU;
            [8.0 + 6.0 * angle.cos(), 6.0 + 4.2 * angle.sin()]
        })
        .collect();
    line(painter, rect, color, &ring);
    line(painter, rect, color, &[[4.5, 9.5], [3.2, 11.2], [4.6, 12.6], [3.2, 14.8]]);
}

pub(super) fn fill(painter: &Painter, rect: Rect, color: Color32) {
    line(painter, rect, color, &[[6.5, 2.0], [12.5, 8.0], [7.5, 13.0], [1.8, 7.3], [6.5, 2.6]]);
    area(painter, rect, color, &[[2.6, 7.9], [11.8, 7.9], [7.2, 12.6]]);
    area(painter, rect, color, &[[13.6, 9.6], [15.0, 12.4], [13.6, 14.0], [12.2, 12.4]]);
}

pub(super) fn undo(painter: &Painter, rect: Rect, color: Color32) {
    arrow(painter, rect, color, |x| x);
}

pub(super) fn redo(painter: &Painter, rect: Rect, color: Color32) {
    arrow(painter, rect, color, |x| 16.0 - x);
}

fn arrow(painter: &Painter, rect: Rect, color: Color32, turn: fn(f32) -> f32) {
    let bow: Vec<[f32; 2]> = (0..=12)
        .map(|k| {
            let angle = (k as f32 / 12.0 - 0.5) * std::f32::consts::PI;
            [turn(9.5 + 4.5 * angle.cos()), 8.5 + 4.0 * angle.sin()]
        })
        .collect();
    line(painter, rect, color, &bow);
    line(painter, rect, color, &[[turn(9.5), 4.5], [turn(3.0), 4.5]]);
    line(painter, rect, color, &[[turn(9.5), 12.5], [turn(5.0), 12.5]]);
    area(painter, rect, color, &[[turn(1.5), 4.5], [turn(5.5), 1.3], [turn(5.5), 7.7]]);
}
