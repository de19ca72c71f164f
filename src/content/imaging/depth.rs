//! Depth maps: larger numbers are nearer, in no particular unit.

use image::{GrayImage, ImageBuffer, Luma};

use super::pixels::u8_from_unit;
use super::resize::{self, Filter};
use crate::base::error::{Error, Result};

/// The nearness of every place in a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct DepthMap {
    width: usize,
    height: usize,
    /// The values, row by row.
    values: Vec<f32>,
}

impl DepthMap {
    /// Makes a map of `width * height` values, row by row.
    ///
    /// # Errors
    /// The number of values is another one, or 0.
    pub fn new(values: Vec<f32>, width: usize, height: usize) -> Result<Self> {
        if values.is_empty() || width.checked_mul(height) != Some(values.len()) {
            return Err(Error::new(format!("{} values don't make a depth map of {width} x {height}", values.len())));
        }
        Ok(Self { width, height, values })
    }

    /// Makes a map of the brightness of a picture: bright is near.
    ///
    /// # Errors
    /// The picture has no pixels.
    pub fn from_grey(grey: &ImageBuffer<Luma<u16>, Vec<u16>>) -> Result<Self> {
        let values = grey.as_raw().iter().map(|value| f32::from(*value)).collect();
        Self::new(values, grey.width() as usize, grey.height() as usize)
    }

    /// The values, row by row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The number of values in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Resizes the map as torch's `interpolate` does with mode `bicubic` and `align_corners` false: a cubic (a = -0.75)
    /// through four by four values, even where the map shrinks.
    #[must_use]
    pub fn resized(&self, width: usize, height: usize) -> Self {
        let (columns, rows) = (cubic(self.width, width), cubic(self.height, height));
        let mut values = Vec::with_capacity(width * height);
        for row in &rows {
            for column in &columns {
                let across =
                    |y: usize| column.iter().map(|(x, weight)| self.values[y * self.width + x] * weight).sum::<f32>();
                values.push(row.iter().map(|(y, weight)| across(*y) * weight).sum());
            }
        }
        Self { width, height, values }
    }

    /// Scales the values to -1..1, as `prepare_depth_map` does.
    ///
    /// # Errors
    /// They are all the same, or not finite.
    pub fn normalised(&self) -> Result<Vec<f32>> {
        let (least, most) = self
            .values
            .iter()
            .fold((f32::INFINITY, f32::NEG_INFINITY), |(least, most), x| (least.min(*x), most.max(*x)));
        if self.values.iter().any(|x| !x.is_finite()) {
            return Err(Error::new("The depth map has values that are not finite numbers"));
        }
        if most <= least {
            return Err(Error::new("The depth map has no depth: it is the same everywhere")
                .advise("Choose a picture, or a depth map, that shows what is near and what is far"));
        }
        Ok(self.values.iter().map(|x| 2.0 * (x - least) / (most - least) - 1.0).collect())
    }

    /// Makes a picture of the map: the nearest is white, the farthest black.
    ///
    /// # Errors
    /// As for [`Self::normalised`].
    pub fn shown(&self, width: u32, height: u32) -> Result<GrayImage> {
        let bytes = self.normalised()?.into_iter().map(|x| u8_from_unit(x * 0.5 + 0.5)).collect();
        let grey = GrayImage::from_raw(self.width as u32, self.height as u32, bytes).unwrap_or_default();
        Ok(resize::grey(&grey, width, height, Filter::Bicubic))
    }
}

/// The four places and their weights for each of `new_size` values, from `size` values. Places beyond the ends are the
/// ends.
fn cubic(size: usize, new_size: usize) -> Vec<[(usize, f32); 4]> {
    const A: f32 = -0.75;
    let near = |x: f32| ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0;
    let far = |x: f32| ((A * x - 5.0 * A) * x + 8.0 * A) * x - 4.0 * A;
    let scale = size as f32 / new_size as f32;
    let of = |new: usize| {
        let at = (new as f32 + 0.5) * scale - 0.5;
        let (floor, t) = (at.floor(), at - at.floor());
        let place = |offset: f32| (floor + offset).clamp(0.0, (size - 1) as f32) as usize;
        [(place(-1.0), far(t + 1.0)), (place(0.0), near(t)), (place(1.0), near(1.0 - t)), (place(2.0), far(2.0 - t))]
    };
    (0..new_size).map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_without_depth_is_refused() {
        let flat = DepthMap::new(vec![3.0; 12], 4, 3).expect("a map");
        assert!(flat.normalised().expect_err("flat").to_string().starts_with("The depth map has no depth"));
        let broken = DepthMap::new(vec![f32::NAN, 1.0], 2, 1).expect("a map");
        assert!(broken.normalised().expect_err("broken").to_string().contains("not finite numbers"));
        DepthMap::new(vec![0.0; 5], 2, 2).expect_err("too many");
        DepthMap::new(vec![], 0, 0).expect_err("none");
    }

    #[test]
    fn the_nearest_is_white() {
        let map = DepthMap::new(vec![5.0, 7.0, 6.0], 3, 1).expect("a map");
        assert_eq!(map.normalised().expect("there is depth"), [-1.0, 1.0, 0.0]);
        assert_eq!(map.shown(3, 1).expect("there is depth").into_raw(), [0, 255, 128]);
    }
}
