//! The pictures as a grid of thumbnails, of which only those in view are laid out.
//!
//! The grid is one stop of the Tab key; inside, the arrows and their like go from picture to picture, and the picture
//! that has the focus is there for screen readers also when it was scrolled out of view. The pointer chooses as in a
//! file manager. What is chosen, focused, a favourite or broken is told by shape as well as colour.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use egui::{
    Align2, Color32, CornerRadius, EventFilter, Id, Key, Modifiers, Painter, Rect, Response, Role, ScrollArea, Sense,
    Stroke, StrokeKind, Ui, UiBuilder, Vec2, WidgetInfo, pos2,
};

use crate::app::action::GalleryAction;
use crate::app::librarian::Librarian;
use crate::app::panels::gallery::selection::{Motion, Shape};
use crate::app::panels::gallery::state::{Focus, Gallery};
use crate::app::panels::gallery::{describe, signs};
use crate::app::words::bytes;
use crate::storage::gallery::listing::{Item, Listing};

/// Between cells.
const GAP: f32 = 6.0;

/// Between a cell's edge and its picture: room for the mark of a choice.
const MARGIN: f32 = 4.0;

/// The side of a mark on a picture.
const BADGE: f32 = 18.0;

/// Rows below those in view whose thumbnails are made as well.
const ROWS_AHEAD: usize = 2;

/// Where the cells are.
#[derive(Clone, Copy)]
struct GridLayout {
    columns: usize,
    side: f32,
}

impl GridLayout {
    /// As many columns as fit with cells of about `side`, which fill the width.
    fn new(width: f32, side: f32) -> Self {
        let columns = (((width + GAP) / (side + GAP)).floor() as usize).max(1);
        Self { columns, side: ((width + GAP) / columns as f32 - GAP).max(1.0) }
    }

    fn pitch(&self) -> f32 {
        self.side + GAP
    }

    fn height(&self, cells: usize) -> f32 {
        (cells.div_ceil(self.columns) as f32 * self.pitch() - GAP).max(0.0)
    }

    /// A cell, relative to the grid's corner.
    fn cell(&self, at: usize) -> Rect {
        let (row, column) = (at / self.columns, at % self.columns);
        let corner = pos2(column as f32 * self.pitch(), row as f32 * self.pitch());
        Rect::from_min_size(corner, Vec2::splat(self.side))
    }

    /// The cells of which something lies between two heights, and some rows more.
    fn between(&self, top: f32, bottom: f32, rows_more: usize, cells: usize) -> std::ops::Range<usize> {
        let first = (top / self.pitch()).floor().max(0.0) as usize;
        let last = (bottom / self.pitch()).ceil().max(0.0) as usize + rows_more;
        (first * self.columns).min(cells)..(last * self.columns).min(cells)
    }
}

/// The grid. Adds what the user wants done.
pub(crate) fn ui(
    ui: &mut Ui,
    gallery: &mut Gallery,
    side: f32,
    librarian: &mut Librarian,
    shown: Option<&Path>,
    actions: &mut Vec<GalleryAction>,
) {
    let listing = Arc::clone(&gallery.listing);
    let height = ui.available_height();
    ScrollArea::vertical().id_salt("pictures").auto_shrink(false).show_viewport(ui, |ui, viewport| {
        let layout = GridLayout::new(ui.available_width(), side);
        ui.set_height(layout.height(listing.items.len()));
        let rows_seen = ((height / layout.pitch()).floor() as usize).max(1);
        let mut grid = Grid { gallery, listing: &listing, layout, rows_seen, shown, actions };
        ui.scope_builder(UiBuilder::new().max_rect(ui.max_rect()), |ui| grid.ui(ui, viewport, librarian));
    });
    if gallery.focus.is_some() {
        ui.ctx().request_repaint();
    }
}

struct Grid<'a> {
    gallery: &'a mut Gallery,
    listing: &'a Listing,
    layout: GridLayout,
    rows_seen: usize,
    shown: Option<&'a Path>,
    actions: &'a mut Vec<GalleryAction>,
}

