//! Small signs that are drawn, not written: no font has to have them.

use std::f32::consts::TAU;

use egui::{Color32, Mesh, Painter, Pos2, Rect, Shape, Stroke, Vec2, pos2, vec2};

/// A five-pointed star.
pub(crate) fn star(painter: &Painter, place: Rect, color: Color32) {
    /// The inner corners' distance from the middle, where the edges of a regular star run straight through.
    const INNER: f32 = 0.382;
    let (middle, radius) = (place.center(), place.size().min_elem() / 2.0);
    let corner = |at: u32| {
        let length = if at.is_multiple_of(2) { radius } else { radius * INNER };
        middle + length * Vec2::angled(TAU * (at as f32 / 10.0 - 0.25))
    };
    let corners: Vec<Pos2> = (0..10).map(corner).collect();
    let mut mesh = Mesh::default();
    mesh.colored_vertex(middle, color);
    for at in 0..10 {
        mesh.colored_vertex(corner(at), color);
        mesh.add_triangle(0, at + 1, (at + 1) % 10 + 1);
    }
    painter.add(mesh);
    // Smooths the edge.
    painter.add(Shape::closed_line(corners, Stroke::new(0.8, color)));
}

/// A tick.
pub(crate) fn tick(painter: &Painter, place: Rect, color: Color32) {
    let at = |x: f32, y: f32| place.lerp_inside(vec2(x, y));
    painter.line(vec![at(0.15, 0.55), at(0.4, 0.8), at(0.85, 0.2)], Stroke::new(2.0, color));
}

/// A warning's triangle.
pub(crate) fn warning(painter: &Painter, place: Rect, color: Color32) {
    let at = |x: f32, y: f32| place.lerp_inside(vec2(x, y));
    let stroke = Stroke::new((place.width() / 12.0).max(1.5), color);
    painter.add(Shape::closed_line(vec![at(0.5, 0.05), at(0.98, 0.92), at(0.02, 0.92)], stroke));
    painter.line_segment([at(0.5, 0.35), at(0.5, 0.65)], stroke);
    let dot = at(0.5, 0.79);
    painter.circle_filled(pos2(dot.x, dot.y), stroke.width * 0.7, color);
}
