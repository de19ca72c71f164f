//! Matrix products on strided views: a safe wrapper of the crate `gemm`.

use gemm::Parallelism;

use crate::ops::interrupt;

/// A matrix in a slice: element (r, c) is `data[r * row_stride + c * col_stride]`.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    pub(super) data: &'a [f32],
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) row_stride: usize,
    pub(super) col_stride: usize,
}

impl<'a> Matrix<'a> {
    /// Views contiguous rows.
    pub(super) fn row_major(data: &'a [f32], rows: usize, cols: usize) -> Self {
        Self { data, rows, cols, row_stride: cols, col_stride: 1 }
    }

    /// Selects consecutive rows.
    fn rows(self, from: usize, count: usize) -> Self {
        Self { data: &self.data[from * self.row_stride..], rows: count, ..self }
    }

    /// Transposes the view.
    pub(super) fn t(self) -> Self {
        Self { rows: self.cols, cols: self.rows, row_stride: self.col_stride, col_stride: self.row_stride, ..self }
    }
}

/// The most multiplications of a product that is computed in one call: about a thirtieth of a second on a desktop processor.
/// Larger products are split, so that they can be interrupted.
const MAX_UNCUT: usize = 1 << 31;

/// A multiple of the rows and columns that any of the kernels computes at once.
const STRIP_MULTIPLE: usize = 192;

/// The destination of a product: rows `row_stride` apart, contiguous columns.
pub(super) struct MatrixMut<'a> {
    pub(super) data: &'a mut [f32],
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) row_stride: usize,
}

/// Whether a product replaces what is there or is added to it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Write {
    Replace,
    Add,
}

/// Whether a product may use all threads of the pool, or is itself one of many that run in parallel.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Threads {
    All,
    One,
}

/// Computes `dst = scale * lhs * rhs`, or `dst += ...`. When interrupted it leaves parts of `dst` unchanged.
///
/// # Panics
/// The shapes don't match or reach past their slices, which is a bug of the caller and not the fault of any input.
pub(super) fn gemm(dst: MatrixMut<'_>, write: Write, lhs: Matrix<'_>, rhs: Matrix<'_>, scale: f32, threads: Threads) {
    let (m, n, k) = (lhs.rows, rhs.cols, lhs.cols);
    if threads == Threads::One || m * n * k <= MAX_UNCUT {
        return uncut(dst, write, lhs, rhs, scale, threads);
    }
    let MatrixMut { data, rows, cols, row_stride } = dst;
    assert!(rows == m && cols == n, "gemm: {m}x{n} into {rows}x{cols}");
    let cancel = interrupt::current();
    // Split along the longer side of the product, in multiples of the kernels' tiles.
    let strip = (MAX_UNCUT / (k * m.min(n))).next_multiple_of(STRIP_MULTIPLE);
    for from in (0..m.max(n)).step_by(strip) {
        if cancel.is_cancelled() {
            return;
        }
        if m > n {
            let rows = strip.min(m - from);
            let dst = MatrixMut { data: &mut data[from * row_stride..], rows, cols, row_stride };
            uncut(dst, write, lhs.rows(from, rows), rhs, scale, threads);
        } else {
            let cols = strip.min(n - from);
            let dst = MatrixMut { data: &mut data[from..], rows, cols, row_stride };
            uncut(dst, write, lhs, rhs.t().rows(from, cols).t(), scale, threads);
        }
    }
}

fn uncut(dst: MatrixMut<'_>, write: Write, lhs: Matrix<'_>, rhs: Matrix<'_>, scale: f32, threads: Threads) {
    let MatrixMut { data: dst, rows, cols, row_stride } = dst;
    let (m, n, k) = (lhs.rows, rhs.cols, lhs.cols);
    assert!(rows == m && cols == n && rhs.rows == k, "gemm: {m}x{k} by {}x{n} into {rows}x{cols}", rhs.rows);
    if m == 0 || n == 0 {
        return;
    }
    assert!((m - 1) * row_stride + n <= dst.len() && (m == 1 || row_stride >= n), "gemm: dst out of bounds");
    for side in [lhs, rhs] {
        let last = side.rows.saturating_sub(1) * side.row_stride + side.cols.saturating_sub(1) * side.col_stride;
        assert!(side.rows == 0 || side.cols == 0 || last < side.data.len(), "gemm: operand out of bounds");
    }
    let parallelism = match threads {
        // Below about 4 MFLOP, starting the threads takes longer than they save.
        Threads::All if m * n * k >= 1 << 21 => Parallelism::Rayon(0),
        _ => Parallelism::None,
    };
    #[expect(
        unsafe_code,
        reason = "the crate's only entry point; every element it touches was just checked to lie in the slices"
    )]
    // SAFETY: the asserts above bound the largest index of each operand by its slice, strides are not negative, and `dst` is
    // borrowed mutably, so it overlaps neither operand and its rows don't overlap each other.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            dst.as_mut_ptr(),
            1,
            row_stride.cast_signed(),
            write == Write::Add,
            lhs.data.as_ptr(),
            lhs.col_stride.cast_signed(),
            lhs.row_stride.cast_signed(),
            rhs.data.as_ptr(),
            rhs.col_stride.cast_signed(),
            rhs.row_stride.cast_signed(),
            1.0,
            scale,
            false,
            false,
            false,
            parallelism,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::cancel::CancelToken;

    /// `m` x `k` by `k` x `n`, into rows one apart. Each row of the left side and each column of the right one has a number of
    /// its own, [`left`] and [`right`].
    fn product(m: usize, n: usize, k: usize) -> Vec<f32> {
        let lhs: Vec<f32> = (0..m * k).map(|at| left(at / k)).collect();
        let rhs: Vec<f32> = (0..k * n).map(|at| right(at % n)).collect();
        let row_stride = n + 1;
        let mut y = vec![0.0; m * row_stride];
        let dst = MatrixMut { data: &mut y, rows: m, cols: n, row_stride };
        gemm(dst, Write::Replace, Matrix::row_major(&lhs, m, k), Matrix::row_major(&rhs, k, n), 1.0, Threads::All);
        y
    }

    fn left(row: usize) -> f32 {
        (row % 61) as f32
    }

    fn right(col: usize) -> f32 {
        (col % 53) as f32
    }

    #[test]
    fn a_product_that_is_cut_is_whole_along_either_side() {
        let k = 512;
        for (m, n) in [(9000, 500), (500, 9000)] {
            assert!(m * n * k > MAX_UNCUT);
            for (i, row) in product(m, n, k).chunks_exact(n + 1).enumerate() {
                let (within, beyond) = row.split_at(n);
                let exact = |j| k as f32 * left(i) * right(j);
                assert!(within.iter().enumerate().all(|(j, y)| (y - exact(j)).abs() < 0.5), "{m} x {n}, row {i}");
                assert_eq!(beyond, [0.0], "nothing is written between the rows");
            }
        }
    }

    #[test]
    fn a_large_product_is_left_off_when_it_is_interrupted() {
        let raised = CancelToken::new();
        raised.cancel();
        let mut left_off = Vec::new();
        let ended = interrupt::interruptible(&raised, || {
            left_off = product(9000, 500, 512);
            Ok(())
        });
        assert!(ended.is_err() && left_off.iter().all(|y| *y == 0.0));
    }
}
