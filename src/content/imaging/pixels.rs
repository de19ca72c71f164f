//! Converting the numbers of a decoder to the bytes of a picture.

use image::RgbImage;

use crate::base::error::{Error, Result};

/// Converts one channel of a pixel from 0..1 to 0..255, as Diffusers' `numpy_to_pil`: `(value * 255).round()` in f32,
/// where numpy rounds halves to even. Values outside are clamped, as by `VaeImageProcessor.denormalize`.
pub fn u8_from_unit(value: f32) -> u8 {
    (value.clamp(0.0, 1.0) * 255.0).round_ties_even() as u8
}

/// Makes a picture of `[height, width, 3]` values in 0..1, row-major.
///
/// # Errors
/// The number of values isn't `height * width * 3`.
pub fn rgb_image_from_unit(values: &[f32], width: usize, height: usize) -> Result<RgbImage> {
    let bytes = values.iter().copied().map(u8_from_unit).collect();
    let sides = u32::try_from(width).ok().zip(u32::try_from(height).ok());
    sides.and_then(|(width, height)| RgbImage::from_raw(width, height, bytes)).ok_or_else(|| {
        Error::new(format!(
            "{} values don't make a picture of {width} x {height} pixels in three colours",
            values.len()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_round_to_even_as_numpy_rounds_them() {
        // 0.5, 1.5, 2.5 and 254.5 two-hundred-fifty-fifths: numpy gives 0, 2, 2, 254.
        let halves = [0.5, 1.5, 2.5, 254.5].map(|half: f32| half / 255.0);
        assert_eq!(halves.map(|value| (value * 255.0).to_bits()), [0.5, 1.5, 2.5, 254.5].map(f32::to_bits), "exact");
        assert_eq!(halves.map(u8_from_unit), [0, 2, 2, 254]);
    }

    #[test]
    fn values_outside_are_clamped() {
        assert_eq!([-1.0, 0.0, 1.0, 7.0].map(u8_from_unit), [0, 0, 255, 255]);
    }

    #[test]
    fn every_byte_comes_back_from_its_value() {
        assert!((0..=255).all(|byte: u8| u8_from_unit(f32::from(byte) / 255.0) == byte));
    }

    #[test]
    fn a_picture_of_the_wrong_length_is_refused() {
        assert!(rgb_image_from_unit(&[0.0; 11], 2, 2).is_err());
        let picture = rgb_image_from_unit(&[0.0, 0.5, 1.0, 1.0, 1.0, 1.0], 2, 1).expect("two pixels");
        assert_eq!(picture.get_pixel(0, 0).0, [0, 128, 255]);
    }
}
