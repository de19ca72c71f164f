//! The canvas: the picture in the making, or a finished one, with zoom and pan.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use eframe::wgpu::TextureFormat;
use egui::{ColorImage, Rect, Sense, Vec2};

use crate::app::librarian::FittedPicture;
use crate::app::theme;
use crate::app::widgets::{Hand, PanZoom, Zoom};
use crate::worker::Preview;

mod pass;

use pass::ShownMask;
pub(super) use pass::{Overlay, Scene, Sheet};

/// What the canvas shows, and how.
pub(super) struct Canvas {
    shown: Showing,
    picture: Option<Picture>,
    pub(super) view: PanZoom,
    /// What the window draws into.
    target: TextureFormat,
    /// What the GPU shows of masks.
    shown_mask: ShownMask,
}

/// What the canvas shows.
#[derive(Clone, Debug, Default, PartialEq)]
enum Showing {
    #[default]
    Nothing,
    /// A preview, after so many steps.
    Live { step: usize, steps: usize },
    /// A picture of the gallery.
    File { path: PathBuf, name: String, read: Option<FileRead> },
}

/// How a picture of the gallery is shown, once it is read.
#[derive(Clone, Copy, Debug, PartialEq)]
struct FileRead {
    /// The safety checker's score, if it flagged the picture and it is shown blurred.
    flagged: Option<f64>,
    /// Whether its depth map is shown in its place.
    is_depth: bool,
}

struct Picture {
    sheet: Sheet,
    /// The size to show it at, in its pixels: a preview may have fewer.
    size: Vec2,
}

impl Default for Canvas {
    fn default() -> Self {
        let target = TextureFormat::Rgba8Unorm;
        Self {
            shown: Showing::default(),
            picture: None,
            view: PanZoom::default(),
            target,
            shown_mask: ShownMask::default(),
        }
    }
}

impl Canvas {
    /// Says what the window draws into. Where there is no window, it is what egui's own renderer takes.
    pub(super) fn draw_into(&mut self, target: Option<TextureFormat>) {
        self.target = target.unwrap_or(TextureFormat::Rgba8Unorm);
    }

    /// Shows a preview, scaled to the size of the finished picture.
    pub(super) fn show_preview(&mut self, preview: &Preview) {
        self.shown = Showing::Live { step: preview.step, steps: preview.steps };
        let size = [preview.image.width() as usize, preview.image.height() as usize];
        let pixels = ColorImage::from_rgb(size, preview.image.as_raw());
        self.set(Arc::new(pixels), egui::vec2(preview.width as f32, preview.height as f32));
    }

    /// Turns to a picture of the gallery; until it is read the canvas keeps what it shows.
    pub(super) fn turn_to(&mut self, path: PathBuf, name: String) {
        self.shown = Showing::File { path, name, read: None };
    }

    /// Shows a picture of the gallery, if it is still the one to be shown.
    pub(super) fn show_picture(&mut self, path: &Path, opened: &FittedPicture) {
        let [width, height] = opened.size;
        let read = FileRead { flagged: opened.flagged, is_depth: false };
        self.show_file(path, read, Arc::clone(&opened.image), egui::vec2(width as f32, height as f32));
    }

    fn show_file(&mut self, path: &Path, read: FileRead, pixels: Arc<ColorImage>, size: Vec2) {
        if let Showing::File { path: wanted, read: shown, .. } = &mut self.shown
            && wanted == path
        {
            *shown = Some(read);
            self.set(pixels, size);
        }
    }

    /// Shows the depth map of a picture in its place, if it is still the one to be shown.
    pub(super) fn show_depth(&mut self, path: &Path, map: &FittedPicture) {
        let [width, height] = map.size;
        let read = FileRead { flagged: None, is_depth: true };
        self.show_file(path, read, Arc::clone(&map.image), egui::vec2(width as f32, height as f32));
    }

    /// Shows nothing: the picture is gone.
    pub(super) fn clear(&mut self) {
        self.shown = Showing::Nothing;
        self.picture = None;
    }

    fn set(&mut self, pixels: Arc<ColorImage>, size: Vec2) {
        // The same size means the same picture getting clearer, or another one to compare: the view stays.
        if self.picture.as_ref().is_none_or(|picture| picture.size != size) {
            self.view.center();
        }
        self.picture = Some(Picture { sheet: Sheet::new(pixels), size });
    }

