//! How two pictures differ, pixel by pixel.

use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};

/// The differences of two pictures.
#[derive(Debug)]
pub struct Difference {
    /// The size of each colour's difference, made so bright that the largest is white.
    pub image: egui::ColorImage,
    /// The largest difference of a colour, 0 to 255.
    pub largest: u8,
    /// How many of a hundred pixels differ.
    pub percent_changed: f64,
    /// Whether the second was scaled to the size of the first to be compared.
    pub is_scaled: bool,
}

/// Compares two pictures; the second is scaled if it has another size.
pub(super) fn difference(first: &RgbImage, second: &RgbImage) -> Difference {
    let is_scaled = first.dimensions() != second.dimensions();
    let scaled;
    let second = if is_scaled {
        scaled = imageops::resize(second, first.width(), first.height(), FilterType::Triangle);
        &scaled
    } else {
        second
    };
    let mut differences = first.clone();
    let (mut largest, mut changed) = (0, 0_u64);
    for (Rgb(pixel), Rgb(other)) in differences.pixels_mut().zip(second.pixels()) {
        for (colour, other) in pixel.iter_mut().zip(other) {
            *colour = colour.abs_diff(*other);
        }
        let most = pixel.iter().copied().max().unwrap_or(0);
        largest = largest.max(most);
        changed += u64::from(most > 0);
    }
    if largest > 0 {
        let brighter: Vec<u8> =
            (0..=largest).map(|value| (u16::from(value) * 255 / u16::from(largest)) as u8).collect();
        for colour in differences.iter_mut() {
            *colour = brighter.get(usize::from(*colour)).copied().unwrap_or(u8::MAX);
        }
    }
    let pixels = (u64::from(first.width()) * u64::from(first.height())).max(1);
    let percent_changed = changed as f64 * 100.0 / pixels as f64;
    let size = [first.width() as usize, first.height() as usize];
    Difference { image: egui::ColorImage::from_rgb(size, &differences), largest, percent_changed, is_scaled }
}

#[cfg(test)]
mod tests {
    use egui::Color32;

    use super::*;

    fn picture(colours: [[u8; 3]; 4]) -> RgbImage {
        RgbImage::from_raw(2, 2, colours.concat()).expect("four pixels")
    }

    #[test]
    fn equal_pictures_do_not_differ() {
        let picture = picture([[1, 2, 3]; 4]);
        let difference = difference(&picture, &picture);
        assert_eq!((difference.largest, difference.percent_changed, difference.is_scaled), (0, 0.0, false));
        assert!(difference.image.pixels.iter().all(|pixel| *pixel == Color32::BLACK));
    }

    #[test]
    fn small_differences_are_made_visible_and_counted() {
        let first = picture([[10, 10, 10]; 4]);
        let mut second = first.clone();
        second.put_pixel(1, 0, Rgb([12, 9, 10]));
        let difference = difference(&first, &second);
        assert_eq!((difference.largest, difference.percent_changed), (2, 25.0));
        assert_eq!(difference.image.pixels[1].to_array(), [255, 127, 0, 255]);
        assert_eq!(difference.image.pixels[0], Color32::BLACK);
    }

    #[test]
    fn another_size_is_scaled_to_the_first() {
        let first = picture([[10, 10, 10]; 4]);
        let difference = difference(&first, &RgbImage::from_pixel(5, 3, Rgb([10, 10, 10])));
        assert!(difference.is_scaled);
        assert_eq!((difference.largest, difference.image.size), (0, [2, 2]));
    }
}
