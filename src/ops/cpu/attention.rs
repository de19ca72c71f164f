//! Scaled dot-product attention that never stores the whole score matrix.
//!
//! A block of queries goes over the keys tile by tile, with the running maximum and sum of the online softmax (Milakov and
//! Gimelshein, 2018; Dao et al., FlashAttention, 2022): the scores held at any time fit the second-level cache.

use burn::tensor::Tensor;
use rayon::prelude::*;

use super::gemm::{Matrix, MatrixMut, Threads, Write, gemm};
use super::simd::{exp, exp_and_sum, max, vectorize};
use super::values::{Values, tensor};
use crate::ops::interrupt;
use crate::ops::options::AttentionMask;

/// Queries in a block and keys in a tile.
const QUERIES: usize = 128;
const KEYS: usize = 512;

/// Computes attention: `q` is `[batch, queries, heads * dim]`, `k` and `v` are `[batch, keys, heads * dim]`.
pub(in crate::ops) fn attention(
    q: Tensor<3>,
    k: Tensor<3>,
    v: Tensor<3>,
    heads: usize,
    mask: AttentionMask,
) -> Tensor<3> {
    let (shape @ [_, queries, width], [_, keys, _]) = (q.dims(), k.dims());
    let (q, k, v) = (Values::of(q), Values::of(k), Values::of(v));
    let dim = width / heads;
    let mut y = vec![0.0; q.get().len()];
    let cancel = interrupt::current();
    // Small enough blocks that every thread has work.
    let block = QUERIES.min((queries * shape[0]).div_ceil(rayon::current_num_threads())).max(1);
    y.par_chunks_mut(queries * width).zip(q.get().par_chunks(queries * width)).enumerate().for_each(|(b, (y, q))| {
        let k = &k.get()[b * keys * width..][..keys * width];
        let v = &v.get()[b * keys * width..][..keys * width];
        y.par_chunks_mut(block * width).zip(q.par_chunks(block * width)).enumerate().for_each(|(i, (y, q))| {
            let mut work = Block::new(q.len() / width, dim);
            for head in 0..heads {
                if cancel.is_cancelled() {
                    return;
                }
                let columns = |data| Columns { data, width, first: head * dim, dim };
                work.head(columns(q), columns(k), columns(v), mask, i * block);
                work.store(y, width, head * dim);
            }
        });
    });
    tensor(y, shape)
}

/// The columns of one head in rows that hold all heads side by side.
#[derive(Clone, Copy)]
struct Columns<'a> {
    data: &'a [f32],
    width: usize,
    first: usize,
    dim: usize,
}

impl<'a> Columns<'a> {
    fn len(self) -> usize {
        self.data.len() / self.width
    }

    fn rows(self, from: usize, count: usize) -> Matrix<'a> {
        let data = &self.data[from * self.width + self.first..];
        Matrix { data, rows: count, cols: self.dim, row_stride: self.width, col_stride: 1 }
    }
}

/// Working memory for a block of queries of one head.
struct Block {
    rows: usize,
    dim: usize,
    scores: Vec<f32>,
    output: Vec<f32>,
    maxima: Vec<f32>,
    sums: Vec<f32>,
}

impl Block {
    fn new(rows: usize, dim: usize) -> Self {
        let filled = |n| vec![0.0; n];
        Self {
            rows,
            dim,
            scores: filled(rows * KEYS),
            output: filled(rows * dim),
            maxima: filled(rows),
            sums: filled(rows),
        }
    }

    /// Computes attention of the block over all keys; `first` is the index of the block's first query.
    fn head(&mut self, q: Columns<'_>, k: Columns<'_>, v: Columns<'_>, mask: AttentionMask, first: usize) {
        let (rows, dim) = (self.rows, self.dim);
        let scale = 1.0 / (dim as f32).sqrt();
        self.maxima.fill(f32::NEG_INFINITY);
        self.sums.fill(0.0);
        self.output.fill(0.0);
        for from in (0..k.len()).step_by(KEYS) {
            let count = KEYS.min(k.len() - from);
            let scores = &mut self.scores[..rows * count];
            let dst = MatrixMut { data: scores, rows, cols: count, row_stride: count };
            gemm(dst, Write::Replace, q.rows(0, rows), k.rows(from, count).t(), scale, Threads::One);
            if mask == AttentionMask::Causal {
                for (i, row) in scores.chunks_exact_mut(count).enumerate() {
                    let seen = (first + i + 1).saturating_sub(from).min(count);
                    row[seen..].fill(f32::NEG_INFINITY);
                }
            }
            vectorize(|| {
                for (i, row) in scores.chunks_exact_mut(count).enumerate() {
                    let maximum = self.maxima[i].max(max(row));
                    // A row that may not attend to any of these keys yet: its scores and its maximum are -inf.
                    let shift = if maximum == f32::NEG_INFINITY { 0.0 } else { maximum };
                    let rescale = exp(self.maxima[i] - shift);
                    self.sums[i] = self.sums[i] * rescale + exp_and_sum(row, shift);
                    self.maxima[i] = maximum;
                    self.output[i * dim..][..dim].iter_mut().for_each(|y| *y *= rescale);
                }
            });
            let dst = MatrixMut { data: &mut self.output, rows, cols: dim, row_stride: dim };
            gemm(dst, Write::Add, Matrix::row_major(scores, rows, count), v.rows(from, count), 1.0, Threads::One);
        }
    }

    /// Writes the attended values, divided by their sums, into the head's columns.
    fn store(&self, y: &mut [f32], width: usize, first: usize) {
        for (i, row) in self.output.chunks_exact(self.dim).enumerate() {
            let one_over = 1.0 / self.sums[i];
            for (y, x) in y[i * width + first..][..self.dim].iter_mut().zip(row) {
                *y = x * one_over;
            }
        }
    }
}