    /// The file that is shown.
    pub(super) fn path(&self) -> Option<&Path> {
        if let Showing::File { path, .. } = &self.shown { Some(path) } else { None }
    }

    /// The picture that is shown blurred because the safety checker flagged it, and the checker's score.
    pub(super) fn flagged(&self) -> Option<(&Path, f64)> {
        match &self.shown {
            Showing::File { path, read: Some(FileRead { flagged: Some(score), .. }), .. } => Some((path, *score)),
            _ => None,
        }
    }

    /// Whether a depth map is shown in place of its picture.
    pub(super) fn shows_depth(&self) -> bool {
        matches!(&self.shown, Showing::File { read: Some(FileRead { is_depth: true, .. }), .. })
    }

    /// Sets the zoom; the middle stays.
    pub(super) fn set_zoom(&mut self, zoom: Zoom) {
        self.view.set_zoom(zoom);
    }

    /// Shows the picture in the space that is left, and lets it be moved.
    pub(super) fn ui(&mut self, ui: &mut egui::Ui) {
        let (rect, response) = ui.allocate_exact_size(ui.available_size(), Sense::click_and_drag());
        let name = self.name();
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &name));
        let Some(picture) = &self.picture else {
            let painter = ui.painter_at(rect);
            painter.rect_filled(rect, 0.0, theme::palette(ui).canvas);
            let text = "Your picture appears here";
            let color = ui.visuals().weak_text_color();
            painter.text(rect.center(), egui::Align2::CENTER_CENTER, text, egui::FontId::proportional(16.0), color);
            return;
        };
        self.view.follow(ui, &response, picture.size, Hand::Free);
        let placed = self.view.place(rect, picture.size, ui.pixels_per_point());
        // Finished pictures are shown pixel by pixel when zoomed in, and smoothed otherwise; previews are always smoothed.
        let is_finished = matches!(self.shown, Showing::File { .. });
        let is_sharp = is_finished && placed.scale * ui.pixels_per_point() >= 2.0;
        let scene = Scene { sheet: &picture.sheet, picture: placed.rect, frame: placed.rect, is_sharp, overlay: None };
        self.draw(ui, rect, scene);
        focus_ring_ui(ui, &response);
        response.on_hover_cursor(egui::CursorIcon::Grab);
    }

    /// Draws a picture, and the ground around it.
    pub(super) fn draw(&self, ui: &egui::Ui, room: Rect, mut scene: Scene<'_>) {
        let painter = ui.painter_at(room);
        // Whole pixels of the screen: no seam is left between the two.
        let pixel = ui.pixels_per_point();
        let whole = |at: egui::Pos2| ((at.to_vec2() * pixel).round() / pixel).to_pos2();
        scene.frame = Rect::from_min_max(whole(scene.frame.min), whole(scene.frame.max));
        for side in around(room, scene.frame) {
            painter.rect_filled(side, 0.0, theme::palette(ui).canvas);
        }
        if let Some(shape) = scene.shape(ui, room, self.target, &self.shown_mask) {
            painter.add(shape);
        }
    }

    /// What it shows, for screen readers.
    fn name(&self) -> String {
        match &self.shown {
            Showing::Nothing => "Canvas: no picture yet".to_owned(),
            Showing::Live { step, steps, .. } => format!("Canvas: preview after step {step} of {steps}"),
            Showing::File { name, read: Some(_), .. } => format!("Canvas: {name}"),
            Showing::File { name, .. } => format!("Canvas: opening {name}"),
        }
    }

    /// How large the picture is shown, for the toolbar.
    pub(super) fn zoom_text(&self) -> String {
        self.view.zoom_text()
    }

    /// The picture's own size, for the toolbar.
    pub(super) fn size_text(&self) -> Option<String> {
        self.picture.as_ref().map(|picture| format!("{} × {}", picture.size.x, picture.size.y))
    }
}

/// Shows that the keyboard moves the picture.
pub(super) fn focus_ring_ui(ui: &egui::Ui, response: &egui::Response) {
    if response.has_focus() {
        let stroke = ui.visuals().selection.stroke;
        let painter = ui.painter_at(response.rect);
        painter.rect_stroke(response.rect.shrink(2.0), 0.0, stroke, egui::StrokeKind::Inside);
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

#[cfg(test)]
mod tests {
    use egui::Pos2;

    use super::*;

    const RECT: Rect = Rect { min: Pos2::ZERO, max: Pos2 { x: 416.0, y: 316.0 } };

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
}
