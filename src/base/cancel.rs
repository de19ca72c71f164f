//! A flag that one thread raises and another looks at.
//!
//! Whoever starts a piece of work keeps a clone and may raise it from any thread; the work polls it wherever stopping
//! is cheap (between blocks of the UNet, between tiles of a decode) and winds up. It can't be lowered again: every
//! piece of work gets a token of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::stop::{Outcome, Stop};

/// Says whether a piece of work is still wanted. Clones share one flag.
#[derive(Clone, Debug, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// A token that nobody has raised yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the work to stop. Asking twice is asking once.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether someone has asked the work to stop: cheap enough for an inner loop.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Ends work that someone has asked to stop.
    ///
    /// # Errors
    /// Someone has.
    pub fn check(&self) -> Outcome<()> {
        if self.is_cancelled() { Err(Stop::Cancelled) } else { Ok(()) }
    }
}
