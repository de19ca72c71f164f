//! The panel: what has to be known first, the search, the details and the pictures.

use std::path::Path;

use egui::{Button, Id, Key, Panel, Slider, TextEdit, Ui, vec2};

use crate::app::action::{Action, GalleryAction};
use crate::app::librarian::Librarian;
use crate::app::panels::gallery::state::{Focus, Gallery, GalleryView};
use crate::app::panels::gallery::{describe, details, grid};
use crate::storage::gallery::listing::Listing;
use crate::storage::gallery::search::Query;

/// Thumbnails as small and as large as they are useful, in points.
const SIDES: std::ops::RangeInclusive<f32> = 64.0..=256.0;

/// The width of the button that clears the search, in points.
const CLEAR_WIDTH: f32 = 52.0;

/// From this width on, in points, the details stand beside the pictures and not below.
const WIDE: f32 = 560.0;

/// The gallery's panel. `shown` is the picture on the canvas.
pub(crate) fn panel(
    ui: &mut Ui,
    gallery: &mut Gallery,
    librarian: &mut Librarian,
    shown: Option<&Path>,
    actions: &mut Vec<Action>,
) {
    gallery.has_keys = false;
    let id = Id::unique("gallery_view");
    let before = gallery.view.or_else(|| ui.data_mut(|data| data.get_persisted(id))).unwrap_or_default();
    let mut view = before;
    let wanted = pictures_ui(ui, gallery, &mut view, librarian, shown);
    actions.extend(wanted.into_iter().map(Action::Gallery));
    if gallery.view.replace(view) != Some(before) || view != before {
        ui.data_mut(|data| data.insert_persisted(id, view));
    }
}

/// The panel; `view` is how the pictures are shown. Returns what the user wants done.
pub(super) fn pictures_ui(
    ui: &mut Ui,
    gallery: &mut Gallery,
    view: &mut GalleryView,
    librarian: &mut Librarian,
    shown: Option<&Path>,
) -> Vec<GalleryAction> {
    let mut actions = Vec::new();
    // In line with what stands above the canvas.
    ui.add_space(4.0);
    notices_ui(ui, gallery, &mut actions);
    let before = gallery.query.clone();
    search_ui(ui, gallery, view);
    if gallery.query != before {
        actions.push(GalleryAction::Search(gallery.query.clone()));
    }
    if view.has_details {
        let panel = if ui.available_width() >= WIDE {
            Panel::right("gallery_details").default_size(260.0).min_size(180.0)
        } else {
            Panel::bottom("gallery_details_below").default_size(220.0).min_size(80.0)
        };
        panel.frame(egui::Frame::NONE).show(ui, |ui| {
            ui.add_space(6.0);
            details::ui(ui, gallery, shown, &mut actions);
        });
    }
    if gallery.listing.items.is_empty() {
        gallery.focus = None;
        empty_ui(ui, gallery, &mut actions);
    } else {
        grid::ui(ui, gallery, view.side, librarian, shown, &mut actions);
    }
    actions
}

/// What has to be known before anything else.
fn notices_ui(ui: &mut Ui, gallery: &mut Gallery, actions: &mut Vec<GalleryAction>) {
    if let Some(error) = &gallery.gone {
        ui.group(|ui| {
            ui.strong(error.headline());
            for cause in error.causes() {
                ui.label(cause);
            }
            if let Some(advice) = error.advice() {
                ui.weak(advice);
            }
        });
    }
    if gallery.deleted > 0 {
        ui.horizontal_wrapped(|ui| {
            ui.label(format!("{} in the bin", describe::counted(gallery.deleted as u64, "picture")));
            if ui.button("Undo").on_hover_text("Get back what was deleted last (Ctrl+Z among the pictures)").clicked() {
                actions.push(GalleryAction::UndoDelete);
            }
            if ui.button("Dismiss").clicked() {
                gallery.deleted = 0;
            }
        });
    }
}

fn search_ui(ui: &mut Ui, gallery: &mut Gallery, view: &mut GalleryView) {
    ui.horizontal(|ui| {
        let has_words = !gallery.query.words.is_empty();
        let room = if has_words { CLEAR_WIDTH + ui.spacing().item_spacing.x } else { 0.0 };
        let edit = TextEdit::singleline(&mut gallery.query.words)
            .id(Id::unique("gallery_search"))
            .hint_text("Search prompts, models, samplers")
            .desired_width((ui.available_width() - room).max(40.0));
        let response = ui.add(edit).accessible_name("Search pictures");
        if gallery.focus.take_if(|focus| *focus == Focus::Search).is_some() {
            response.request_focus();
        }
        if response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter)) {
            gallery.focus = Some(Focus::PictureInView);
        }
        if has_words && ui.add(Button::new("Clear").min_size(vec2(CLEAR_WIDTH, 0.0))).clicked() {
            gallery.query.words.clear();
            response.request_focus();
        }
    });
    ui.horizontal_wrapped(|ui| {
        ui.checkbox(&mut gallery.query.favourites_only, "Favourites").on_hover_text("Show only favourites");
        ui.checkbox(&mut view.has_details, "Details").on_hover_text("Show how the chosen picture was made");
        ui.spacing_mut().slider_width = 72.0;
        ui.add(Slider::new(&mut view.side, SIDES).show_value(false))
            .on_hover_text("Size of the thumbnails")
            .accessible_name("Thumbnail size");
        ui.weak(count(&gallery.listing));
    });
}

/// How many pictures there are, in words.
fn count(listing: &Listing) -> String {
    let total = describe::counted(listing.total as u64, "picture");
    let fitting = if listing.query.is_empty() { total } else { format!("{} of {total}", listing.items.len()) };
    if listing.unread == 0 {
        return fitting;
    }
    format!("{fitting}, reading {} more…", describe::counted(listing.unread as u64, "file"))
}

/// In place of pictures.
fn empty_ui(ui: &mut Ui, gallery: &mut Gallery, actions: &mut Vec<GalleryAction>) {
    ui.vertical_centered(|ui| {
        ui.add_space(24.0);
        if gallery.listing.unread > 0 {
            ui.label("Looking through the folder…");
        } else if gallery.listing.query.is_empty() {
            ui.label("Your pictures appear here");
        } else {
            ui.label("No picture fits");
            if ui.add(Button::new("Show all")).clicked() {
                gallery.query = Query::default();
                actions.push(GalleryAction::Search(Query::default()));
            }
        }
    });
}
