//! The handle of the librarian, as the window holds it.

use std::path::PathBuf;
use std::time::Duration;

use crossbeam_channel::Receiver;

use crate::app::librarian::news::LibrarianNews;
use crate::app::librarian::pictures;
use crate::app::librarian::wishes::Wishes;
use crate::base::error::Result;
use crate::base::sync::{Limits, Service, Wake};

/// How long the end is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// One poke says as much as many; as many pictures wait as a frame can take in, as each becomes a texture.
const LIMITS: Limits = Limits { orders: 1, news: 8, patience: PATIENCE };

/// The librarian.
pub struct Librarian {
    wishes: Wishes,
    service: Service<(), LibrarianNews>,
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
        self.wishes.flagged.reveal(picture.clone());
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
    pub fn news(&mut self) -> Option<LibrarianNews> {
        self.service.news()
    }

    fn open(&self) {
        // A full channel says the same.
        let _ = self.service.send(());
    }
}
