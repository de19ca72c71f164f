//! What serves a session beside the worker: the journal, and the services for pictures, the Hub and models.

use std::time::Duration;

use crate::session::gallery::GalleryDesk;
use crate::session::hub::HubDesk;
use crate::session::journal::Journal;
use crate::session::library::LibraryDesk;
use crate::worker::RunKeeper;

/// What serves a session beside the worker.
pub(super) struct Desks {
    pub(super) journal: Journal,
    pub(super) gallery: GalleryDesk,
    pub(super) hub: HubDesk,
    pub(super) library: LibraryDesk,
    /// Keeps the picture in the making. It goes after the journal, which has written then which pictures are done.
    pub(super) runs: RunKeeper,
    /// The least time from one state of it to the next.
    pub(super) keep_every: Duration,
}
