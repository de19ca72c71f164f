//! The watch over the worker's GPU: work on a device that was lost may wait for it for ever, and then somebody else has to say so.
//!
//! It looks once a second, and only while the worker has something to do.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};

use crate::base::error::Error;
use crate::base::sync::{Limits, Outbox};

/// From one look to the next.
const LOOK: Duration = Duration::from_secs(1);

/// Looks at a lost device before it is told: a worker that isn't stuck says so itself meanwhile, and goes on with another one.
const LOOKS: usize = 4;

/// One poke says as much as many; the thread looks and doesn't wait.
pub(super) const LIMITS: Limits = Limits { orders: 1, news: 1, patience: LOOK };

/// Watches until the channel of pokes is gone, or tells once that the device is lost and the worker stuck. `pending` counts the
/// commands that the worker hasn't ended, and a poke says that there is one more.
pub(super) fn watch(pokes: &Receiver<()>, outbox: &Outbox<()>, pending: &AtomicUsize, is_lost: impl Fn() -> bool) {
    while pokes.recv().is_ok() {
        let mut seen = 0;
        while pending.load(Ordering::Acquire) > 0 {
            if pokes.recv_timeout(LOOK) == Err(RecvTimeoutError::Disconnected) {
                return;
            }
            seen = if is_lost() { seen + 1 } else { 0 };
            if seen == LOOKS {
                outbox.tell(());
                return;
            }
        }
    }
}

/// The error of work whose GPU was lost.
pub(super) fn lost() -> Error {
    Error::new("The GPU was lost: its driver crashed, or it was reset").advise(
        "Try again: it is opened anew. If it happens again, take a smaller size or a newer driver; the device cpu always works",
    )
}
