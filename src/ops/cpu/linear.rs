//! The linear layer: the output begins as the bias, and the product is added to it.

use burn::tensor::Tensor;
use rayon::prelude::*;

use super::gemm::{Matrix, MatrixMut, Threads, Write, gemm};
use super::values::{Values, primitive, tensor};
use crate::ops::interrupt;
use crate::ops::quantized::Quantized;

/// How many numbers of a quantised weight are expanded at a time: few enough to stay in the second-level cache until they are
/// used.
const EXPANDED: usize = 1 << 18;

/// Applies `weight` `[inputs, outputs]` to `x` `[batch, length, inputs]`; either axis of the weight may be the contiguous one.
pub(in crate::ops) fn linear(x: Tensor<3>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<3> {
    let ([batch, length, inputs], [_, outputs]) = (x.dims(), weight.dims());
    let (x, weight) = (Values::of(x), primitive(weight));
    let layout = weight.layout();
    let strides = layout.strides();
    let weight = Matrix {
        data: &weight.storage::<f32>()[layout.start_offset()..],
        rows: inputs,
        cols: outputs,
        row_stride: strides[0].unsigned_abs(),
        col_stride: strides[1].unsigned_abs(),
    };
    let rows = batch * length;
    let (mut y, write) = begun(rows, outputs, bias);
    if !interrupt::is_interrupted() {
        let dst = MatrixMut { data: &mut y, rows, cols: outputs, row_stride: outputs };
        gemm(dst, write, Matrix::row_major(x.get(), rows, inputs), weight, 1.0, Threads::All);
    }
    tensor(y, [batch, length, outputs])
}

/// Applies a quantised weight, expanding the rows of a block of outputs at a time.
pub(in crate::ops) fn linear_quantized(x: Tensor<3>, weight: &Quantized, bias: Option<Tensor<1>>) -> Tensor<3> {
    let ([batch, length, _], [outputs, inputs]) = (x.dims(), weight.dims());
    let x = Values::of(x);
    let rows = batch * length;
    let (mut y, write) = begun(rows, outputs, bias);
    let block = (EXPANDED / inputs).clamp(1, outputs.max(1));
    let mut numbers = vec![0.0; block * inputs];
    for from in (0..outputs).step_by(block) {
        if interrupt::is_interrupted() {
            break;
        }
        let count = block.min(outputs - from);
        let numbers = &mut numbers[..count * inputs];
        weight.expand(from, numbers);
        let dst = MatrixMut { data: &mut y[from..], rows, cols: count, row_stride: outputs };
        let weight = Matrix::row_major(numbers, count, inputs).t();
        gemm(dst, write, Matrix::row_major(x.get(), rows, inputs), weight, 1.0, Threads::All);
    }
    tensor(y, [batch, length, outputs])
}

/// Allocates an output that holds the bias already, and tells whether the product is to be added to it.
fn begun(rows: usize, outputs: usize, bias: Option<Tensor<1>>) -> (Vec<f32>, Write) {
    let mut y = vec![0.0; rows * outputs];
    let Some(bias) = bias.map(Values::of) else { return (y, Write::Replace) };
    y.par_chunks_mut(outputs).for_each(|row| row.copy_from_slice(bias.get()));
    (y, Write::Add)
}
