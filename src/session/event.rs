//! What the session tells its clients.

use serde::Serialize;

use crate::base::error::Error;
use crate::base::model_ref::HubId;
use crate::session::gallery::GalleryNews;
use crate::session::hub::HubAnswer;
use crate::session::library::LibraryNews;
use crate::worker::{self, JobId, Work};

/// Something that happened. What changed by it can be asked of the session.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::large_enum_variant, reason = "few are on their way at a time")]
pub enum SessionEvent {
    /// Something that the worker did.
    Worker(worker::Event),
    /// Work of the queue has begun.
    Started {
        /// The worker's name for it.
        id: JobId,
        /// What it is.
        work: Work,
    },
    /// What there is to tell of the folder of pictures.
    Gallery(GalleryNews),
    /// What the Hub answers.
    Hub(HubAnswer),
    /// A model is here now.
    Downloaded(HubId),
    /// What is found of the models on this computer.
    Library(LibraryNews),
    /// A notice to the user.
    Notice(String),
    /// Something failed.
    Failed(Error),
}
