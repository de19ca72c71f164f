//! The gallery in the window: search, thumbnails, what is known of a picture, and comparing two.
//!
//! What it shows comes from the librarian; what the user wants done goes back as [`GalleryAction`]s. It holds no
//! picture but the thumbnails in view and the two that are compared.

use std::path::PathBuf;
use std::sync::Arc;

use egui::{Button, Context, Id, Panel, Slider, TextEdit, Ui, vec2};

use crate::app::gallery::compare::Compared;
use crate::app::gallery::details::Look;
use crate::app::gallery::selection::Selection;
use crate::app::gallery::textures::Textures;
use crate::app::librarian::{Librarian, News};
use crate::checkpoint::ModelRef;
use crate::error::Error;
use crate::gallery::listing::Listing;
use crate::gallery::search::Query;
use crate::settings::{Draft, Patch};

pub mod compare;
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

/// Thumbnails as small and as large as they are useful, in points.
const SIDES: std::ops::RangeInclusive<f32> = 64.0..=256.0;

/// The width of the button that clears the search, in points.
const CLEAR_WIDTH: f32 = 52.0;

/// From this width on, in points, the details stand beside the pictures and not below.
const WIDE: f32 = 560.0;

/// What the user wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum GalleryAction {
    /// Show a picture on the canvas.
    Show(PathBuf),
    /// Take settings over. The user has seen what they change.
    Reuse(Box<Patch>),
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

/// The form as it stands, to say what taking settings over would change.
#[derive(Clone, Copy, Debug)]
pub struct Form<'a> {
    /// Its fields.
    pub draft: &'a Draft,
    /// The model in use.
    pub model: &'a ModelRef,
}

/// The gallery's part of the window's state.
pub struct GalleryState {
    /// The side of a thumbnail in points.
    pub thumbnail_side: f32,
    /// Whether the details are shown.
    pub details_open: bool,
    listing: Arc<Listing>,
    /// What the search box says.
    query: Query,
    selection: Selection,
    textures: Textures,
    look: Option<Look>,
    compared: Option<Compared>,
    /// Why the folder isn't there.
    gone: Option<Error>,
    /// How many pictures went to the bin last, until that is undone or dismissed.
    deleted: usize,
    /// What gets the focus in the next frame.
    focus: Option<Focus>,
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

impl Default for GalleryState {
    fn default() -> Self {
        Self {
            thumbnail_side: 112.0,
            details_open: true,
            listing: Arc::default(),
            query: Query::default(),
            selection: Selection::default(),
            textures: Textures::default(),
            look: None,
            compared: None,
            gone: None,
            deleted: 0,
            focus: None,
        }
    }
}

impl GalleryState {
    /// What there is to show.
    pub fn listing(&self) -> &Arc<Listing> {
        &self.listing
    }

    /// Puts the keyboard into the search box.
    pub fn focus_search(&mut self) {
        self.focus = Some(Focus::Search);
    }

    /// Puts the keyboard on the pictures.
    pub fn focus_pictures(&mut self) {
        self.focus = Some(Focus::PictureInView);
    }

    /// Takes in what concerns the gallery; the rest comes back.
    pub fn hear(&mut self, ctx: &Context, news: News) -> Option<News> {
        match news {
            News::Listing(listing) => {
                self.selection.follow(&listing.items);
                self.listing = listing;
            }
            News::Thumbnail { path, image } => self.textures.put(ctx, path, image),
            News::Comparison { paths, comparison } => {
                if let Some(compared) = &mut self.compared {
                    compared.put(ctx, &paths, comparison);
                }
            }
            News::Deleted { paths } => self.deleted = paths.len(),
            News::Restored { .. } => self.deleted = 0,
            News::FolderGone(error) => self.gone = Some(error),
            News::FolderBack => self.gone = None,
            News::Picture { .. } | News::Failed(_) => return Some(news),
        }
        None
    }

