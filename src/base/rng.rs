//! torch's CPU random generator, bit for bit: the same seed gives the same noise, and so the same picture, as Diffusers.
//!
//! It follows torch 2.13 on x86-64 with AVX2 (`aten/src/ATen/native/cpu/DistributionTemplates.h` and `avx_mathfun.h`), whose
//! logarithm, sine and cosine are the Cephes approximations, with fused multiply-adds where the compiler puts them. Here all of
//! it is plain f32 arithmetic, so that every machine gives these values; torch's builds for other processors are up to 2e-6
//! away. Only draws of fewer than 16 values use the C library's f64 functions.
//!
//! A generator is stored as its seed and how many words it has drawn, and draws these again when it is read.
//!
//! Limits: normals only, and only in the dtypes that pipelines draw (f32, f16, bf16).

use half::{bf16, f16};
use rand_mt::Mt;
use serde::{Deserialize, Serialize};

use super::error::{Error, Result};

/// The most words that a stored generator may have drawn: more than any run draws, and read again in seconds.
const MOST_DRAWN: u64 = 1 << 32;

/// torch fills 16 values at a time: 8 radii and 8 angles.
const BLOCK: usize = 16;

/// One stream of `torch.Generator("cpu")`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(into = "StoredRng", try_from = "StoredRng")]
pub struct TorchRng {
    words: Mt,
    seed: u32,
    /// The number of words drawn so far.
    drawn: u64,
    /// The second half of a scalar pair, kept for the next draw of fewer than 16 values.
    cached_normal: Option<f64>,
}

impl TorchRng {
    /// `torch.Generator("cpu").manual_seed(seed)`. torch uses the low 32 bits only; a negative seed is its two's complement.
    pub fn manual_seed(seed: u64) -> Self {
        let seed = (seed & 0xffff_ffff) as u32;
        Self { words: Mt::new(seed), seed, drawn: 0, cached_normal: None }
    }

    /// `torch.randn(n, dtype=torch.float32)`.
    pub fn randn(&mut self, n: usize) -> Vec<f32> {
        if n < BLOCK {
            return (0..n).map(|_| self.normal() as f32).collect();
        }
        // All n uniforms are drawn first, those past the last full block for nothing.
        let mut values: Vec<f32> = (0..n).map(|_| self.uniform()).collect();
        values.chunks_exact_mut(BLOCK).for_each(box_muller);
        self.fill_tail(&mut values);
        values
    }

    /// `torch.randn(n, dtype=torch.float16)`: equal to the rounded f32 draw when n is a multiple of 16.
    pub fn randn_f16(&mut self, n: usize) -> Vec<f16> {
        self.randn_half(n, f16::from_f32, f16::from_f64)
    }

    /// `torch.randn(n, dtype=torch.bfloat16)`: equal to the rounded f32 draw when n is a multiple of 16.
    pub fn randn_bf16(&mut self, n: usize) -> Vec<bf16> {
        self.randn_half(n, bf16::from_f32, bf16::from_f64)
    }

    /// The half dtypes: as f32, but nothing is drawn for the values past the last full block.
    fn randn_half<T>(&mut self, n: usize, from_f32: fn(f32) -> T, from_f64: fn(f64) -> T) -> Vec<T> {
        if n < BLOCK {
            return (0..n).map(|_| from_f64(self.normal())).collect();
        }
        let mut values = vec![0.0; n];
        for block in values.chunks_exact_mut(BLOCK) {
            block.fill_with(|| self.uniform());
            box_muller(block);
        }
        self.fill_tail(&mut values);
        values.into_iter().map(from_f32).collect()
    }

    /// When `values` is no whole number of blocks, torch overwrites the last 16 with a fresh block.
    fn fill_tail(&mut self, values: &mut [f32]) {
        if values.len().is_multiple_of(BLOCK) {
            return;
        }
        if let Some(tail) = values.last_chunk_mut::<BLOCK>() {
            tail.fill_with(|| self.uniform());
            box_muller(tail);
        }
    }

    /// One normal of the scalar path, which torch computes in double whatever the dtype.
    fn normal(&mut self) -> f64 {
        if let Some(value) = self.cached_normal.take() {
            return value;
        }
        // Here the first uniform is the angle and the second the radius, the opposite of the block path.
        let angle = std::f64::consts::TAU * self.uniform_f64();
        let radius = (-2.0 * (-self.uniform_f64()).ln_1p()).sqrt();
        self.cached_normal = Some(radius * angle.sin());
        radius * angle.cos()
    }

    /// In [0, 1), 24 bits.
    fn uniform(&mut self) -> f32 {
        (self.random() & 0x00ff_ffff) as f32 / 16_777_216.0
    }

    /// In [0, 1), 53 bits; the first word drawn is the high one.
    fn uniform_f64(&mut self) -> f64 {
        let high = u64::from(self.random());
        let bits = (high << 32 | u64::from(self.random())) & ((1 << 53) - 1);
        bits as f64 / 9_007_199_254_740_992.0
    }

    /// The next word.
    fn random(&mut self) -> u32 {
        self.drawn += 1;
        self.words.next_u32()
    }
}

/// The stored form of a [`TorchRng`].
#[derive(Serialize, Deserialize)]
struct StoredRng {
    seed: u32,
    drawn: u64,
    /// The bits of the cached normal: as a decimal number it would not be read back exactly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cached_normal: Option<u64>,
}

impl From<TorchRng> for StoredRng {
    fn from(rng: TorchRng) -> Self {
        Self { seed: rng.seed, drawn: rng.drawn, cached_normal: rng.cached_normal.map(f64::to_bits) }
    }
}

