//! What serves a session beside the worker: the journal, and the services for pictures, the Hub and models.

use crate::session::gallery::GalleryDesk;
use crate::session::hub::HubDesk;
use crate::session::journal::Journal;
use crate::session::library::LibraryDesk;

/// What serves a session beside the worker.
pub(super) struct Desks {
    pub(super) journal: Journal,
    pub(super) gallery: GalleryDesk,
    pub(super) hub: HubDesk,
    pub(super) library: LibraryDesk,
}
