//! Vector code without intrinsics: plain loops compiled for the widest instruction set that this CPU has.
//!
//! [`vectorize`] picks AVX-512, AVX2 or the baseline at run time (the crate `pulp`); what runs inside must be
//! `#[inline(always)]` to be compiled with it. The loops below are written so that the compiler can vectorize them: no branch,
//! no call, independent lanes.

#![expect(
    clippy::inline_always,
    reason = "only what is inlined into `vectorize` is compiled for the wider instruction sets"
)]

/// Runs `f` compiled for the best instruction set of this CPU.
#[inline(always)]
pub(super) fn vectorize<R>(f: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(f)
}

/// How many independent partial sums a reduction keeps: enough for two AVX-512 registers.
const LANES: usize = 32;

/// Computes `e^x` in f32, within 2 ulp for x in [-87, 88], clamped outside.
///
/// Cephes `expf` (S. L. Moshier): 2^n times a degree-5 polynomial on [-ln 2 / 2, ln 2 / 2].
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    let x = x.clamp(-87.336_54, 88.376_26);
    // Adding 1.5 * 2^23 rounds to an integer, which is then in the low bits of the mantissa.
    let shifted = x * std::f32::consts::LOG2_E + 12_582_912.0;
    let n = shifted - 12_582_912.0;
    let r = x - n * 0.693_359_4;
    let r = r + n * 2.121_944_4e-4;
    let mut p = 1.987_569_1e-4_f32;
    p = p * r + 1.398_2e-3;
    p = p * r + 8.333_452e-3;
    p = p * r + 4.166_579_6e-2;
    p = p * r + 0.166_666_65;
    p = p * r + 0.5;
    let y = p * r * r + r + 1.0;
    let two_to_n = f32::from_bits(shifted.to_bits().wrapping_shl(23).wrapping_add(0x3f80_0000));
    y * two_to_n
}

/// Computes `x * sigmoid(x)`.
#[inline(always)]
pub(super) fn silu(x: f32) -> f32 {
    x / (1.0 + exp(-x))
}

/// Computes the exact GELU, `x * (1 + erf(x / sqrt 2)) / 2`.
///
/// erf by Abramowitz and Stegun 7.1.26, whose absolute error is below 1.5e-7: less than the rounding errors of the products
/// that follow.
#[inline(always)]
pub(super) fn gelu(x: f32) -> f32 {
    let z = (x * std::f32::consts::FRAC_1_SQRT_2).abs();
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let mut p = 1.061_405_4_f32;
    p = p * t - 1.453_152;
    p = p * t + 1.421_413_8;
    p = p * t - 0.284_496_72;
    p = p * t + 0.254_829_6;
    let tail = 0.5 * p * t * exp(-z * z);
    x * if x < 0.0 { tail } else { 1.0 - tail }
}

/// Computes `sum(x)` and `sum(x^2)` of the values minus `shift`.
#[inline(always)]
pub(super) fn sum_and_squares(values: &[f32], shift: f32) -> (f64, f64) {
    // Each lane sums at most 128 values in f32, and the rest is f64: the length doesn't cost accuracy.
    let (mut sum, mut squares) = (0.0_f64, 0.0_f64);
    for block in values.chunks(128 * LANES) {
        let (mut s, mut q) = ([0.0_f32; LANES], [0.0_f32; LANES]);
        let mut rows = block.chunks_exact(LANES);
        for row in &mut rows {
            for (j, x) in row.iter().enumerate() {
                let x = x - shift;
                s[j] += x;
                q[j] += x * x;
            }
        }
        for (j, x) in rows.remainder().iter().enumerate() {
            let x = x - shift;
            s[j] += x;
            q[j] += x * x;
        }
        for j in 0..LANES {
            sum += f64::from(s[j]);
            squares += f64::from(q[j]);
        }
    }
    (sum, squares)
}

/// Finds the largest value; `-inf` of no values.
#[inline(always)]
pub(super) fn max(values: &[f32]) -> f32 {
    let mut m = [f32::NEG_INFINITY; LANES];
    let mut rows = values.chunks_exact(LANES);
    for row in &mut rows {
        for (m, x) in m.iter_mut().zip(row) {
            *m = if *x > *m { *x } else { *m };
        }
    }
    for x in rows.remainder() {
        m[0] = m[0].max(*x);
    }
    m.iter().copied().fold(f32::NEG_INFINITY, f32::max)
}

/// Replaces each value by `exp(value - shift)` and returns their sum.
#[inline(always)]
pub(super) fn exp_and_sum(values: &mut [f32], shift: f32) -> f32 {
    let mut s = [0.0_f32; LANES];
    let mut rows = values.chunks_exact_mut(LANES);
    for row in &mut rows {
        for (s, x) in s.iter_mut().zip(row) {
            *x = exp(*x - shift);
            *s += *x;
        }
    }
    for x in rows.into_remainder() {
        *x = exp(*x - shift);
        s[0] += *x;
    }
    s.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worst(f: impl Fn(f32) -> f32, exact: impl Fn(f64) -> f64, scale: impl Fn(f64) -> f64) -> f64 {
        (-20_000..=20_000)
            .map(|i| i as f32 * 1e-3)
            .map(|x| (f64::from(f(x)) - exact(f64::from(x))).abs() / scale(f64::from(x)))
            .fold(0.0, f64::max)
    }

    #[test]
    fn exp_is_within_two_ulp() {
        assert!(worst(exp, f64::exp, f64::exp) < 2.4e-7);
    }

    #[test]
    fn silu_is_within_two_ulp() {
        let exact = |x: f64| x / (1.0 + (-x).exp());
        assert!(worst(silu, exact, |x| exact(x).abs().max(1e-30)) < 5e-7);
    }

    #[test]
    fn gelu_is_the_exact_one_and_not_the_tanh_form() {
        // At 1: Phi(1) = 0.841344746; the tanh form gives 0.841192.
        assert!((gelu(1.0) - 0.841_344_7).abs() < 3e-7);
        assert!((gelu(-1.0) + 0.158_655_3).abs() < 3e-7);
        assert!(gelu(-12.0).abs() < 1e-6 && (gelu(12.0) - 12.0).abs() < 1e-6);
    }
}