    /// Begins to compare two pictures; [`compare::ui`] shows them.
    pub fn compare(&mut self, pictures: [PathBuf; 2], librarian: &mut Librarian) {
        librarian.want_comparison(pictures.clone());
        self.compared = Some(Compared::new(pictures));
    }

    /// Whether two pictures are being compared.
    pub fn is_comparing(&self) -> bool {
        self.compared.is_some()
    }
}

/// The gallery's panel. Returns what the user wants done.
pub fn ui(ui: &mut Ui, state: &mut GalleryState, librarian: &mut Librarian, form: &Form<'_>) -> Vec<GalleryAction> {
    let mut actions = Vec::new();
    notices_ui(ui, state, &mut actions);
    let before = state.query.clone();
    search_ui(ui, state);
    if state.query != before {
        librarian.search(state.query.clone());
    }
    if state.details_open {
        let panel = if ui.available_width() >= WIDE {
            Panel::right("gallery_details").default_size(260.0).min_size(180.0)
        } else {
            Panel::bottom("gallery_details_below").default_size(220.0).min_size(80.0)
        };
        panel.show(ui, |ui| details::ui(ui, state, form, &mut actions));
    }
    if state.listing.items.is_empty() {
        state.focus = None;
        empty_ui(ui, state, librarian);
    } else {
        grid::ui(ui, state, librarian, &mut actions);
    }
    actions
}

/// What has to be known before anything else.
fn notices_ui(ui: &mut Ui, state: &mut GalleryState, actions: &mut Vec<GalleryAction>) {
    if let Some(error) = &state.gone {
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
    if state.deleted > 0 {
        ui.horizontal_wrapped(|ui| {
            ui.label(format!("{} in the bin", describe::counted(state.deleted as u64, "picture")));
            if ui.button("Undo").on_hover_text("Get back what was deleted last").clicked() {
                actions.push(GalleryAction::UndoDelete);
            }
            if ui.button("Dismiss").clicked() {
                state.deleted = 0;
            }
        });
    }
}

fn search_ui(ui: &mut Ui, state: &mut GalleryState) {
    ui.horizontal(|ui| {
        let has_words = !state.query.words.is_empty();
        let room = if has_words { CLEAR_WIDTH + ui.spacing().item_spacing.x } else { 0.0 };
        let edit = TextEdit::singleline(&mut state.query.words)
            .id(Id::unique("gallery_search"))
            .hint_text("Search prompts, models, samplers")
            .desired_width((ui.available_width() - room).max(40.0));
        let response = ui.add(edit).accessible_name("Search pictures");
        if state.focus.take_if(|focus| *focus == Focus::Search).is_some() {
            response.request_focus();
        }
        if has_words && ui.add(Button::new("Clear").min_size(vec2(CLEAR_WIDTH, 0.0))).clicked() {
            state.query.words.clear();
            response.request_focus();
        }
    });
    ui.horizontal_wrapped(|ui| {
        ui.checkbox(&mut state.query.favourites_only, "Favourites").on_hover_text("Show only favourites");
        ui.checkbox(&mut state.details_open, "Details").on_hover_text("Show how the chosen picture was made");
        ui.spacing_mut().slider_width = 72.0;
        ui.add(Slider::new(&mut state.thumbnail_side, SIDES).show_value(false))
            .on_hover_text("Size of the thumbnails")
            .accessible_name("Thumbnail size");
        ui.weak(count(&state.listing));
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
fn empty_ui(ui: &mut Ui, state: &mut GalleryState, librarian: &mut Librarian) {
    ui.vertical_centered(|ui| {
        ui.add_space(24.0);
        if state.listing.unread > 0 {
            ui.label("Looking through the folder…");
        } else if state.listing.query.is_empty() {
            ui.label("Your pictures appear here");
        } else {
            ui.label("No picture fits");
            if ui.add(Button::new("Show all")).clicked() {
                state.query = Query::default();
                librarian.search(Query::default());
            }
        }
    });
}
