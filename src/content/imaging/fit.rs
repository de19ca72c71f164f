//! Fits pictures into another shape: with edges filled in or cut off, as Diffusers does, or extended by margins.

use image::{RgbImage, imageops};

use super::margins::Margins;
use super::resize::{self, Filter};

/// Resizes a picture to fit inside a shape, centred, and repeats its first and last rows or columns to fill the rest
/// (`VaeImageProcessor._resize_and_fill`).
pub fn filled(picture: &RgbImage, width: u32, height: u32) -> RgbImage {
    let (w, h) = within(picture, width, height, |picture_is_wider| picture_is_wider);
    let resized = resize::rgb(picture, w, h, Filter::Lanczos);
    let (left, top) = (width / 2 - w / 2, height / 2 - h / 2);
    // Pillow's result for an empty box at an edge: a cubic extrapolated by half a pixel, the same for every pixel there.
    let beyond = |edge: u8, next: u8| ((i32::from(edge) * 9 - i32::from(next) + 4) >> 3).clamp(0, 255) as u8;
    RgbImage::from_fn(width, height, |x, y| {
        let nearest = (x.saturating_sub(left).min(w - 1), y.saturating_sub(top).min(h - 1));
        let edge = *resized.get_pixel(nearest.0, nearest.1);
        if (nearest.0 + left, nearest.1 + top) == (x, y) {
            return edge;
        }
        let inwards = |at: u32, nearest: u32, before: u32, size: u32| match () {
            () if at < before => 1.min(size - 1),
            () if at >= before + size => size.saturating_sub(2),
            () => nearest,
        };
        let next = resized.get_pixel(inwards(x, nearest.0, left, w), inwards(y, nearest.1, top, h));
        image::Rgb([0, 1, 2].map(|c| beyond(edge.0[c], next.0[c])))
    })
}

/// Resizes a picture to cover a shape, centred, and crops what lies outside (`VaeImageProcessor._resize_and_crop`).
pub fn cropped(picture: &RgbImage, width: u32, height: u32) -> RgbImage {
    let (w, h) = within(picture, width, height, |picture_is_wider| !picture_is_wider);
    let resized = resize::rgb(picture, w, h, Filter::Lanczos);
    let mut out = RgbImage::new(width, height);
    let middle = |outer: u32, inner: u32| i64::from(outer / 2) - i64::from(inner / 2);
    imageops::replace(&mut out, &resized, middle(width, w), middle(height, h));
    out
}

/// Computes the size of a picture resized in proportion to the given width or height.
fn within(picture: &RgbImage, width: u32, height: u32, keeps_width: impl Fn(bool) -> bool) -> (u32, u32) {
    let (w, h) = (u64::from(picture.width().max(1)), u64::from(picture.height().max(1)));
    let is_wider = f64::from(width) / f64::from(height) < w as f64 / h as f64;
    let is_alike = u64::from(width) * h == w * u64::from(height);
    if is_alike {
        (width, height)
    } else if keeps_width(is_wider) {
        (width, ((h * u64::from(width) / w) as u32).max(1))
    } else {
        (((w * u64::from(height) / h) as u32).max(1), height)
    }
}

/// Extends a picture by margins that repeat its edges.
pub fn extended(picture: &RgbImage, margins: Margins) -> RgbImage {
    let (width, height) = margins.around(picture.width() as usize, picture.height() as usize);
    let last = (picture.width() as usize - 1, picture.height() as usize - 1);
    RgbImage::from_fn(width as u32, height as u32, |x, y| {
        let x = (x as usize).saturating_sub(margins.left).min(last.0);
        let y = (y as usize).saturating_sub(margins.top).min(last.1);
        *picture.get_pixel(x as u32, y as u32)
    })
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    #[test]
    fn margins_repeat_the_edges() {
        let picture = RgbImage::from_fn(2, 2, |x, y| Rgb([x as u8, y as u8, 9]));
        let extended = extended(&picture, Margins { left: 1, top: 0, right: 2, bottom: 1 });
        let columns: Vec<u8> = (0..5).map(|x| extended.get_pixel(x, 0).0[0]).collect();
        let rows: Vec<u8> = (0..3).map(|y| extended.get_pixel(0, y).0[1]).collect();
        assert_eq!((columns, rows), (vec![0, 0, 1, 1, 1], vec![0, 1, 1]));
    }
}
