//! The linear layer: one product, the bias laid down before it.

use burn::tensor::Tensor;
use rayon::prelude::*;

use super::gemm::{Matrix, MatrixMut, Threads, Write, gemm};
use super::{Values, primitive, tensor};
use crate::ops::interrupt;

/// `x` `[batch, length, inputs]`, `weight` `[inputs, outputs]`: rows or columns may be the contiguous side.
pub(in crate::ops) fn linear(x: Tensor<3>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<3> {
    let ([batch, length, inputs], [_, outputs]) = (x.dims(), weight.dims());
    let (x, weight, bias) = (Values::of(x), primitive(weight), bias.map(Values::of));
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
    let mut y = vec![0.0; rows * outputs];
    if interrupt::is_interrupted() {
        return tensor(y, [batch, length, outputs]);
    }
    let mut write = Write::Replace;
    if let Some(bias) = &bias {
        y.par_chunks_mut(outputs).for_each(|row| row.copy_from_slice(bias.get()));
        write = Write::Add;
    }
    let dst = MatrixMut { data: &mut y, rows, cols: outputs, row_stride: outputs };
    gemm(dst, write, Matrix::row_major(x.get(), rows, inputs), weight, 1.0, Threads::All);
    tensor(y, [batch, length, outputs])
}
