//! The librarian: two named threads that do what the gallery needs of the disk, and the handle that commands them.
//!
//! One keeps the folder in view: lists, searches, marks, deletes, gets back. The other opens pictures: thumbnails, the
//! one on the canvas, two to compare. The handle never waits: what it wants lies in slots where the newest wins, what
//! it orders goes into a bounded channel, and what they have to tell is fetched with [`Librarian::news`]. The window is
//! woken when there is something to tell and at no other time.
//!
//! Dropping the handle ends the threads after what was ordered is done; a folder that doesn't answer is waited for no
//! longer than [`PATIENCE`].

use std::collections::VecDeque;
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded, never};

use self::veil::Veil;
use crate::base::error::{Error, Result};
use crate::base::sync::Latest;
use crate::storage::gallery::listing::Listing;
use crate::storage::gallery::search::Query;

mod difference;
mod keeper;
mod pictures;
#[cfg(test)]
mod tests;
mod veil;

pub use difference::Difference;

/// Orders that may wait while the folder doesn't answer.
const ORDERS: usize = 64;

/// News that wait for who fetches them.
const NEWS: usize = 64;

/// Pictures that wait: as many as a frame can take in, as each becomes a texture.
const IMAGES: usize = 8;

/// How long the end is waited for.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// What the librarian has to tell.
#[derive(Clone, Debug)]
pub enum News {
    /// What there is to show of the folder.
    Listing(Arc<Listing>),
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
    /// Pictures are in the bin now; [`Librarian::undo_delete`] gets them back.
    Deleted {
        /// Where they were.
        paths: Vec<PathBuf>,
    },
    /// Pictures are back from the bin.
    Restored {
        /// Where they are.
        paths: Vec<PathBuf>,
    },
    /// Something that was ordered couldn't be done.
    Failed(Error),
    /// The folder can't be listed any more, and why. The last listing stays.
    FolderGone(Error),
    /// The folder can be listed again.
    FolderBack,
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

/// What the threads are to look at; a newer wish replaces an older one.
#[derive(Clone, Default)]
struct Wishes {
    folder: Latest<PathBuf>,
    query: Latest<Query>,
    thumbnails: Latest<Vec<PathBuf>>,
    picture: Latest<PathBuf>,
    base: Latest<PathBuf>,
    comparison: Latest<[PathBuf; 2]>,
    veil: Veil,
}

/// What the keeper is to do, in order.
enum Order {
    /// Look at the wishes.
    Grant,
    /// Look at the folder.
    Look,
    Mark(Vec<PathBuf>, bool),
    Delete(Vec<PathBuf>),
    UndoDelete,
}

/// Where a thread's news go.
#[derive(Clone)]
struct Outbox {
    news: Sender<News>,
    listing: Latest<Arc<Listing>>,
    wake: Arc<dyn Fn() + Send + Sync>,
    /// Gone when every thread is.
    _alive: Sender<Infallible>,
}

impl Outbox {
    /// Waits for room. Returns whether anyone is there to hear it.
    fn tell(&self, news: News) -> bool {
        let heard = self.news.send(news).is_ok();
        (self.wake)();
        heard
    }

    /// Replaces a listing that nobody fetched.
    fn tell_listing(&self, listing: Listing) {
        self.listing.put(Arc::new(listing));
        (self.wake)();
    }
}

/// The librarian, as the window holds it.
pub struct Librarian {
    wishes: Wishes,
    orders: Sender<Order>,
    openings: Sender<()>,
    facts: Receiver<News>,
    images: Receiver<News>,
    listing: Latest<Arc<Listing>>,
    /// What the handle itself has to tell.
    own: VecDeque<News>,
    alive: Receiver<Infallible>,
}

/// Starts the librarian, who keeps what can be made again in `cache`. `wake` is called, on any thread, when there are
/// news.
///
/// # Errors
/// The system has no threads to give.
pub fn spawn(cache: PathBuf, wake: impl Fn() + Send + Sync + 'static) -> Result<Librarian> {
    let wishes = Wishes::default();
    let (orders, obeyed) = bounded(ORDERS);
    let (openings, opened) = bounded(1);
    let (told_facts, facts) = bounded(NEWS);
    let (told_images, images) = bounded(IMAGES);
    let (held, alive) = bounded(0);
    let listing = Latest::new();
    let outbox = Outbox { news: told_facts, listing: listing.clone(), wake: Arc::new(wake), _alive: held };
    let other = Outbox { news: told_images, ..outbox.clone() };
    let failed = |cause| Error::new("the gallery's threads can't be started").caused_by(cause);
    let (wanted, kept) = (wishes.clone(), cache.clone());
    thread::Builder::new()
        .name("burnisher-librarian".to_owned())
        .spawn(move || keeper::run(&kept, &wanted, &obeyed, &outbox))
        .map_err(failed)?;
    let wanted = wishes.clone();
    thread::Builder::new()
        .name("burnisher-thumbnails".to_owned())
        .spawn(move || pictures::run(&cache, &wanted, &opened, &other))
        .map_err(failed)?;
    Ok(Librarian { wishes, orders, openings, facts, images, listing, own: VecDeque::new(), alive })
}

impl Librarian {
    /// Keeps this folder in view, in place of the present one.
    pub fn watch(&mut self, folder: PathBuf) {
        self.wishes.folder.put(folder);
        self.grant();
    }

    /// Shows only what fits, from the next listing on.
    pub fn search(&mut self, query: Query) {
        self.wishes.query.put(query);
        self.grant();
    }

    /// Looks at the folder at once, for who knows that it changed. It is noticed by itself within a second or so.
    pub fn look(&mut self) {
        // Where there is no room for it, the keeper looks by itself soon enough.
        let _ = self.orders.try_send(Order::Look);
    }

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

    /// Marks pictures of one folder as favourites, or takes their marks away.
    pub fn set_favourite(&mut self, pictures: Vec<PathBuf>, favourite: bool) {
        self.order(Order::Mark(pictures, favourite));
    }

    /// Moves pictures to the system's bin.
    pub fn delete(&mut self, pictures: Vec<PathBuf>) {
        self.order(Order::Delete(pictures));
    }

    /// Gets back what was deleted last.
    pub fn undo_delete(&mut self) {
        self.order(Order::UndoDelete);
    }

    /// The next thing there is to tell. To be called until there is nothing more, whenever the window was woken.
    pub fn news(&mut self) -> Option<News> {
        let fact = self.own.pop_front().or_else(|| self.facts.try_recv().ok());
        fact.or_else(|| self.listing.take().map(News::Listing)).or_else(|| self.images.try_recv().ok())
    }

    fn grant(&self) {
        // Where there is no room for it, the keeper has reason enough to look.
        let _ = self.orders.try_send(Order::Grant);
    }

    fn open(&self) {
        // A full channel says the same.
        let _ = self.openings.try_send(());
    }

    fn order(&mut self, order: Order) {
        match self.orders.try_send(order) {
            Err(TrySendError::Full(_)) if self.own.is_empty() => {
                let error = Error::new("the gallery's folder doesn't answer").advise("Try again when it does");
                self.own.push_back(News::Failed(error));
            }
            Ok(()) | Err(_) => {}
        }
    }
}

impl Drop for Librarian {
    fn drop(&mut self) {
        // With the other ends gone, the threads wait neither for orders nor for room.
        self.orders = bounded(0).0;
        self.openings = bounded(0).0;
        self.facts = never();
        self.images = never();
        let _ = self.alive.recv_timeout(PATIENCE);
    }
}
