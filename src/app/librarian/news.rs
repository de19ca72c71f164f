//! What the librarian tells: pictures that fit a texture.

use std::path::PathBuf;
use std::sync::Arc;

use crate::app::librarian::difference::Difference;
use crate::base::error::Result;

/// What was opened.
#[derive(Clone, Debug)]
pub enum LibrarianNews {
    /// A thumbnail, or why there is none.
    Thumbnail {
        /// The picture's file.
        path: PathBuf,
        /// Its long side has at most [`crate::storage::gallery::thumbnails::SIDE`] pixels.
        image: Result<egui::ColorImage>,
    },
    /// A picture for the canvas or the painter, or why it can't be shown.
    Picture {
        /// Its file.
        path: PathBuf,
        /// Its pixels.
        image: Result<Arc<FittedPicture>>,
    },
    /// Two pictures to be compared, or why they can't be.
    Comparison {
        /// Their files.
        paths: [PathBuf; 2],
        /// The two and how they differ.
        comparison: Result<Arc<PictureComparison>>,
    },
}

/// A picture's pixels, made to fit a texture.
#[derive(Debug)]
pub struct FittedPicture {
    /// At most [`TEXTURE_SIDE`](crate::content::imaging::texture::TEXTURE_SIDE) pixels on a side.
    pub image: Arc<egui::ColorImage>,
    /// The picture's own width and height in pixels.
    pub size: [u32; 2],
    /// The safety checker's score, if it flagged the picture and the pixels are blurred for that.
    pub flagged: Option<f64>,
}

/// Two pictures and how they differ.
#[derive(Debug)]
pub struct PictureComparison {
    /// The two.
    pub pictures: [FittedPicture; 2],
    /// From the first to the second.
    pub difference: Difference,
}
