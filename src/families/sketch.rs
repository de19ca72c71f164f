//! What latents look like without their decoder: a linear map from each latent to a colour.
//!
//! It costs a thousandth of a decode and gives a picture of one pixel a latent.

use burn::tensor::Tensor;
use image::RgbImage;

use crate::base::error::Result;
use crate::content::imaging::pixels::rgb_image_from_unit;
use crate::ops;

/// Red, green and blue in -1..1 for each channel of a latent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SketchMap(pub &'static [[f32; 3]]);

impl SketchMap {
    /// Channels of the latents that it is for.
    pub fn channels(&self) -> usize {
        self.0.len()
    }

    /// Draws the first picture of a batch of latents, `[batch, channels, height, width]`.
    ///
    /// # Errors
    /// The device failed.
    pub fn draw(&self, latents: &Tensor<4>) -> Result<RgbImage> {
        let [_, channels, height, width] = latents.dims();
        let values = ops::read(latents.clone().narrow(0, 0, 1).permute([0, 2, 3, 1]))?;
        let rgb = values.chunks_exact(channels).flat_map(|latent| {
            (0..3).map(|colour| {
                let value: f32 = latent.iter().zip(self.0).map(|(x, factors)| x * factors[colour]).sum();
                value.mul_add(0.5, 0.5).clamp(0.0, 1.0)
            })
        });
        rgb_image_from_unit(&rgb.collect::<Vec<_>>(), width, height)
    }
}