impl TryFrom<StoredRng> for TorchRng {
    type Error = Error;

    fn try_from(stored: StoredRng) -> Result<Self> {
        if stored.drawn > MOST_DRAWN {
            return Err(Error::new(format!("A random generator can't have drawn {} words", stored.drawn)));
        }
        let mut rng = Self::manual_seed(stored.seed.into());
        for _ in 0..stored.drawn {
            rng.random();
        }
        rng.cached_normal = stored.cached_normal.map(f64::from_bits);
        Ok(rng)
    }
}

/// Diffusers' `generator` argument: one generator for the whole batch, or one for each image.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Generators(Vec<TorchRng>);

impl Generators {
    /// Makes one generator for each image, with its own seed. A single seed draws the whole batch, whatever its size.
    pub fn per_image(seeds: impl IntoIterator<Item = u64>) -> Self {
        Self(seeds.into_iter().map(TorchRng::manual_seed).collect())
    }

    /// How many there are.
    #[expect(clippy::len_without_is_empty, reason = "whoever makes them makes at least one")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Diffusers' `randn_tensor` (`utils/torch_utils.py`), f32, row-major `[batch, channels, height, width]`.
    ///
    /// # Panics
    /// There are several generators, and not one for each image of the batch.
    pub fn randn(&mut self, shape: [usize; 4]) -> Vec<f32> {
        let [batch, channels, height, width] = shape;
        let image = channels * height * width;
        if let [generator] = self.0.as_mut_slice() {
            return generator.randn(batch * image);
        }
        assert_eq!(self.0.len(), batch, "a batch needs one generator, or one for each image");
        self.0.iter_mut().flat_map(|generator| generator.randn(image)).collect()
    }
}

/// Turns 16 uniforms into 16 normals, value i paired with value i + 8 (torch's `normal_fill_16_AVX2`).
fn box_muller(block: &mut [f32]) {
    let (radii, angles) = block.split_at_mut(BLOCK / 2);
    for (first, second) in radii.iter_mut().zip(angles) {
        let radius = (-2.0 * ln(1.0 - *first)).sqrt();
        let (sin, cos) = sin_cos(std::f32::consts::TAU * *second);
        (*first, *second) = (radius * cos, radius * sin);
    }
}

/// The natural logarithm as Cephes' `logf` has it, for normal positive `x`. Which products are fused is torch's choice.
#[expect(clippy::excessive_precision, reason = "the constants are spelt as in torch's source")]
fn ln(x: f32) -> f32 {
    const COEFFICIENTS: [f32; 9] = [
        7.037_683_629_2e-2,
        -1.151_461_031_0e-1,
        1.167_699_874_0e-1,
        -1.242_014_084_6e-1,
        1.424_932_278_7e-1,
        -1.666_805_766_5e-1,
        2.000_071_476_5e-1,
        -2.499_999_399_3e-1,
        3.333_333_117_4e-1,
    ];
    // ln 2 in two parts, the first exact in few bits.
    const LN_2_HIGH: f32 = 0.693_359_375;
    const LN_2_LOW: f32 = -2.121_944_40e-4;

    let bits = x.to_bits();
    let mut exponent = (bits >> 23) as f32 - 126.0;
    let mantissa = f32::from_bits(bits & 0x807f_ffff | 0x3f00_0000);
    let x = if mantissa < std::f32::consts::FRAC_1_SQRT_2 {
        exponent -= 1.0;
        (mantissa - 1.0) + mantissa
    } else {
        mantissa - 1.0
    };
    let square = x * x;
    let series = COEFFICIENTS.into_iter().reduce(|sum, c| sum.mul_add(x, c)).unwrap_or_default();
    let series = (series * x).mul_add(square, exponent * LN_2_LOW);
    let series = square.mul_add(-0.5, series);
    exponent.mul_add(LN_2_HIGH, x + series)
}

/// The sine and cosine as Cephes' `sinf` and `cosf` have them, for `angle` >= 0.
#[expect(clippy::excessive_precision, reason = "the constants are spelt as in torch's source")]
fn sin_cos(angle: f32) -> (f32, f32) {
    // pi / 4 in three parts, for an exact reduction to the octant.
    const FRAC_PI_4_PARTS: [f32; 3] = [-0.785_156_25, -2.418_756_484_985_351_562_5e-4, -3.774_894_977_445_941_08e-8];
    const SIN: [f32; 3] = [-1.951_529_589_1e-4, 8.332_160_873_6e-3, -1.666_665_461_1e-1];
    const COS: [f32; 3] = [2.443_315_711_809_948e-5, -1.388_731_625_493_765e-3, 4.166_664_568_298_827e-2];

    let octant = ((angle * 1.273_239_544_735_16) as i32 + 1) & !1;
    let x = FRAC_PI_4_PARTS.into_iter().fold(angle, |x, part| (octant as f32).mul_add(part, x));
    let square = x * x;

    let cos = COS[0].mul_add(square, COS[1]).mul_add(square, COS[2]) * square;
    let cos = cos.mul_add(square, -(square * 0.5)) + 1.0;
    let sin = SIN[0].mul_add(square, SIN[1]).mul_add(square, SIN[2]) * square;
    let sin = sin.mul_add(x, x);

    let (sin, cos) = if octant & 2 == 0 { (sin, cos) } else { (cos, sin) };
    let sin = if octant & 4 == 0 { sin } else { -sin };
    let cos = if (octant - 2) & 4 == 0 { -cos } else { cos };
    (sin, cos)
}
