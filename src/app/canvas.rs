//! The canvas: the picture in the making, or a finished one, with zoom and pan.
//!
//! Zoom counts physical pixels: at 100 % a pixel of the picture is a pixel of the screen, whatever the scale of the window.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use egui::{ColorImage, Pos2, Rect, Sense, TextureFilter, TextureHandle, TextureOptions, Vec2};

use crate::app::librarian::Opened;
use crate::app::theme;
use crate::worker::Preview;

/// How far one can zoom in and out, in physical pixels a pixel.
const ZOOM: std::ops::RangeInclusive<f32> = 0.02..=64.0;

/// What the canvas shows, and how.
#[derive(Default)]
pub(super) struct Canvas {
    shown: Shown,
    picture: Option<Picture>,
    zoom: Zoom,
    /// The point of the picture in the middle of the canvas, in 0..1 of its sides.
    center: Option<Pos2>,
}

/// What the canvas shows.
#[derive(Clone, Debug, Default, PartialEq)]
enum Shown {
    #[default]
    Nothing,
    /// A preview, after so many steps.
    Live { step: usize, steps: usize },
    /// A picture of the gallery.
    File { path: PathBuf, name: String, is_open: bool },
}

/// How large the picture is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Zoom {
    /// As large as fits.
    #[default]
    Fit,
    /// So many physical pixels a pixel.
    Times(f32),
}

struct Picture {
    pixels: Arc<ColorImage>,
    texture: TextureHandle,
    filter: TextureFilter,
    /// The size to show it at, in its pixels: a preview may have fewer.
    size: Vec2,
}

impl Canvas {
    /// Shows a preview, scaled to the size of the finished picture.
    pub(super) fn show_preview(&mut self, ctx: &egui::Context, preview: &Preview) {
        self.shown = Shown::Live { step: preview.step, steps: preview.steps };
        let size = [preview.image.width() as usize, preview.image.height() as usize];
        let pixels = ColorImage::from_rgb(size, preview.image.as_raw());
        self.set(ctx, Arc::new(pixels), egui::vec2(preview.width as f32, preview.height as f32));
    }

    /// Turns to a picture of the gallery; until it is read the canvas keeps what it shows.
    pub(super) fn turn_to(&mut self, path: PathBuf, name: String) {
        self.shown = Shown::File { path, name, is_open: false };
    }

    /// Shows a picture of the gallery, if it is still the one to be shown.
    pub(super) fn show_picture(&mut self, ctx: &egui::Context, path: &Path, opened: &Opened) {
        if let Shown::File { path: wanted, is_open, .. } = &mut self.shown
            && wanted == path
        {
            *is_open = true;
            let [width, height] = opened.size;
            self.set(ctx, Arc::clone(&opened.image), egui::vec2(width as f32, height as f32));
        }
    }

    /// Shows nothing: the picture is gone.
    pub(super) fn clear(&mut self) {
        self.shown = Shown::Nothing;
        self.picture = None;
    }

    fn set(&mut self, ctx: &egui::Context, pixels: Arc<ColorImage>, size: Vec2) {
        match &mut self.picture {
            // The same size means the same picture getting clearer, or another one to compare: the view stays.
            Some(picture) if picture.size == size => {
                picture.texture.set(pixels.clone(), options(picture.filter));
                picture.pixels = pixels;
            }
            _ => {
                self.center = None;
                let filter = TextureFilter::Linear;
                let texture = ctx.load_texture("canvas", pixels.clone(), options(filter));
                self.picture = Some(Picture { pixels, texture, filter, size });
            }
        }
    }

    /// The file that is shown.
    pub(super) fn path(&self) -> Option<&Path> {
        if let Shown::File { path, .. } = &self.shown { Some(path) } else { None }
    }

    /// Sets the zoom; the middle stays.
    pub(super) fn set_zoom(&mut self, zoom: Zoom) {
        self.zoom = zoom;
        if zoom == Zoom::Fit {
            self.center = None;
        }
    }

