//! The gallery in the window: search, thumbnails, what is known of a picture, and comparing two.
//!
//! What it shows comes from the librarian; what the user wants done goes back as [`GalleryAction`]s. It holds no
//! picture but the thumbnails in view and the two that are compared.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use egui::{Button, Context, Id, Key, Panel, Slider, TextEdit, Ui, vec2};
use serde::{Deserialize, Serialize};

pub(crate) use describe::bytes;

use crate::app::apply::Action;
use crate::app::librarian::{Librarian, News};
use crate::app::panels::gallery::selection::Selection;
use crate::app::panels::gallery::textures::Textures;
use crate::app::stage::compare::Compared;
use crate::base::error::Error;
use crate::settings::Patch;
use crate::storage::gallery::listing::Listing;
use crate::storage::gallery::search::Query;

mod act;
mod describe;
mod details;
mod grid;
mod selection;
mod signs;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod textures;
pub(crate) mod zoom;

/// Thumbnails as small and as large as they are useful, in points.
const SIDES: std::ops::RangeInclusive<f32> = 64.0..=256.0;

/// The width of the button that clears the search, in points.
const CLEAR_WIDTH: f32 = 52.0;

/// From this width on, in points, the details stand beside the pictures and not below.
const WIDE: f32 = 560.0;

/// What the user wants done.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum GalleryAction {
    /// Show a picture on the canvas.
    Show {
        /// Its file.
        path: PathBuf,
        /// What it is called when it is read out.
        name: String,
    },
    /// Take settings over, after a look at what they change.
    Reuse {
        /// What is taken over, in words.
        title: String,
        /// The settings.
        patch: Box<Patch>,
    },
    /// Read what another app wrote into a picture.
    Import(PathBuf),
    /// Begin with a picture.
    BeginWith(PathBuf),
    /// Put a picture on the clipboard.
    CopyPicture(PathBuf),
    /// Put a text on the clipboard.
    CopyText(String),
    /// Save a copy of a picture.
    SaveAs(PathBuf),
    /// Show a picture's file in the system's file manager.
    OpenFolder(PathBuf),
    /// Compare two pictures.
    Compare([PathBuf; 2]),
    /// Mark pictures as favourites, or take the marks away.
    SetFavourite(Vec<PathBuf>, bool),
    /// Move pictures to the bin.
    Delete(Vec<PathBuf>),
    /// Get back what was deleted last.
    UndoDelete,
}

/// The gallery's part of the window's gallery.
#[derive(Default)]
pub(crate) struct Gallery {
    /// What is remembered from one run to the next, once it is known.
    view: Option<View>,
    listing: Arc<Listing>,
    /// What the search box says.
    query: Query,
    selection: Selection,
    textures: Textures,
    pub(crate) compared: Option<Compared>,
    /// Why the folder isn't there.
    gone: Option<Error>,
    /// How many pictures went to the bin last, until that is undone or dismissed.
    deleted: usize,
    /// What gets the focus in the next frame.
    focus: Option<Focus>,
    /// Whether the focus goes on to the picture that takes the place of the one that has it and is being deleted.
    keeps_focus: bool,
    /// Whether one of its pictures had the keyboard in the last frame.
    has_keys: bool,
}

/// Where the keyboard can be put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Focus {
    Search,
    /// The picture under the cursor, where it is.
    Picture,
    /// The same, scrolled into view.
    PictureInView,
}

/// How the pictures are shown.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct View {
    /// The side of a thumbnail in points.
    side: f32,
    /// Whether the details are shown.
    has_details: bool,
}

impl Default for View {
    fn default() -> Self {
        Self { side: 104.0, has_details: true }
    }
}

impl Gallery {
    /// Takes in what concerns the gallery.
    pub(crate) fn hear(&mut self, ctx: &Context, news: &News) {
        match news {
            News::Listing(listing) => {
                self.selection.follow(&listing.items);
                if std::mem::take(&mut self.keeps_focus) {
                    self.focus = Some(Focus::PictureInView);
                }
                self.listing = Arc::clone(listing);
            }
            News::Thumbnail { path, image } => self.textures.put(ctx, path, image),
            News::Comparison { paths, comparison } => {
                if let Some(compared) = &mut self.compared {
                    compared.put(ctx, paths, comparison);
                }
            }
            News::Deleted { paths } => self.deleted = paths.len(),
            News::Restored { .. } => self.deleted = 0,
            News::FolderGone(error) => self.gone = Some(error.clone()),
            News::FolderBack => {
                self.gone = None;
                self.textures.forget_failures();
            }
            News::Picture { .. } | News::Failed(_) => {}
        }
    }

    /// Has a picture's thumbnail made anew.
    pub(crate) fn forget_thumbnail(&mut self, path: &Path) {
        self.textures.forget(path);
    }

    /// Whether two pictures are being compared: [`compare::ui`] shows them.
    pub(crate) fn is_comparing(&self) -> bool {
        self.compared.is_some()
    }

    /// Whether the keyboard is with its pictures.
    pub(crate) fn has_keys(&self) -> bool {
        self.has_keys
    }

    /// Shows the canvas again.
    pub(crate) fn stop_comparing(&mut self) {
        self.compared = None;
    }
}

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

fn pictures_ui(
    ui: &mut Ui,
    gallery: &mut Gallery,
    view: &mut View,
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
        librarian.search(gallery.query.clone());
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
        empty_ui(ui, gallery, librarian);
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

fn search_ui(ui: &mut Ui, gallery: &mut Gallery, view: &mut View) {
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
fn empty_ui(ui: &mut Ui, gallery: &mut Gallery, librarian: &mut Librarian) {
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
                librarian.search(Query::default());
            }
        }
    });
}
