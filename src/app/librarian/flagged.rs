//! Pictures that a model's safety checker flagged are shown blurred until the user wants to see them, in this session. The file
//! itself isn't changed: it says what the checker found.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use image::DynamicImage;
use image::imageops::FilterType;

use crate::content::request::SafetyMode;
use crate::storage::gallery::read_recipe;

/// Pixels that are left of the longer side: enough for the mood of a picture, and too few for what it shows.
const LEFT: u32 = 10;

/// Knows which pictures are flagged, and which of them the user wants to see all the same. Clones share it.
#[derive(Clone, Default)]
pub(super) struct FlaggedPictures(Arc<Mutex<HashSet<PathBuf>>>);

impl FlaggedPictures {
    /// Shows this picture from now on.
    pub(super) fn reveal(&self, picture: PathBuf) {
        self.revealed().insert(picture);
    }

    /// The checker's score of a picture that is to be shown blurred.
    pub(super) fn score(&self, picture: &Path) -> Option<f64> {
        // What can't be read has no verdict; the reader of its pixels says what is wrong.
        let recipe = read_recipe(picture).ok().flatten()?;
        let verdict = recipe.verdict.filter(|verdict| verdict.flagged)?;
        let is_black = recipe.request.finish.safety == SafetyMode::Block;
        (!is_black && !self.revealed().contains(picture)).then_some(verdict.score)
    }

    fn revealed(&self) -> MutexGuard<'_, HashSet<PathBuf>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A picture of which nothing but colours is left.
pub(super) fn blurred(picture: &DynamicImage) -> DynamicImage {
    let (width, height) = (picture.width(), picture.height());
    picture.resize(LEFT, LEFT, FilterType::Triangle).resize_exact(width, height, FilterType::CatmullRom)
}
