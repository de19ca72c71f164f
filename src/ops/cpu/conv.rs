//! Convolution: the patches of a strip of the picture as the columns of a matrix (im2col), times the weights.

use burn::tensor::Tensor;
use rayon::prelude::*;

use super::gemm::{Matrix, MatrixMut, Threads, Write, gemm};
use super::values::{Values, tensor};
use crate::base::cancel::CancelToken;
use crate::ops::interrupt;
use crate::ops::options::Padding;

/// The most values that a patch matrix holds: large enough for the product to run at full speed, small enough for the last-level
/// cache and for a 1024-pixel picture not to cost gigabytes.
const PATCHES_MAX: usize = 6 << 20;

/// The same in bytes.
pub(in crate::ops) const PATCH_BYTES_MAX: u64 = (PATCHES_MAX * size_of::<f32>()) as u64;

/// The most output columns for which the images of a batch share one product, so that the weights are read once.
const SHARED_COLUMNS_MAX: usize = 2048;

/// The geometry of one convolution.
struct Geometry {
    channels: usize,
    height: usize,
    width: usize,
    kernel: [usize; 2],
    stride: usize,
    padding: Padding,
    out_height: usize,
    out_width: usize,
}

/// Applies `weight` `[out, channels, kernel, kernel]` to `x` `[batch, channels, height, width]`.
pub(in crate::ops) fn conv2d(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    stride: usize,
    padding: Padding,
) -> Tensor<4> {
    let ([batch, channels, height, width], [out, _, kh, kw]) = (x.dims(), weight.dims());
    let out_height = (height + padding.top + padding.bottom - kh) / stride + 1;
    let out_width = (width + padding.left + padding.right - kw) / stride + 1;
    let geometry = Geometry { channels, height, width, kernel: [kh, kw], stride, padding, out_height, out_width };
    let (x, weight, bias) = (Values::of(x), Values::of(weight), bias.map(Values::of));
    let weight = Matrix::row_major(weight.get(), out, channels * kh * kw);

    let pixels = out_height * out_width;
    let mut y = vec![0.0; batch * out * pixels];
    let cancel = interrupt::current();
    if cancel.is_cancelled() {
        return tensor(y, [batch, out, out_height, out_width]);
    }
    if let Some(bias) = &bias {
        y.par_chunks_mut(pixels).enumerate().for_each(|(i, plane)| plane.fill(bias.get()[i % out]));
    }
    let images = x.get().chunks_exact(channels * height * width);
    if kh == 1 && kw == 1 && stride == 1 && padding == Padding::default() {
        for (image, y) in images.zip(y.chunks_exact_mut(out * pixels)) {
            let dst = MatrixMut { data: y, rows: out, cols: pixels, row_stride: pixels };
            gemm(dst, Write::Add, weight, Matrix::row_major(image, channels, pixels), 1.0, Threads::All);
        }
    } else if batch > 1 && batch * pixels <= SHARED_COLUMNS_MAX {
        shared(&geometry, x.get(), weight, &mut y, batch);
    } else {
        for (image, y) in images.zip(y.chunks_exact_mut(out * pixels)) {
            strips(&geometry, image, weight, y, &cancel);
        }
    }
    tensor(y, [batch, out, out_height, out_width])
}

/// Convolves one image, strip by strip, until cancelled.
fn strips(g: &Geometry, image: &[f32], weight: Matrix<'_>, y: &mut [f32], cancel: &CancelToken) {
    let pixels = g.out_height * g.out_width;
    let rows_max = (PATCHES_MAX / (weight.cols * g.out_width)).clamp(1, g.out_height);
    // Equal strips: a last strip of a few columns would run slowly.
    let strip = g.out_height.div_ceil(g.out_height.div_ceil(rows_max));
    let mut patches = vec![0.0; weight.cols * strip * g.out_width];
    for top in (0..g.out_height).step_by(strip) {
        if cancel.is_cancelled() {
            return;
        }
        let rows = strip.min(g.out_height - top);
        let columns = rows * g.out_width;
        let patches = &mut patches[..weight.cols * columns];
        patches.par_chunks_mut(columns).enumerate().for_each(|(k, row)| g.patch_row(image, k, top, row));
        let dst = MatrixMut { data: &mut y[top * g.out_width..], rows: weight.rows, cols: columns, row_stride: pixels };
        gemm(dst, Write::Add, weight, Matrix::row_major(patches, weight.cols, columns), 1.0, Threads::All);
    }
}

/// Convolves a batch of small images in one product, through a buffer whose rows hold the images side by side.
fn shared(g: &Geometry, images: &[f32], weight: Matrix<'_>, y: &mut [f32], batch: usize) {
    let pixels = g.out_height * g.out_width;
    let columns = batch * pixels;
    let image_len = g.channels * g.height * g.width;
    let mut patches = vec![0.0; weight.cols * columns];
    patches.par_chunks_mut(columns).enumerate().for_each(|(k, row)| {
        for (image, row) in images.chunks_exact(image_len).zip(row.chunks_exact_mut(pixels)) {
            g.patch_row(image, k, 0, row);
        }
    });
    let mut product = vec![0.0; weight.rows * columns];
    let dst = MatrixMut { data: &mut product, rows: weight.rows, cols: columns, row_stride: columns };
    gemm(dst, Write::Replace, weight, Matrix::row_major(&patches, weight.cols, columns), 1.0, Threads::All);
    for (o, row) in product.chunks_exact(columns).enumerate() {
        for (b, row) in row.chunks_exact(pixels).enumerate() {
            let start = (b * weight.rows + o) * pixels;
            for (y, p) in y[start..start + pixels].iter_mut().zip(row) {
                *y += p;
            }
        }
    }
}

impl Geometry {
    /// Writes row `k` of the patch matrix, where k counts (channel, kernel row, kernel column): the pixel under that position
    /// of the kernel, for every output pixel of a strip that begins at output row `top`.
    fn patch_row(&self, image: &[f32], k: usize, top: usize, row: &mut [f32]) {
        let [kh, kw] = self.kernel;
        let (channel, ky, kx) = (k / (kh * kw), k / kw % kh, k % kw);
        let plane = &image[channel * self.height * self.width..][..self.height * self.width];
        // Output columns first..last read inside the picture; the others read the zero padding.
        let first = self.padding.left.saturating_sub(kx).div_ceil(self.stride).min(self.out_width);
        let last =
            (self.width + self.padding.left).saturating_sub(kx).div_ceil(self.stride).clamp(first, self.out_width);
        for (i, out) in row.chunks_exact_mut(self.out_width).enumerate() {
            let line = ((top + i) * self.stride + ky).wrapping_sub(self.padding.top);
            if line >= self.height {
                out.fill(0.0);
                continue;
            }
            let line = &plane[line * self.width..][..self.width];
            out[..first].fill(0.0);
            out[last..].fill(0.0);
            if first == last {
                continue;
            }
            let from = first * self.stride + kx - self.padding.left;
            if self.stride == 1 {
                out[first..last].copy_from_slice(&line[from..from + last - first]);
            } else {
                for (out, x) in out[first..last].iter_mut().zip(line[from..].iter().step_by(self.stride)) {
                    *out = *x;
                }
            }
        }
    }
}