    /// Shows the picture in the space that is left, and lets it be moved.
    pub(super) fn ui(&mut self, ui: &mut egui::Ui) {
        let (rect, response) = ui.allocate_exact_size(ui.available_size(), Sense::click_and_drag());
        let painter = ui.painter_at(rect);
        let name = self.name();
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &name));
        let ground = theme::palette(ui).canvas;
        let Some(picture) = &self.picture else {
            painter.rect_filled(rect, 0.0, ground);
            let text = "Your picture appears here";
            let color = ui.visuals().weak_text_color();
            painter.text(rect.center(), egui::Align2::CENTER_CENTER, text, egui::FontId::proportional(16.0), color);
            return;
        };
        let (size, texture) = (picture.size, picture.texture.id());
        let pixel = ui.pixels_per_point();
        self.move_by(ui, &response, rect, size, pixel);
        let scale = self.scale(rect, size, pixel);
        let placed = self.placed(rect, size, scale);
        self.refilter(scale * pixel);
        for side in around(rect, placed) {
            painter.rect_filled(side, 0.0, ground);
        }
        let uv = Rect::from_min_max(Pos2::ZERO, egui::pos2(1.0, 1.0));
        painter.image(texture, placed, uv, egui::Color32::WHITE);
        if response.has_focus() {
            let stroke = ui.visuals().selection.stroke;
            painter.rect_stroke(rect.shrink(2.0), 0.0, stroke, egui::StrokeKind::Inside);
        }
        response.on_hover_cursor(egui::CursorIcon::Grab);
    }

    /// What it shows, for screen readers.
    fn name(&self) -> String {
        match &self.shown {
            Shown::Nothing => "Canvas: no picture yet".to_owned(),
            Shown::Live { step, steps, .. } => format!("Canvas: preview after step {step} of {steps}"),
            Shown::File { name, is_open: true, .. } => format!("Canvas: {name}"),
            Shown::File { name, .. } => format!("Canvas: opening {name}"),
        }
    }

    /// Points a pixel.
    fn scale(&self, rect: Rect, size: Vec2, pixels_per_point: f32) -> f32 {
        match self.zoom {
            Zoom::Times(times) => times / pixels_per_point,
            Zoom::Fit => {
                let room = rect.size() - Vec2::splat(16.0);
                (room.x / size.x).min(room.y / size.y).max(ZOOM.start() / pixels_per_point)
            }
        }
    }

    /// Where the picture lies on the screen.
    fn placed(&self, rect: Rect, size: Vec2, scale: f32) -> Rect {
        let center = self.center.unwrap_or(egui::pos2(0.5, 0.5));
        let shown = size * scale;
        let min = rect.center() - egui::vec2(center.x * shown.x, center.y * shown.y);
        Rect::from_min_size(min, shown)
    }

    /// Follows wheel, drag, double click and keys.
    fn move_by(&mut self, ui: &egui::Ui, response: &egui::Response, rect: Rect, size: Vec2, pixels_per_point: f32) {
        let scale = self.scale(rect, size, pixels_per_point);
        if response.double_clicked() {
            let fit = self.zoom == Zoom::Fit;
            self.set_zoom(if fit { Zoom::Times(1.0) } else { Zoom::Fit });
            return;
        }
        let mut shift = if response.dragged() { response.drag_delta() } else { Vec2::ZERO };
        let (mut factor, mut at) = (1.0, rect.center());
        if let Some(pointer) = response.hover_pos() {
            at = pointer;
            // A notch of the wheel is some 50 points: a fifth larger or smaller.
            factor = ui.input(|input| input.zoom_delta() * (input.smooth_scroll_delta().y / 270.0).exp());
        }
        if response.has_focus() {
            ui.input(|input| {
                let step = |key| if input.key_down(key) { 12.0 } else { 0.0 };
                shift.x += step(egui::Key::ArrowLeft) - step(egui::Key::ArrowRight);
                shift.y += step(egui::Key::ArrowUp) - step(egui::Key::ArrowDown);
                factor *= if input.key_pressed(egui::Key::Plus) || input.key_pressed(egui::Key::Equals) {
                    1.25
                } else if input.key_pressed(egui::Key::Minus) {
                    0.8
                } else {
                    1.0
                };
            });
        }
        if shift == Vec2::ZERO && (factor - 1.0).abs() < 1e-4 {
            return;
        }
        let placed = self.placed(rect, size, scale);
        let times = (scale * pixels_per_point * factor).clamp(*ZOOM.start(), *ZOOM.end());
        let grown = times / pixels_per_point / scale;
        // What is under the pointer stays there.
        let min = at + (placed.min - at) * grown + shift;
        let shown = placed.size() * grown;
        let center = (rect.center() - min) / shown;
        self.center = Some(egui::pos2(center.x.clamp(0.0, 1.0), center.y.clamp(0.0, 1.0)));
        self.zoom = Zoom::Times(times);
    }

    /// Finished pictures are shown pixel by pixel when zoomed in, and smoothed otherwise; previews are always smoothed.
    fn refilter(&mut self, physical_scale: f32) {
        let finished = matches!(self.shown, Shown::File { .. });
        let Some(picture) = &mut self.picture else { return };
        let filter = if finished && physical_scale >= 2.0 { TextureFilter::Nearest } else { TextureFilter::Linear };
        if filter != picture.filter {
            picture.filter = filter;
            picture.texture.set(picture.pixels.clone(), options(filter));
        }
    }

    /// How large the picture is shown, for the toolbar.
    pub(super) fn zoom_text(&self) -> String {
        match self.zoom {
            Zoom::Fit => "Fit".to_owned(),
            Zoom::Times(times) => format!("{:.0} %", times * 100.0),
        }
    }

    /// The picture's own size, for the toolbar.
    pub(super) fn size_text(&self) -> Option<String> {
        self.picture.as_ref().map(|picture| format!("{} × {}", picture.size.x, picture.size.y))
    }
}

