//! Two pictures, to see how they differ: a slider between them, one after the other, or the difference itself.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use egui::{
    Color32, Context, CursorIcon, EventFilter, Key, Modifiers, Rect, Role, Sense, Stroke, StrokeKind, TextureHandle,
    TextureOptions, Ui, WidgetInfo, pos2, vec2,
};

use crate::app::canvas::focus_ring_ui;
use crate::app::librarian::{Difference, PictureComparison};
use crate::app::widgets::{Hand, PanZoom};
use crate::base::error::{Error, Result};

/// How long each picture is seen when they blink: long enough to look, short enough to see what moves.
const BLINK: Duration = Duration::from_millis(700);

/// How far an arrow key moves the slider.
const STEP: f32 = 0.02;

/// How two pictures are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Slider,
    Blink,
    Difference,
}

impl Mode {
    const EACH: [Self; 3] = [Self::Slider, Self::Blink, Self::Difference];

    fn label(self) -> &'static str {
        match self {
            Self::Slider => "Slider",
            Self::Blink => "Blink",
            Self::Difference => "Difference",
        }
    }
}

/// Two pictures that are compared.
pub(crate) struct Compared {
    paths: [PathBuf; 2],
    mode: Mode,
    /// Where the slider is, 0 to 1 of what is seen.
    split: f32,
    view: PanZoom,
    /// `None` until they are opened.
    shown: Option<Result<ComparedPictures>>,
}

struct ComparedPictures {
    pictures: [TextureHandle; 2],
    difference: TextureHandle,
    words: String,
}

impl Compared {
    pub(crate) fn new(paths: [PathBuf; 2]) -> Self {
        Self { paths, mode: Mode::default(), split: 0.5, view: PanZoom::default(), shown: None }
    }

    /// Whether only a part of the pictures is seen.
    #[cfg(test)]
    pub(crate) fn is_zoomed(&self) -> bool {
        self.view != PanZoom::default()
    }

    /// Takes the pictures if they are those that are compared.
    pub(crate) fn put(&mut self, ctx: &Context, paths: &[PathBuf; 2], comparison: &Result<Arc<PictureComparison>>) {
        if *paths != self.paths {
            return;
        }
        self.shown = Some(comparison.as_ref().map_err(Error::clone).map(|comparison| {
            let load = |name: &str, image: &egui::ColorImage| {
                let options = TextureOptions { magnification: egui::TextureFilter::Nearest, ..TextureOptions::LINEAR };
                ctx.load_texture(name, image.clone(), options)
            };
            let [first, second] = &comparison.pictures;
            ComparedPictures {
                pictures: [load("first", &first.image), load("second", &second.image)],
                difference: load("difference", &comparison.difference.image),
                words: words(&comparison.difference),
            }
        }));
    }
}

/// A difference in words, for who can't see it.
fn words(difference: &Difference) -> String {
    let Difference { largest, percent_changed, is_scaled, .. } = difference;
    let scaled = if *is_scaled { " (the second scaled to the size of the first)" } else { "" };
    if *largest == 0 {
        return format!("The pictures are the same{scaled}");
    }
    format!("{percent_changed:.1} % of the pixels differ, by at most {largest} of 255{scaled}")
}

/// The two pictures, in the place of the canvas. Does nothing if none are compared.
pub(crate) fn ui(ui: &mut Ui, compared: &mut Option<Compared>) {
    let Some(pair) = compared else { return };
    let mut is_closed = false;
    ui.horizontal_wrapped(|ui| {
        for mode in Mode::EACH {
            ui.selectable_value(&mut pair.mode, mode, mode.label());
        }
        if ui.button("Swap").on_hover_text("Exchange the two pictures").clicked() {
            pair.swap();
        }
        is_closed = ui.button("Close").on_hover_text("Stop comparing").clicked();
    });
    match &pair.shown {
        None => {
            ui.label("Opening the two pictures…");
        }
        Some(Err(error)) => {
            ui.label(error.to_string());
        }
        Some(Ok(_)) => pair.pictures_ui(ui),
    }
    if is_closed {
        *compared = None;
    }
}

impl Compared {
    fn swap(&mut self) {
        self.paths.reverse();
        if let Some(Ok(shown)) = &mut self.shown {
            shown.pictures.reverse();
        }
    }

