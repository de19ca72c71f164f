//! What changes the queue.

use crate::session::{Key, Move};

/// See [`super::Action::Queue`].
#[derive(Clone, Copy, Debug)]
pub(crate) enum QueueAction {
    /// Adds what the form says.
    Generate {
        /// Before everything that waits, or after it.
        first: bool,
    },
    /// Stops the picture that is being drawn.
    Stop {
        /// Whether the others of its generation go, too.
        others_too: bool,
    },
    /// Stops all of it, and asks whether to empty the queue.
    StopAll,
    /// Goes on with what was left waiting.
    Resume,
    /// Takes one out.
    Remove(Key),
    /// Moves one.
    Move(Key, Move),
    /// Tries one again that failed.
    TryAgain(Key),
    /// Draws one from the start that is half done.
    StartOver(Key),
    /// Empties the queue.
    Clear,
}
