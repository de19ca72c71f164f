//! What a client asks of the session.

use crate::base::model_ref::ModelRef;
use crate::session::queue::{Key, Move};
use crate::worker::{JobId, Work};

/// Something to do. It takes effect at once; what takes time is begun.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "one is sent a click")]
pub enum Command {
    /// Draw this, and let the queue go on if it is paused.
    Draw {
        /// What draws it.
        model: ModelRef,
        /// What it is.
        work: Work,
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
    /// Start the worker anew if the preferences name another device, dtype or limit of memory. What is being drawn is drawn again.
    UseDevice,
}
