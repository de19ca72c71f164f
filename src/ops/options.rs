//! What operations are told besides what they work on.

use burn::tensor::Tensor;

/// Zeros around a picture, in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Padding {
    /// Rows above.
    pub top: usize,
    /// Columns to the left.
    pub left: usize,
    /// Rows below.
    pub bottom: usize,
    /// Columns to the right.
    pub right: usize,
}

impl Padding {
    /// As many on every side.
    pub fn all(pixels: usize) -> Self {
        Self { top: pixels, left: pixels, bottom: pixels, right: pixels }
    }
}

/// What is added to the output of a convolution, in the same pass where there is one.
#[derive(Clone, Debug, Default)]
pub struct Epilogue {
    /// A number for each channel, `[batch or 1, outputs, 1, 1]`.
    pub shift: Option<Tensor<4>>,
    /// A map of the output's shape.
    pub residual: Option<Tensor<4>>,
}

impl Epilogue {
    /// Adds it to the output.
    pub(super) fn add_to(self, y: Tensor<4>) -> Tensor<4> {
        [self.shift, self.residual].into_iter().flatten().fold(y, |y, added| y + added)
    }
}

/// What follows a norm, done in the same pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// The norm alone.
    Nothing,
    /// The SiLU of the result.
    Silu,
}

/// Which keys a query may attend to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttentionMask {
    /// All of them.
    None,
    /// Those at or before the query's own position.
    Causal,
}