impl Grid<'_> {
    fn ui(&mut self, ui: &mut Ui, viewport: Rect, librarian: &mut Librarian) {
        let (items, layout) = (&self.listing.items, self.layout);
        ui.ctx().accesskit_node_builder(ui.unique_id(), |node| {
            node.set_role(Role::ListBox);
            node.set_label("Pictures");
            node.set_multiselectable();
        });
        let corner = ui.max_rect().min.to_vec2();
        let seen = layout.between(viewport.min.y, viewport.max.y, 0, items.len());
        // The one that Tab goes to.
        let stop = self.gallery.selection.cursor().unwrap_or(0);
        let focus = self.gallery.focus.take_if(|focus| *focus != Focus::Search);
        let mut cells: Vec<usize> = seen.clone().collect();
        if !seen.contains(&stop) && stop < items.len() {
            cells.push(stop);
        }
        for at in cells {
            if let Some(item) = items.get(at) {
                let rect = layout.cell(at).translate(corner);
                self.cell_ui(ui, at, item, rect, at == stop);
                if at == stop && focus.is_some() {
                    ui.memory_mut(|memory| memory.request_focus(cell_id(ui, item)));
                }
            }
        }
        self.ask(librarian, layout.between(viewport.min.y, viewport.max.y, ROWS_AHEAD, items.len()));
        // A move within this frame is followed in the next, where its picture is laid out.
        if focus == Some(Focus::PictureInView) {
            ui.scroll_to_rect(layout.cell(stop).translate(corner), None);
        }
    }

    /// Asks for the thumbnails that are missing, those in view first.
    fn ask(&mut self, librarian: &mut Librarian, range: std::ops::Range<usize>) {
        let items = self.listing.items.get(range).unwrap_or_default();
        let textures = &self.gallery.textures;
        let missing: Vec<&Item> = items.iter().map(|item| &**item).filter(|item| !textures.is_fresh(item)).collect();
        if let Some(wanted) = self.gallery.textures.ask(missing.into_iter()) {
            librarian.want_thumbnails(wanted);
        }
        self.gallery.textures.end_frame();
    }

    fn cell_ui(&mut self, ui: &mut Ui, at: usize, item: &Arc<Item>, rect: Rect, is_stop: bool) {
        let id = cell_id(ui, item);
        let sense = if is_stop { Sense::click() } else { Sense::CLICK };
        let response = ui.interact(rect, id, sense);
        let is_chosen = self.gallery.selection.contains(&item.path);
        let count = self.listing.items.len();
        let is_broken = self.gallery.textures.see(&item.path).is_some_and(Result::is_err);
        let name = || describe::name(item, at, count, is_broken);
        response.widget_info(|| WidgetInfo::labeled(Role::ListBoxOption, true, name()));
        ui.ctx().accesskit_node_builder(id, |node| {
            node.set_selected(is_chosen);
            node.set_position_in_set(at);
            node.set_size_of_set(count);
        });
        if ui.is_rect_visible(rect) {
            self.paint(ui, item, &response, is_chosen);
            response.clone().on_hover_ui(|ui| self.tooltip_ui(ui, item));
        }
        if response.has_focus() {
            let arrows = EventFilter { horizontal_arrows: true, vertical_arrows: true, ..EventFilter::default() };
            ui.memory_mut(|memory| memory.set_focus_lock_filter(id, arrows));
            if self.gallery.selection.cursor().is_none() {
                self.gallery.selection.choose(&self.listing.items, at);
            }
            self.gallery.has_keys = true;
            self.keys(ui);
        }
        self.clicks(ui, at, item, &response);
    }

    fn clicks(&mut self, ui: &mut Ui, at: usize, item: &Arc<Item>, response: &Response) {
        let items = &self.listing.items;
        if response.clicked() {
            let modifiers = ui.input(|input| input.modifiers);
            if modifiers.shift {
                self.gallery.selection.extend(items, at);
            } else if modifiers.command {
                self.gallery.selection.toggle(items, at);
            } else {
                self.gallery.selection.choose(items, at);
                self.show(item);
            }
            self.gallery.focus = Some(Focus::Picture);
        }
        if response.secondary_clicked() && !self.gallery.selection.contains(&item.path) {
            self.gallery.selection.choose(items, at);
        }
        response.context_menu(|ui| self.menu_ui(ui, item));
    }

    /// What the keyboard does while a picture has the focus.
    fn keys(&mut self, ui: &mut Ui) {
        let motions = [
            (Key::ArrowLeft, Motion::Left),
            (Key::ArrowRight, Motion::Right),
            (Key::ArrowUp, Motion::Up),
            (Key::ArrowDown, Motion::Down),
            (Key::PageUp, Motion::PageUp),
            (Key::PageDown, Motion::PageDown),
            (Key::Home, Motion::First),
            (Key::End, Motion::Last),
        ];
        let shape = Shape { columns: self.layout.columns, rows_seen: self.rows_seen };
        for (key, motion) in motions {
            let (count, extends) = ui.input_mut(|input| {
                let extends = input.modifiers.shift;
                (input.count_and_consume_key(Modifiers::NONE, key), extends)
            });
            for _ in 0..count {
                self.gallery.selection.step(&self.listing.items, motion, shape, extends);
                self.gallery.focus = Some(Focus::PictureInView);
            }
        }
        let pressed = |modifiers, key| ui.input_mut(|input| input.consume_key(modifiers, key));
        if pressed(Modifiers::COMMAND, Key::A) {
            self.gallery.selection.choose_all(&self.listing.items);
        }
        if pressed(Modifiers::NONE, Key::Delete) {
            self.delete();
            self.gallery.keeps_focus = true;
        }
        if pressed(Modifiers::COMMAND, Key::Z) {
            self.actions.push(GalleryAction::UndoDelete);
        }
        if pressed(Modifiers::NONE, Key::Period) {
            self.toggle_favourite();
        }
        // With Ctrl it copies.
        if ui.input(|input| input.modifiers.is_none())
            && ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::C))
        {
            self.compare();
        }
    }

    fn menu_ui(&mut self, ui: &mut Ui, item: &Arc<Item>) {
        let path = || item.path.clone();
        let prompt = item.prompt().filter(|prompt| !prompt.is_empty()).map(str::to_owned);
        let count = self.gallery.selection.len();
        if ui.button("Show").clicked() {
            self.show(item);
        }
        let star = if item.favourite { "No longer a favourite" } else { "Favourite" };
        if ui.add(egui::Button::new(star).shortcut_text(".")).clicked() {
            self.toggle_favourite();
        }
        let can_compare = self.pair().is_some();
        let compare = ui.add_enabled(can_compare, egui::Button::new("Compare").shortcut_text("C"));
        if compare.on_disabled_hover_text("Choose two pictures").clicked() {
            self.compare();
        }
        ui.separator();
        if ui.button("Begin with this picture").clicked() {
            self.actions.push(GalleryAction::BeginWith(path()));
        }
        if ui.button("Copy picture").clicked() {
            self.actions.push(GalleryAction::CopyPicture(path()));
        }
        if ui.add_enabled(prompt.is_some(), egui::Button::new("Copy prompt")).clicked() {
            self.actions.push(GalleryAction::CopyText(prompt.unwrap_or_default()));
        }
        if ui.button("Save as…").clicked() {
            self.actions.push(GalleryAction::SaveAs(path()));
        }
        if ui.button("Open folder").clicked() {
            self.actions.push(GalleryAction::OpenFolder(path()));
        }
        ui.separator();
        let delete = if count > 1 { format!("Delete {count} pictures") } else { "Delete".to_owned() };
        if ui.add(egui::Button::new(delete).shortcut_text("Del")).clicked() {
            self.delete();
        }
    }

    fn delete(&mut self) {
        let chosen = self.gallery.selection.chosen(&self.listing.items);
        let paths: Vec<PathBuf> = chosen.iter().map(|item| item.path.clone()).collect();
        if !paths.is_empty() {
            self.actions.push(GalleryAction::Delete(paths));
        }
    }

    /// Marks all that are chosen, or takes their marks away if all have one.
    fn toggle_favourite(&mut self) {
        let chosen = self.gallery.selection.chosen(&self.listing.items);
        let favourite = !chosen.iter().all(|item| item.favourite);
        let paths: Vec<PathBuf> = chosen.iter().map(|item| item.path.clone()).collect();
        if !paths.is_empty() {
            self.actions.push(GalleryAction::SetFavourite(paths, favourite));
        }
    }

    fn compare(&mut self) {
        self.actions.extend(self.pair().map(GalleryAction::Compare));
    }

    fn pair(&self) -> Option<[PathBuf; 2]> {
        self.gallery.selection.pair(&self.listing.items, self.shown)
    }

    fn show(&mut self, item: &Item) {
        let (path, name) = (item.path.clone(), describe::title(item, describe::NAME_LENGTH));
        self.actions.push(GalleryAction::Show { path, name });
    }

    fn tooltip_ui(&mut self, ui: &mut Ui, item: &Item) {
        if let Some(Err(error)) = self.gallery.textures.see(&item.path) {
            ui.label(error.to_string());
        }
        ui.label(describe::title(item, 300));
        ui.weak(format!("{} × {}, {}", item.width, item.height, bytes(item.bytes)));
    }

    fn paint(&mut self, ui: &Ui, item: &Item, response: &Response, is_chosen: bool) {
        let (visuals, painter, rect) = (ui.visuals(), ui.painter(), response.rect);
        let corner = CornerRadius::same(4);
        let ground = if is_chosen { visuals.selection.bg_fill } else { visuals.faint_bg_color };
        painter.rect_filled(rect, corner, ground);
        let room = rect.shrink(MARGIN);
        match self.gallery.textures.see(&item.path) {
            Some(Ok(texture)) => {
                let size = texture.size_vec2();
                let fit =
                    Rect::from_center_size(room.center(), size * (room.width() / size.x).min(room.height() / size.y));
                let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
                painter.image(texture.id(), fit, whole, Color32::WHITE);
            }
            Some(Err(_)) => {
                let place = Rect::from_center_size(room.center(), room.size() / 4.0);
                signs::warning(painter, place, visuals.warn_fg_color);
            }
            None => {}
        }
        let badge = |at: Align2, sign: fn(&Painter, Rect, Color32)| {
            let place = at.align_size_within_rect(Vec2::splat(BADGE), room.shrink(2.0));
            painter.rect_filled(place, CornerRadius::same(4), visuals.window_fill);
            sign(painter, place.shrink(3.0), visuals.strong_text_color());
        };
        if item.favourite {
            badge(Align2::RIGHT_TOP, signs::star);
        }
        if is_chosen && self.gallery.selection.len() > 1 {
            badge(Align2::LEFT_TOP, signs::tick);
        }
        let edge = if response.has_focus() {
            Stroke::new(2.0, visuals.strong_text_color())
        } else if response.hovered() {
            visuals.widgets.hovered.bg_stroke
        } else {
            Stroke::NONE
        };
        painter.rect_stroke(rect, corner, edge, StrokeKind::Inside);
    }
}

/// The same for a picture wherever it stands.
fn cell_id(ui: &Ui, item: &Item) -> Id {
    ui.scope_id().with(&item.path)
}