    fn pictures_ui(&mut self, ui: &mut Ui) {
        let Some(Ok(shown)) = &self.shown else { return };
        let [first, second] = &shown.pictures;
        let name = |at: usize| self.paths[at].file_name().unwrap_or_default().to_string_lossy();
        match self.mode {
            Mode::Slider => {
                ui.weak(format!("Left: {}, right: {}", name(0), name(1)));
                self.split = slider_ui(ui, [first, second], &mut self.view, self.split);
            }
            Mode::Blink => {
                let period = BLINK.as_secs_f64();
                let passed = ui.input(|input| input.time) / period;
                let at = usize::from(passed.rem_euclid(2.0) >= 1.0);
                ui.ctx().request_repaint_after(BLINK.mul_f64(1.0 - passed.rem_euclid(1.0)));
                ui.weak(format!("{}: {}", if at == 0 { "First" } else { "Second" }, name(at)));
                picture_ui(ui, [first, second][at], &mut self.view, &name(at));
            }
            Mode::Difference => {
                ui.label(&shown.words);
                picture_ui(ui, &shown.difference, &mut self.view, &shown.words);
            }
        }
    }
}

/// Draws what of a texture at `placed` lies within `range`.
fn paint(ui: &Ui, texture: &TextureHandle, placed: Rect, range: Rect) {
    let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
    let painter = ui.painter_at(range.intersect(ui.clip_rect()));
    painter.image(texture.id(), placed, whole, Color32::WHITE);
}

fn picture_ui(ui: &mut Ui, texture: &TextureHandle, view: &mut PanZoom, name: &str) {
    let response = ui.allocate_rect(ui.available_rect_before_wrap(), Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, name));
    view.follow(ui, &response, texture.size_vec2(), Hand::Free);
    paint(ui, texture, view.place(response.rect, texture.size_vec2(), ui.pixels_per_point()).rect, response.rect);
    focus_ring_ui(ui, &response);
    response.on_hover_cursor(CursorIcon::Grab);
}

/// The first picture left of a line and the second right of it; the line goes where it is dragged, or by the arrows.
fn slider_ui(ui: &mut Ui, [first, second]: [&TextureHandle; 2], view: &mut PanZoom, split: f32) -> f32 {
    let response = ui.allocate_rect(ui.available_rect_before_wrap(), Sense::click_and_drag());
    let response = response.on_hover_cursor(CursorIcon::ResizeHorizontal);
    view.follow(ui, &response, first.size_vec2(), Hand::Divides);
    let placed = view.place(response.rect, first.size_vec2(), ui.pixels_per_point()).rect;
    // What is seen of the picture.
    let rect = placed.intersect(response.rect);
    let mut split = split;
    let moves = response.is_pointer_button_down_on() && ui.input(|input| input.pointer.primary_down());
    if let Some(pointer) = response.interact_pointer_pos().filter(|_| moves && rect.width() > 0.0) {
        split = (pointer.x - rect.left()) / rect.width();
        response.request_focus();
    }
    if response.has_focus() {
        let arrows = EventFilter { horizontal_arrows: true, ..EventFilter::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, arrows));
        let count = |key| ui.input_mut(|input| input.count_and_consume_key(Modifiers::NONE, key)) as f32;
        split += STEP * (count(Key::ArrowRight) - count(Key::ArrowLeft));
    }
    let split = split.clamp(0.0, 1.0);
    let percent = f64::from((split * 100.0).round());
    response.widget_info(|| WidgetInfo::slider(true, percent, "Divider between the pictures, in percent"));

    let line = rect.left() + rect.width() * split;
    paint(ui, first, placed, Rect::from_min_max(rect.min, pos2(line, rect.bottom())));
    paint(ui, second, placed, Rect::from_min_max(pos2(line, rect.top()), rect.max));
    // Seen on light and dark pictures alike.
    let (painter, visuals) = (ui.painter(), ui.visuals());
    painter.vline(line, rect.y_range(), Stroke::new(4.0, visuals.extreme_bg_color));
    painter.vline(line, rect.y_range(), Stroke::new(2.0, visuals.strong_text_color()));
    let grip = Rect::from_center_size(pos2(line, rect.center().y), vec2(10.0, 28.0));
    let edge = Stroke::new(if response.has_focus() { 3.0 } else { 1.0 }, visuals.strong_text_color());
    painter.rect(grip, 4.0, visuals.extreme_bg_color, edge, StrokeKind::Middle);
    split
}
