//! The service that keeps the folder of pictures in view, and the handle that commands it.
//!
//! The handle never waits: what it wants lies in slots where the newest wins, and what it orders goes into a bounded channel.
//! Dropping it ends the thread after what was ordered is done; a folder that doesn't answer is waited for no longer than a second.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Receiver;

use crate::base::error::{Error, Result};
use crate::base::sync::{Latest, Limits, Service, Wake};
use crate::session::gallery::keeper;
use crate::session::gallery::news::{GalleryNews, GalleryOrder, GalleryWishes};
use crate::storage::gallery::listing::Listing;
use crate::storage::gallery::search::Query;

/// More orders than a person gives while the folder doesn't answer.
const LIMITS: Limits = Limits { orders: 64, news: 64, patience: Duration::from_secs(1) };

/// The handle.
#[derive(Debug)]
pub(crate) struct GalleryDesk {
    wishes: GalleryWishes,
    service: Service<GalleryOrder, GalleryNews>,
    listing: Latest<Arc<Listing>>,
}

impl GalleryDesk {
    /// Starts the service, which keeps what can be made again in `cache`.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub(crate) fn spawn(cache: PathBuf, wake: Wake) -> Result<Self> {
        let (wishes, listing) = (GalleryWishes::default(), Latest::new());
        let (wanted, slot) = (wishes.clone(), listing.clone());
        let service =
            Service::spawn("burnisher-gallery", LIMITS, wake, move |orders: Receiver<GalleryOrder>, outbox| {
                keeper::run(&cache, &wanted, &slot, &orders, &outbox);
            })?;
        Ok(Self { wishes, service, listing })
    }

    /// Keeps this folder in view, in place of the present one.
    pub(crate) fn watch(&self, folder: PathBuf) {
        self.wishes.folder.put(folder);
        self.grant();
    }

    /// Shows only what fits, from the next listing on.
    pub(crate) fn search(&self, query: Query) {
        self.wishes.query.put(query);
        self.grant();
    }

    /// Looks at the folder at once, for who knows that it changed. It is noticed by itself within a second or so.
    pub(crate) fn look(&self) {
        // Where there is no room for it, the keeper looks by itself soon enough.
        let _ = self.service.send(GalleryOrder::Look);
    }

    /// Marks pictures of one folder as favourites, or takes their marks away.
    ///
    /// # Errors
    /// The folder doesn't answer, and much waits already.
    pub(crate) fn set_favourite(&self, pictures: Vec<PathBuf>, favourite: bool) -> Result<()> {
        self.order(GalleryOrder::Mark(pictures, favourite))
    }

    /// Moves pictures to the system's bin.
    ///
    /// # Errors
    /// The folder doesn't answer, and much waits already.
    pub(crate) fn delete(&self, pictures: Vec<PathBuf>) -> Result<()> {
        self.order(GalleryOrder::Delete(pictures))
    }

    /// Gets back what was deleted last.
    ///
    /// # Errors
    /// The folder doesn't answer, and much waits already.
    pub(crate) fn undo_delete(&self) -> Result<()> {
        self.order(GalleryOrder::UndoDelete)
    }

    /// The next of the news.
    pub(crate) fn news(&self) -> Option<GalleryNews> {
        self.service.news().or_else(|| self.listing.take().map(GalleryNews::Listing))
    }

    fn grant(&self) {
        // Where there is no room for it, the keeper has reason enough to look.
        let _ = self.service.send(GalleryOrder::Grant);
    }

    fn order(&self, order: GalleryOrder) -> Result<()> {
        self.service
            .send(order)
            .map_err(|_| Error::new("The gallery's folder doesn't answer").advise("Try again when it does"))
    }
}
