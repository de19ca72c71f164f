//! Pictures in another size, to the byte as Pillow makes them (`libImaging/Resample.c`, `Geometry.c`): what Diffusers' image
//! processors resize with.
//!
//! Limits: 8-bit pictures in grey and RGB. Rows are spread over the threads of rayon's pool.

use image::{GrayImage, RgbImage};
use rayon::prelude::*;

/// How pixels are made from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// The nearest one.
    Nearest,
    /// A weighted mean, of two by two where the picture grows.
    Bilinear,
    /// A cubic curve (a = -0.5) through four by four.
    Bicubic,
    /// A windowed sinc over six by six: the sharpest.
    Lanczos,
}

impl Filter {
    /// How far it reaches, in pixels of the larger picture; 0 for the nearest one, which takes no others.
    fn support(self) -> f64 {
        match self {
            Self::Nearest => 0.0,
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
            Self::Lanczos => 3.0,
        }
    }

    /// Its weight at a distance.
    fn weight(self, x: f64) -> f64 {
        const A: f64 = -0.5;
        let distance = x.abs();
        match self {
            Self::Bilinear => (1.0 - distance).max(0.0),
            Self::Bicubic if distance < 1.0 => ((A + 2.0) * distance - (A + 3.0)) * distance * distance + 1.0,
            Self::Bicubic if distance < 2.0 => (((distance - 5.0) * distance + 8.0) * distance - 4.0) * A,
            Self::Lanczos if (-3.0..3.0).contains(&x) => sinc(x) * sinc(x / 3.0),
            Self::Nearest | Self::Bicubic | Self::Lanczos => 0.0,
        }
    }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    let x = x * std::f64::consts::PI;
    x.sin() / x
}

/// A picture in another size.
pub fn rgb(picture: &RgbImage, width: u32, height: u32, filter: Filter) -> RgbImage {
    let bytes = resize::<3>(picture.as_raw(), picture.dimensions(), (width, height), filter);
    RgbImage::from_raw(width, height, bytes).unwrap_or_default()
}

/// A grey picture in another size.
pub fn grey(picture: &GrayImage, width: u32, height: u32, filter: Filter) -> GrayImage {
    let bytes = resize::<1>(picture.as_raw(), picture.dimensions(), (width, height), filter);
    GrayImage::from_raw(width, height, bytes).unwrap_or_default()
}

/// The pixels of a picture in another size: first its rows, then its columns, each pass rounded to bytes.
fn resize<const C: usize>(pixels: &[u8], from: (u32, u32), to: (u32, u32), filter: Filter) -> Vec<u8> {
    let (width, height) = (from.0 as usize, from.1 as usize);
    let (new_width, new_height) = (to.0 as usize, to.1 as usize);
    if width * height == 0 || new_width * new_height == 0 {
        return vec![0; new_width * new_height * C];
    }
    if filter == Filter::Nearest {
        let (columns, rows) = (nearest(width, new_width), nearest(height, new_height));
        let places = rows.iter().flat_map(|row| columns.iter().map(move |column| (row * width + column) * C));
        return places.flat_map(|place| pixels[place..][..C].iter().copied()).collect();
    }
    let narrowed;
    let pixels = if width == new_width {
        pixels
    } else {
        narrowed = across::<C>(pixels, width, &taps(width, new_width, filter));
        &narrowed
    };
    if height == new_height {
        return pixels.to_vec();
    }
    down(pixels, new_width * C, &taps(height, new_height, filter))
}

/// Which of `size` pixels each of `new_size` ones takes. The sum runs on as Pillow's does (`ImagingScaleAffine`).
fn nearest(size: usize, new_size: usize) -> Vec<usize> {
    let scale = size as f64 / new_size as f64;
    let mut at = scale * 0.5;
    let mut next = || {
        let taken = (at as usize).min(size - 1);
        at += scale;
        taken
    };
    (0..new_size).map(|_| next()).collect()
}

/// Bits after the point of a weight: a product of weight and byte fits into 32 bits, with two bits to spare for overshoot.
const PRECISION_BITS: u32 = 32 - 8 - 2;

/// The pixels that a new pixel is made of: the first one, and the weights from there on, which add up to one.
struct Taps {
    first: usize,
    weights: Vec<i32>,
}

/// Pillow's `precompute_coeffs` and `normalize_coeffs_8bpc`.
fn taps(size: usize, new_size: usize, filter: Filter) -> Vec<Taps> {
    let scale = size as f64 / new_size as f64;
    // A picture that shrinks is filtered in its new pixels.
    let filter_scale = scale.max(1.0);
    let support = filter.support() * filter_scale;
    let of = |new: usize| {
        let centre = (new as f64 + 0.5) * scale;
        // Casts cut negative numbers off at 0.
        let first = (centre - support + 0.5) as usize;
        let end = ((centre + support + 0.5) as usize).min(size);
        let weight = |i: usize| filter.weight((i as f64 - centre + 0.5) * (1.0 / filter_scale));
        let weights: Vec<f64> = (first..end).map(weight).collect();
        let sum: f64 = weights.iter().sum();
        let fixed = |weight: &f64| {
            let normal = if sum == 0.0 { *weight } else { weight / sum };
            (normal * f64::from(1 << PRECISION_BITS) + 0.5_f64.copysign(normal)) as i32
        };
        Taps { first, weights: weights.iter().map(fixed).collect() }
    };
    (0..new_size).map(of).collect()
}

/// From a sum of weighted bytes, which began at a half, to a byte.
fn byte(sum: i32) -> u8 {
    (sum >> PRECISION_BITS).clamp(0, 255) as u8
}

/// Makes each row of `width` pixels as long as there are taps.
fn across<const C: usize>(pixels: &[u8], width: usize, taps: &[Taps]) -> Vec<u8> {
    let mut out = vec![0; pixels.len() / width * taps.len()];
    let rows = out.par_chunks_exact_mut(taps.len() * C).zip(pixels.par_chunks_exact(width * C));
    rows.for_each(|(out, row)| {
        for (out, taps) in out.as_chunks_mut::<C>().0.iter_mut().zip(taps) {
            let mut sums = [1 << (PRECISION_BITS - 1); C];
            let (pixels, _) = row[taps.first * C..].as_chunks::<C>();
            for (pixel, weight) in pixels.iter().zip(&taps.weights) {
                for (sum, value) in sums.iter_mut().zip(pixel) {
                    *sum += i32::from(*value) * weight;
                }
            }
            *out = sums.map(byte);
        }
    });
    out
}

/// Makes the columns as long as there are taps; a row has `stride` bytes.
fn down(pixels: &[u8], stride: usize, taps: &[Taps]) -> Vec<u8> {
    let mut out = vec![0; stride * taps.len()];
    out.par_chunks_exact_mut(stride).zip(taps).for_each_init(Vec::new, |sums, (out, taps)| {
        sums.clear();
        sums.resize(stride, 1_i32 << (PRECISION_BITS - 1));
        for (row, weight) in pixels[taps.first * stride..].chunks_exact(stride).zip(&taps.weights) {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += i32::from(*value) * weight;
            }
        }
        for (out, sum) in out.iter_mut().zip(sums.iter()) {
            *out = byte(*sum);
        }
    });
    out
}
