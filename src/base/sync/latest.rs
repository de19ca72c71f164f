//! A cell that holds one value: whoever writes replaces it, whoever reads takes it.
//!
//! For pictures, where only the newest counts: a writer never waits for a reader, and nothing piles up.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A one-slot cell in which the newest value wins. Clones share the slot.
#[derive(Debug)]
pub struct Latest<T>(Arc<Mutex<Option<T>>>);

impl<T> Latest<T> {
    /// An empty cell.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(None)))
    }

    /// Puts a value in; one that nobody took is gone.
    pub fn put(&self, value: T) {
        *self.slot() = Some(value);
    }

    /// Takes the value out, if there is one.
    pub fn take(&self) -> Option<T> {
        self.slot().take()
    }

    /// Whether the last value was taken: the time to make another.
    pub fn is_empty(&self) -> bool {
        self.slot().is_none()
    }

    /// A value is put or taken in one move, so one left by a thread that panicked is whole.
    fn slot(&self) -> MutexGuard<'_, Option<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Clone for Latest<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_value_wins_and_is_taken_once() {
        let writer = Latest::new();
        let reader = writer.clone();
        assert!(reader.is_empty());
        writer.put(1);
        writer.put(2);
        assert!(!writer.is_empty());
        assert_eq!((reader.take(), reader.take()), (Some(2), None));
    }
}
