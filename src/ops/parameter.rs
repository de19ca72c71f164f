//! How the layers' parameters begin: untouched until they are loaded, or else filled as torch fills its own layers.

use burn::module::{Initializer, Param};
use burn::tensor::{Device, Tensor};

/// A parameter that takes no memory before it is loaded or first used; then `U(-k, k)` with `k = 1 / sqrt(inputs)`.
pub(super) fn parameter<const D: usize>(shape: [usize; D], inputs: usize, device: &Device) -> Param<Tensor<D>> {
    let uniform = Initializer::KaimingUniform { gain: 1.0 / 3.0_f64.sqrt(), fan_out_only: false };
    uniform.init_with(shape, Some(inputs), None, device)
}
