//! Growing, shrinking and feathering the mask: by how much, and what it would look like.

use super::mask::{Bitmap, Operation, Worked};

/// What is done by an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Adjust {
    Grow,
    Shrink,
    Feather,
}

/// An amount in the making, with what it would look like.
#[derive(Debug)]
pub(super) struct Adjusting {
    pub(super) kind: Adjust,
    /// Pixels.
    pub(super) amount: f64,
    /// What was asked for last.
    pub(super) id: u64,
    pub(super) seen: Option<Bitmap>,
}

impl Adjust {
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Grow => "Grow the mask by",
            Self::Shrink => "Shrink the mask by",
            Self::Feather => "Feather its edge by",
        }
    }

    pub(super) fn operation(self, amount: f64) -> Operation {
        match self {
            Self::Grow => Operation::Grow(amount as i32),
            Self::Shrink => Operation::Grow(-(amount as i32)),
            Self::Feather => Operation::Feather(amount),
        }
    }
}

impl Adjusting {
    /// Takes in how the mask would look.
    pub(super) fn hear(&mut self, worked: Worked) {
        if worked.id == self.id {
            self.seen = Some(worked.bitmap);
        }
    }
}
