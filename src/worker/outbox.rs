//! The worker's end of the events.

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::worker::protocol::Event;

/// Events that wait for who drains them: more than come in a frame's time.
const CAPACITY: usize = 64;

/// Tells events to whoever holds the handle, and to nobody once the handle is gone.
pub(super) struct Outbox(Sender<Event>);

impl Outbox {
    /// An outbox, and where its events arrive.
    pub(super) fn new() -> (Self, Receiver<Event>) {
        let (sender, receiver) = bounded(CAPACITY);
        (Self(sender), receiver)
    }

    /// Tells what must arrive: waits for room, as long as the handle is there.
    pub(super) fn tell(&self, event: Event) {
        let _ = self.0.send(event);
    }

    /// Tells what is worth nothing when it is old: leaves it out where there is no room, so that a run never waits for
    /// who looks on.
    pub(super) fn tell_if_room(&self, event: Event) {
        let _ = self.0.try_send(event);
    }
}
