//! Filling a hole in a picture with its blurred surroundings, by pull and push over a pyramid of halved pictures
//! (Gortler et al., "The Lumigraph", 1996, section 3.4). The time is proportional to the number of pixels, whatever the
//! size of the hole.

use image::{GrayImage, Rgb, RgbImage};

/// A level of the pyramid: colours, each with a weight of 0 (unknown) to 1.
struct PyramidLevel {
    width: usize,
    height: usize,
    pixels: Vec<([f32; 3], f32)>,
}

impl PyramidLevel {
    fn of(picture: &RgbImage, hole: &GrayImage) -> Self {
        let known = |hole: u8| f32::from(255 - hole) / 255.0;
        let pixels = picture.pixels().zip(hole.pixels());
        let pixels = pixels.map(|(colour, hole)| (colour.0.map(f32::from), known(hole.0[0]))).collect();
        Self { width: picture.width() as usize, height: picture.height() as usize, pixels }
    }

    /// Makes the level of half the size: the mean of those of four pixels that are known.
    fn pulled(&self) -> Self {
        let (width, height) = (self.width.div_ceil(2), self.height.div_ceil(2));
        let mut pixels = Vec::with_capacity(width * height);
        for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
            let (mut sum, mut weight) = ([0.0; 3], 0.0);
            for (y, x) in [(2 * y, 2 * x), (2 * y, 2 * x + 1), (2 * y + 1, 2 * x), (2 * y + 1, 2 * x + 1)] {
                if y < self.height && x < self.width {
                    let (colour, known) = self.pixels[y * self.width + x];
                    sum = [0, 1, 2].map(|c| sum[c] + colour[c] * known);
                    weight += known;
                }
            }
            let colour = if weight > 0.0 { sum.map(|sum| sum / weight) } else { sum };
            pixels.push((colour, f32::min(weight, 1.0)));
        }
        Self { width, height, pixels }
    }

    /// Fills in unknown pixels by interpolating between those of the level of half the size.
    fn push(&mut self, half: &Self) {
        let place = |at: usize, size: usize| {
            let at = (at as f32 / 2.0 - 0.25).max(0.0);
            let first = (at as usize).min(size - 1);
            (first, (first + 1).min(size - 1), at - first as f32)
        };
        for (i, (colour, known)) in self.pixels.iter_mut().enumerate() {
            let (top, bottom, down) = place(i / self.width, half.height);
            let (left, right, across) = place(i % self.width, half.width);
            let at = |y: usize, x: usize, c: usize| half.pixels[y * half.width + x].0[c];
            *colour = [0, 1, 2].map(|c| {
                let above = at(top, left, c) * (1.0 - across) + at(top, right, c) * across;
                let below = at(bottom, left, c) * (1.0 - across) + at(bottom, right, c) * across;
                colour[c] * *known + (above * (1.0 - down) + below * down) * (1.0 - *known)
            });
            *known = 1.0;
        }
    }
}

/// Fills the hole of a picture (255 in `hole`; 0 is outside). A picture that is all hole becomes black.
pub fn fill(picture: &RgbImage, hole: &GrayImage) -> RgbImage {
    let mut levels = vec![PyramidLevel::of(picture, hole)];
    while let Some(last) = levels.last()
        && last.width.max(last.height) > 1
    {
        levels.push(last.pulled());
    }
    let mut filled = levels.pop();
    while let (Some(half), Some(mut level)) = (&filled, levels.pop()) {
        level.push(half);
        filled = Some(level);
    }
    let mut out = picture.clone();
    for (out, (colour, _)) in out.pixels_mut().zip(filled.into_iter().flat_map(|level| level.pixels)) {
        *out = Rgb(colour.map(|c| c.round_ties_even() as u8));
    }
    out
}

#[cfg(test)]
mod tests {
    use image::Luma;

    use super::*;

    #[test]
    fn a_hole_takes_the_colours_around_it_and_nothing_else_changes() {
        let picture = RgbImage::from_fn(61, 45, |x, _| if x < 30 { Rgb([200, 0, 0]) } else { Rgb([0, 0, 200]) });
        let is_hole = |x: u32, y: u32| (10..50).contains(&x) && (5..40).contains(&y);
        let hole = GrayImage::from_fn(61, 45, |x, y| Luma([if is_hole(x, y) { 255 } else { 0 }]));
        let mut spoilt = picture.clone();
        for (x, y, pixel) in spoilt.enumerate_pixels_mut() {
            if is_hole(x, y) {
                *pixel = Rgb([0, 255, 0]);
            }
        }
        let filled = fill(&spoilt, &hole);
        for (x, y, pixel) in filled.enumerate_pixels() {
            assert!(is_hole(x, y) || pixel == picture.get_pixel(x, y), "{x}, {y}");
            assert_eq!(pixel.0[1], 0, "nothing green is left at {x}, {y}");
        }
        let [left, right] = [filled.get_pixel(12, 20).0, filled.get_pixel(47, 20).0];
        assert!(left[0] > 150 && left[2] < 50 && right[2] > 150 && right[0] < 50, "{left:?} {right:?}");
    }

    #[test]
    fn a_picture_that_is_all_hole_and_one_without_a_hole_are_no_trouble() {
        let picture = RgbImage::from_pixel(7, 3, Rgb([1, 2, 3]));
        assert_eq!(fill(&picture, &GrayImage::new(7, 3)), picture);
        let all = GrayImage::from_pixel(7, 3, Luma([255]));
        assert_eq!(fill(&picture, &all), RgbImage::new(7, 3));
        assert_eq!(fill(&RgbImage::new(1, 1), &GrayImage::new(1, 1)), RgbImage::new(1, 1));
    }
}
