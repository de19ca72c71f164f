//! Resizing pictures, byte for byte as Pillow does (`libImaging/Resample.c`, `Geometry.c`), with which Diffusers' image
//! processors resize.
//!
//! Limits: 8-bit pictures in grey and RGB only. Rows are spread over the threads of rayon's pool.

use image::{GrayImage, RgbImage};
use rayon::prelude::*;

/// A filter by which new pixels are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// The nearest pixel.
    Nearest,
    /// A weighted mean, of two by two pixels where the picture grows.
    Bilinear,
    /// A cubic curve (a = -0.5) through four by four pixels.
    Bicubic,
    /// A windowed sinc over six by six pixels: the sharpest.
    Lanczos,
}

impl Filter {
    /// Its reach in pixels of the larger picture; 0 for the nearest pixel, which uses no others.
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

/// Resizes a picture.
pub fn rgb(picture: &RgbImage, width: u32, height: u32, filter: Filter) -> RgbImage {
    let bytes = resize::<3>(picture.as_raw(), picture.dimensions(), (width, height), filter);
    RgbImage::from_raw(width, height, bytes).unwrap_or_default()
}

/// Resizes a grey picture.
pub fn grey(picture: &GrayImage, width: u32, height: u32, filter: Filter) -> GrayImage {
    let bytes = resize::<1>(picture.as_raw(), picture.dimensions(), (width, height), filter);
    GrayImage::from_raw(width, height, bytes).unwrap_or_default()
}

/// Resizes the pixels of a picture: first the rows, then the columns, with each pass rounded to bytes.
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

/// The one of `size` pixels that each of `new_size` pixels takes. As in Pillow (`ImagingScaleAffine`), places are a
/// running sum.
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

/// The fractional bits of a weight: a product of weight and byte fits into 32 bits, with two bits to spare for
/// overshoot.
const PRECISION_BITS: u32 = 32 - 8 - 2;

/// The pixels that a new pixel is made of: the index of the first one, and the weights from there on, which add up to
/// one.
struct Taps {
    first: usize,
    weights: Vec<i32>,
}

/// Computes the weights of all new pixels: Pillow's `precompute_coeffs` and `normalize_coeffs_8bpc`.
fn taps(size: usize, new_size: usize, filter: Filter) -> Vec<Taps> {
    let scale = size as f64 / new_size as f64;
    // Where the picture shrinks, the filter is as wide as new pixels are.
    let filter_scale = scale.max(1.0);
    let support = filter.support() * filter_scale;
    let of = |new: usize| {
        let centre = (new as f64 + 0.5) * scale;
        // The cast makes negative numbers 0.
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

/// Converts a sum of weighted bytes, which began at a half, to a byte.
fn byte(sum: i32) -> u8 {
    (sum >> PRECISION_BITS).clamp(0, 255) as u8
}

/// Resizes each row of `width` pixels to as many as there are taps.
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

/// Resizes the columns to as many pixels as there are taps. A row has `stride` bytes.
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
