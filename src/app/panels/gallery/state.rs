//! What the gallery knows.

use std::path::Path;
use std::sync::Arc;

use egui::Context;
use serde::{Deserialize, Serialize};

use crate::app::librarian::LibrarianNews;
use crate::app::panels::gallery::selection::Selection;
use crate::app::panels::gallery::textures::Textures;
use crate::base::error::Error;
use crate::session::GalleryNews;
use crate::storage::gallery::listing::Listing;
use crate::storage::gallery::search::Query;

/// The gallery's part of the window's gallery.
#[derive(Default)]
pub(crate) struct Gallery {
    /// What is remembered from one run to the next, once it is known.
    pub(super) view: Option<GalleryView>,
    pub(super) listing: Arc<Listing>,
    /// What the search box says.
    pub(super) query: Query,
    pub(super) selection: Selection,
    pub(super) textures: Textures,
    /// Why the folder isn't there.
    pub(super) gone: Option<Error>,
    /// How many pictures went to the bin last, until that is undone or dismissed.
    pub(super) deleted: usize,
    /// What gets the focus in the next frame.
    pub(super) focus: Option<Focus>,
    /// Whether the focus goes on to the picture that takes the place of the one that has it and is being deleted.
    pub(super) keeps_focus: bool,
    /// Whether one of its pictures had the keyboard in the last frame.
    pub(super) has_keys: bool,
}

/// Where the keyboard can be put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Focus {
    Search,
    /// The picture under the cursor, where it is.
    Picture,
    /// The same, scrolled into view.
    PictureInView,
}

/// How the pictures are shown.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct GalleryView {
    /// The side of a thumbnail in points.
    pub(super) side: f32,
    /// Whether the details are shown.
    pub(super) has_details: bool,
}

impl Default for GalleryView {
    fn default() -> Self {
        Self { side: 104.0, has_details: true }
    }
}

impl Gallery {
    /// Takes in what was opened for the gallery.
    pub(crate) fn hear(&mut self, ctx: &Context, news: &LibrarianNews) {
        match news {
            LibrarianNews::Thumbnail { path, image } => self.textures.put(ctx, path, image),
            LibrarianNews::Picture { .. } | LibrarianNews::Comparison { .. } => {}
        }
    }

    /// Takes in what there is to tell of the folder.
    pub(crate) fn hear_folder(&mut self, news: &GalleryNews) {
        match news {
            GalleryNews::Listing(listing) => {
                self.selection.follow(&listing.items);
                if std::mem::take(&mut self.keeps_focus) {
                    self.focus = Some(Focus::PictureInView);
                }
                self.listing = Arc::clone(listing);
            }
            GalleryNews::Deleted { paths } => self.deleted = paths.len(),
            GalleryNews::Restored { .. } => self.deleted = 0,
            GalleryNews::FolderGone(error) => self.gone = Some(error.clone()),
            GalleryNews::FolderBack => {
                self.gone = None;
                self.textures.forget_failures();
            }
            GalleryNews::Failed(_) => {}
        }
    }

    /// Has a picture's thumbnail made anew.
    pub(crate) fn forget_thumbnail(&mut self, path: &Path) {
        self.textures.forget(path);
    }

    /// Whether the keyboard is with its pictures.
    pub(crate) fn has_keys(&self) -> bool {
        self.has_keys
    }
}
