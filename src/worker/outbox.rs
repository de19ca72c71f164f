//! The worker's end of the events.

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::worker::protocol::Event;

/// Events that wait for who drains them: more than come in a frame's time.
const CAPACITY: usize = 64;

/// Tells events to whoever holds the handle, and to nobody once the handle is gone.
pub(super) struct Outbox {
    events: Sender<Event>,
    wake: Box<dyn Fn() + Send>,
}

impl Outbox {
    /// An outbox, and where its events arrive.
    pub(super) fn new(wake: impl Fn() + Send + 'static) -> (Self, Receiver<Event>) {
        let (events, receiver) = bounded(CAPACITY);
        (Self { events, wake: Box::new(wake) }, receiver)
    }

    /// Tells what must arrive: waits for room, as long as the handle is there.
    pub(super) fn tell(&self, event: Event) {
        let _ = self.events.send(event);
        self.wake();
    }

    /// Tells what is worth nothing when it is old: leaves it out where there is no room, so that a run never waits for
    /// who looks on.
    pub(super) fn tell_if_room(&self, event: Event) {
        let _ = self.events.try_send(event);
        self.wake();
    }

    /// Wakes who listens: there is something to look at.
    pub(super) fn wake(&self) {
        (self.wake)();
    }
}
