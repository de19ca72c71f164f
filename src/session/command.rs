//! What a client asks of the session.

use std::path::PathBuf;

use crate::base::model_ref::{HubId, ModelRef};
use crate::session::hub::HubQuestion;
use crate::session::queue::{Key, Move};
use crate::storage::gallery::search::Query;
use crate::storage::hub::Offer;
use crate::storage::library::LibraryItem;
use crate::worker::{JobId, Output, Work};

/// Something to do. It takes effect at once; what takes time is begun.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "one is sent a click")]
pub enum SessionCommand {
    /// Draw this, and let the queue go on if it is paused.
    Draw {
        /// What draws it.
        model: ModelRef,
        /// What it is.
        work: Work,
        /// What it gives; `None` for what the preferences say when its turn comes.
        output: Option<Output>,
        /// Whether it comes before everything that waits.
        is_first: bool,
    },
    /// Let the queue go on.
    Resume,
    /// End the picture that is being drawn. The others of its generation come next.
    StopPicture,
    /// End everything that is being drawn.
    StopGeneration,
    /// Take one out that waits.
    Remove(Key),
    /// Move one that waits.
    Move(Key, Move),
    /// Try one again that failed.
    TryAgain(Key),
    /// Draw the next picture of one that waits from the start, although some of its steps are done, and let the queue go on.
    StartOver(Key),
    /// Empty what waits.
    Clear,
    /// Load this model, and draw with it from now on. What waits keeps the model that it was asked of.
    UseModel(ModelRef),
    /// Stop loading a model.
    StopLoading,
    /// Give the memory of the model back. The next picture loads it again.
    Unload,
    /// Show what the last picture looked like after a step. A newer wish replaces one that isn't granted yet.
    LookBack {
        /// The job that drew it.
        id: JobId,
        /// Counted from 1.
        step: usize,
    },
    /// Keep this folder of pictures in view, in place of the present one.
    Watch(PathBuf),
    /// Show only the pictures that fit.
    Search(Query),
    /// Mark pictures of one folder as favourites, or take their marks away.
    SetFavourite(Vec<PathBuf>, bool),
    /// Move pictures to the system's bin.
    Delete(Vec<PathBuf>),
    /// Get back what was deleted last.
    UndoDelete,
    /// Ask the Hub. A search or a look makes the last one pointless.
    AskHub(HubQuestion),
    /// Fetch what the Hub offers, after the downloads that wait.
    Download(Box<Offer>),
    /// Hold a download up.
    PauseDownload(HubId),
    /// Go on with a download that was paused, or failed.
    ResumeDownload(HubId),
    /// Take a download off the list. What has come of it is kept.
    RemoveDownload(HubId),
    /// Look for models on this computer, in place of the work on them that goes on.
    Scan,
    /// Find files with the same content among those of these models.
    FindDuplicates(Vec<LibraryItem>),
    /// Compare a model with its checksums.
    Verify(Box<LibraryItem>),
    /// Stop looking for models, or comparing them.
    StopLibrary,
    /// Start the worker anew if the preferences name another device, dtype or limit of memory. What is being drawn is drawn again.
    UseDevice,
}
