//! Margins around a picture, for outpainting.

use serde::{Deserialize, Serialize};

/// How many pixels a picture is extended by at each side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Margins {
    /// On the left.
    pub left: usize,
    /// At the top.
    pub top: usize,
    /// On the right.
    pub right: usize,
    /// At the bottom.
    pub bottom: usize,
}

impl Margins {
    /// Tells whether all are 0.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// Computes the width and height of a picture of this size with its margins.
    pub fn around(self, width: usize, height: usize) -> (usize, usize) {
        let sum = |before: usize, side: usize, after: usize| before.saturating_add(side).saturating_add(after);
        (sum(self.left, width, self.right), sum(self.top, height, self.bottom))
    }
}
