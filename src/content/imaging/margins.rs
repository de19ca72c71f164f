//! Margins around a picture, for outpainting.

use serde::{Deserialize, Serialize};

/// Pixels at the edges of a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Margins {
    /// At its left.
    pub left: usize,
    /// Above it.
    pub top: usize,
    /// At its right.
    pub right: usize,
    /// Below it.
    pub bottom: usize,
}

impl Margins {
    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// Width and height of a picture of this size with its margins.
    pub fn around(self, width: usize, height: usize) -> (usize, usize) {
        let sum = |before: usize, side: usize, after: usize| before.saturating_add(side).saturating_add(after);
        (sum(self.left, width, self.right), sum(self.top, height, self.bottom))
    }
}
