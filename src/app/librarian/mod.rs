//! The librarian: a service that opens pictures for the screen, and the handle that commands it: thumbnails, the picture on the canvas,
//! two to compare.
//!
//! The handle never waits: what it wants lies in slots where the newest wins, and what is opened is fetched with
//! [`Librarian::news`]. A folder that doesn't answer is waited for no longer than [`PATIENCE`] at the end.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Receiver;

use self::veil::Veil;
use crate::base::error::Result;
use crate::base::sync::{Latest, Limits, Service, Wake};

mod difference;
mod pictures;
#[cfg(test)]
mod tests;
mod veil;

pub use difference::Difference;

/// How long the end is waited for.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// One poke says as much as many; as many pictures wait as a frame can take in, as each becomes a texture.
const LIMITS: Limits = Limits { orders: 1, news: 8, patience: PATIENCE };

/// What was opened.
#[derive(Clone, Debug)]
pub enum News {
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
        image: Result<Arc<Opened>>,
    },
    /// Two pictures to be compared, or why they can't be.
    Comparison {
        /// Their files.
        paths: [PathBuf; 2],
        /// The two and how they differ.
        comparison: Result<Arc<Comparison>>,
    },
}

/// A picture's pixels, made to fit a texture.
#[derive(Debug)]
pub struct Opened {
    /// At most [`pictures::MAX_SIDE`] pixels on a side.
    pub image: Arc<egui::ColorImage>,
    /// The picture's own width and height in pixels.
    pub size: [u32; 2],
    /// The safety checker's score, if it flagged the picture and the pixels are blurred for that.
    pub flagged: Option<f64>,
}

/// Two pictures and how they differ.
#[derive(Debug)]
pub struct Comparison {
    /// The two.
    pub pictures: [Opened; 2],
    /// From the first to the second.
    pub difference: Difference,
}

/// What is to be opened; a newer wish replaces an older one.
#[derive(Clone, Default)]
struct Wishes {
    thumbnails: Latest<Vec<PathBuf>>,
    picture: Latest<PathBuf>,
    base: Latest<PathBuf>,
    comparison: Latest<[PathBuf; 2]>,
    veil: Veil,
}

/// The librarian, as the window holds it.
pub struct Librarian {
    wishes: Wishes,
    service: Service<(), News>,
}

/// Starts the librarian, who keeps what can be made again in `cache`. `wake` is called, on its thread, when there are news.
///
/// # Errors
/// The system has no thread to give.
pub fn spawn(cache: PathBuf, wake: Wake) -> Result<Librarian> {
    let wishes = Wishes::default();
    let wanted = wishes.clone();
    let service = Service::spawn("burnisher-pictures", LIMITS, wake, move |pokes: Receiver<()>, outbox| {
        pictures::run(&cache, &wanted, &pokes, &outbox);
    })?;
    Ok(Librarian { wishes, service })
}

impl Librarian {
    /// Wants thumbnails, the first first. What was wanted before and isn't made yet is forgotten.
    pub fn want_thumbnails(&mut self, pictures: Vec<PathBuf>) {
        self.wishes.thumbnails.put(pictures);
        self.open();
    }

    /// Wants a picture for the canvas. One that was wanted before and isn't opened yet is forgotten.
    pub fn want_picture(&mut self, picture: PathBuf) {
        self.wishes.picture.put(picture);
        self.open();
    }

    /// Shows a picture that the safety checker flagged as it is from now on.
    pub fn reveal(&mut self, picture: PathBuf) {
        self.wishes.veil.lift(picture.clone());
        self.want_picture(picture);
    }

    /// Wants the picture that a mask is painted on. One that was wanted before and isn't opened yet is forgotten.
    pub fn want_base(&mut self, picture: PathBuf) {
        self.wishes.base.put(picture);
        self.open();
    }

    /// Wants two pictures and how they differ. What was wanted before and isn't opened yet is forgotten.
    pub fn want_comparison(&mut self, pictures: [PathBuf; 2]) {
        self.wishes.comparison.put(pictures);
        self.open();
    }

    /// The next thing that was opened. To be called until there is nothing more, whenever the window was woken.
    pub fn news(&mut self) -> Option<News> {
        self.service.news()
    }

    fn open(&self) {
        // A full channel says the same.
        let _ = self.service.send(());
    }
}
