//! What a control network adds between the layers of a UNet (Diffusers' `down_block_additional_residuals`).

use burn::tensor::Tensor;

use crate::ops;

/// Tensors that are added between the layers of a UNet, of the shapes that stand there; none by default.
#[derive(Clone, Debug, Default)]
pub struct Residuals {
    /// One for each skip connection, in the order of the down blocks; empty for none.
    pub down: Vec<Tensor<4>>,
    /// For what the middle gives.
    pub mid: Option<Tensor<4>>,
}

impl Residuals {
    /// Adds to the skip connections what belongs to them.
    pub(super) fn add_to_skips(&self, skips: &mut [Tensor<4>]) {
        for (skip, residual) in skips.iter_mut().zip(&self.down) {
            *skip = ops::add(skip.clone(), residual.clone().cast(skip.dtype()));
        }
    }

    /// Adds to what the middle gives.
    pub(super) fn add_to_mid(&self, x: Tensor<4>) -> Tensor<4> {
        match &self.mid {
            Some(residual) => {
                let dtype = x.dtype();
                ops::add(x, residual.clone().cast(dtype))
            }
            None => x,
        }
    }
}
