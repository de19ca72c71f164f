//! A low-rank change of a layer's weight (Hu et al., "LoRA", 2021).

use burn::tensor::Tensor;

/// Adds `scale * weight * (up x down)` to a layer's weight, without being merged into it.
///
/// Both factors are in the order of the files: `down` `[rank, inputs]`, `up` `[outputs, rank]`; the inputs of a convolution are
/// its channels times the area of its kernel. They have the layer's device and number format.
#[derive(Clone, Debug)]
pub struct Adapter {
    down: Tensor<2>,
    up: Tensor<2>,
    scale: f64,
    weight: f64,
}

impl Adapter {
    /// An adapter of weight 1. `scale` is what it was trained with, usually alpha divided by the rank.
    pub fn new(down: Tensor<2>, up: Tensor<2>, scale: f64) -> Self {
        Self { down, up, scale, weight: 1.0 }
    }

    /// Sets how much of it the user wants: 1 for all, 0 for nothing.
    #[must_use]
    pub fn with_weight(self, weight: f64) -> Self {
        Self { weight, ..self }
    }

    /// The factor of the product: 0 leaves the layer as it is, to the bit.
    pub(super) fn strength(&self) -> f64 {
        self.scale * self.weight
    }

    pub(super) fn rank(&self) -> usize {
        self.down.dims()[0]
    }

    pub(super) fn down(&self) -> Tensor<2> {
        self.down.clone()
    }

    pub(super) fn up(&self) -> Tensor<2> {
        self.up.clone()
    }

    /// What is added to the weight, `[outputs, inputs]`.
    pub(super) fn change(&self) -> Tensor<2> {
        self.up().matmul(self.down()) * self.strength()
    }
}