/// What of `rect` lies around `placed`: what is under the picture needn't be painted.
fn around(rect: Rect, placed: Rect) -> [Rect; 4] {
    let inner = placed.intersect(rect);
    if !inner.is_positive() {
        return [rect, Rect::NOTHING, Rect::NOTHING, Rect::NOTHING];
    }
    [
        Rect::from_min_max(rect.min, egui::pos2(rect.max.x, inner.min.y)),
        Rect::from_min_max(egui::pos2(rect.min.x, inner.max.y), rect.max),
        Rect::from_min_max(egui::pos2(rect.min.x, inner.min.y), egui::pos2(inner.min.x, inner.max.y)),
        Rect::from_min_max(egui::pos2(inner.max.x, inner.min.y), egui::pos2(rect.max.x, inner.max.y)),
    ]
}

fn options(magnification: TextureFilter) -> TextureOptions {
    TextureOptions { magnification, minification: TextureFilter::Linear, ..TextureOptions::LINEAR }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECT: Rect = Rect { min: Pos2::ZERO, max: Pos2 { x: 416.0, y: 316.0 } };

    #[test]
    fn a_fitted_picture_fills_the_canvas_and_keeps_its_shape() {
        let canvas = Canvas::default();
        let size = egui::vec2(100.0, 50.0);
        let placed = canvas.placed(RECT, size, canvas.scale(RECT, size, 2.0));
        assert_eq!((placed.width(), placed.height(), placed.center()), (400.0, 200.0, RECT.center()));
    }

    #[test]
    fn the_ground_is_all_that_the_picture_leaves_free() {
        let area = |rect: &Rect| if rect.is_positive() { rect.area() } else { 0.0 };
        let inside = Rect::from_min_size(egui::pos2(100.0, 50.0), egui::vec2(200.0, 100.0));
        for placed in [
            inside,
            inside.translate(egui::vec2(-150.0, 0.0)),
            inside.translate(egui::vec2(1e4, 0.0)),
            RECT.expand(9.0),
        ] {
            let painted: f32 = around(RECT, placed).iter().map(area).sum();
            let picture = area(&placed.intersect(RECT));
            assert!((painted + picture - RECT.area()).abs() < 1.0, "{placed:?}");
        }
    }

    #[test]
    fn at_100_percent_a_pixel_is_a_pixel_at_any_scale_of_the_window() {
        let mut canvas = Canvas::default();
        canvas.set_zoom(Zoom::Times(1.0));
        for pixels_per_point in [1.0, 1.5, 2.0] {
            let scale = canvas.scale(RECT, egui::vec2(64.0, 64.0), pixels_per_point);
            assert!((scale * pixels_per_point - 1.0).abs() < 1e-6);
        }
    }
}
