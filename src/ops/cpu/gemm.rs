//! Matrix products on strided views: the safe door to the crate `gemm`.

use gemm::Parallelism;

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
    /// Rows one after the other.
    pub(super) fn row_major(data: &'a [f32], rows: usize, cols: usize) -> Self {
        Self { data, rows, cols, row_stride: cols, col_stride: 1 }
    }

    /// The transposed view.
    pub(super) fn t(self) -> Self {
        Self { rows: self.cols, cols: self.rows, row_stride: self.col_stride, col_stride: self.row_stride, ..self }
    }
}

/// Where a product goes: rows `row_stride` apart, columns side by side.
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

/// Whether a product may use all threads of the pool, or is itself one of many that run side by side.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Threads {
    All,
    One,
}

/// `dst = scale * lhs * rhs`, or `dst += ...`.
///
/// # Panics
/// Shapes that don't fit together or reach past their slice: a fault of the caller, not of any input.
pub(super) fn gemm(dst: MatrixMut<'_>, write: Write, lhs: Matrix<'_>, rhs: Matrix<'_>, scale: f32, threads: Threads) {
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
        // Below some 4 MFLOP the threads cost more than they bring.
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
