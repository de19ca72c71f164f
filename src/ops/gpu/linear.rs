//! Linear layers, as convolutions of one position: a row is a pixel.

use burn::backend::wgpu::{CubeBackend, CubeTensor};
use burn::tensor::Shape;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::{permute, reshape};

use super::conv::{Movement, Operand, conv2d};
use super::maps::{channels_last, channels_second};

/// The shape of what comes out.
pub(super) fn shape(x: &Shape, weight: &Shape) -> Shape {
    let ([batch, length, _], [_, outputs]) = (x.dims(), weight.dims());
    Shape::new([batch, length, outputs])
}

/// Multiplies `x` `[batch, length, inputs]` by the `weight` `[inputs, outputs]`, and adds the `bias` `[outputs]` and the
/// `residual` of the output's shape.
pub(super) fn linear(
    x: CubeTensor,
    weight: CubeTensor,
    bias: Operand<CubeBackend>,
    residual: Operand<CubeBackend>,
) -> CubeTensor {
    let [inputs, outputs] = weight.meta.shape().dims();
    let weight = reshape(into_contiguous(weight), Shape::new([inputs, 1, 1, outputs]));
    let residual = match residual {
        Operand::None => Operand::None,
        Operand::Some(residual) => Operand::Some(column(residual)),
    };
    let out = conv2d(column(x), permute(weight, &[3, 0, 1, 2]), bias, Operand::None, residual, Movement::default());
    let out = channels_last(out);
    let [batch, length, _, outputs] = out.meta.shape().dims();
    reshape(out, Shape::new([batch, length, outputs]))
}

/// A sequence as a picture of one column.
fn column(x: CubeTensor) -> CubeTensor {
    let [batch, length, width] = x.meta.shape().dims();
    channels_second(reshape(into_contiguous(x), Shape::new([batch, length, 1, width])))
}
