//! What latents look like, without their autoencoder: a linear map of each latent to a colour.
//!
//! It costs a thousandth of a decode and gives a picture of one pixel a latent. Limits: the latents of Stable Diffusion 1 and 2,
//! whose autoencoders share one latent space; every other one has a map of its own, which nobody has published.

use burn::tensor::Tensor;
use image::RgbImage;
use serde_json::Value;

use crate::base::error::Result;
use crate::content::imaging::pixels::rgb_image_from_unit;
use crate::models::config::NetworkConfig;
use crate::ops::read;

/// The autoencoder that the map belongs to: the `block_out_channels` and `scaling_factor` of its `config.json`.
const CHANNELS: [u64; 4] = [128, 256, 512, 512];
const SCALING_FACTOR: f64 = 0.18215;

/// Red, green and blue in -1..1 for each of the four channels of a latent: fitted by keturn for Stable Diffusion 1.4
/// (discuss.huggingface.co/t/decoding-latents-to-rgb-without-upscaling/23204), used by many since. A little pale.
const FACTORS: [[f32; 3]; 4] =
    [[0.298, 0.207, 0.208], [0.187, 0.286, 0.173], [-0.158, 0.189, 0.264], [-0.184, -0.271, -0.473]];

/// Whether the latents of the autoencoder that a `config.json` describes are those of the map.
pub(super) fn knows(vae: &NetworkConfig) -> bool {
    let channels = vae.get("block_out_channels").and_then(|v| v.as_array());
    let scaling_factor = vae.get("scaling_factor").map_or(Some(SCALING_FACTOR), Value::as_f64);
    let latent_channels = vae.get("latent_channels").map_or(Some(FACTORS.len() as u64), Value::as_u64);
    channels.is_some_and(|channels| channels.iter().map(Value::as_u64).eq(CHANNELS.map(Some)))
        && scaling_factor == Some(SCALING_FACTOR)
        && latent_channels == Some(FACTORS.len() as u64)
}

/// The first picture of a batch of scaled latents, `[batch, 4, height, width]`.
pub(super) fn draw(latents: &Tensor<4>) -> Result<RgbImage> {
    let [_, channels, height, width] = latents.dims();
    let values = read(latents.clone().narrow(0, 0, 1).permute([0, 2, 3, 1]))?;
    let rgb = values.chunks_exact(channels).flat_map(|latent| {
        (0..3).map(|colour| {
            let value: f32 = latent.iter().zip(&FACTORS).map(|(x, factors)| x * factors[colour]).sum();
            value.mul_add(0.5, 0.5).clamp(0.0, 1.0)
        })
    });
    rgb_image_from_unit(&rgb.collect::<Vec<_>>(), width, height)
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_autoencoder_of_stable_diffusion_has_a_map() {
        let knows = |config: Value| super::knows(config.as_object().expect("an object"));
        // The config.json of Stable Diffusion 1.5, which leaves the scaling factor to the default, and of 2.1.
        assert!(knows(json!({ "block_out_channels": [128, 256, 512, 512], "latent_channels": 4 })));
        assert!(knows(
            json!({ "block_out_channels": [128, 256, 512, 512], "latent_channels": 4, "scaling_factor": 0.18215 })
        ));
        // Stable Diffusion XL, 3, and a small model.
        assert!(!knows(json!({ "block_out_channels": [128, 256, 512, 512], "scaling_factor": 0.13025 })));
        assert!(!knows(json!({ "block_out_channels": [128, 256, 512, 512], "latent_channels": 16 })));
        assert!(!knows(json!({ "block_out_channels": [32, 64, 96], "latent_channels": 4 })));
        assert!(!knows(json!({})));
    }

    #[test]
    fn a_latent_becomes_a_pixel_of_the_first_picture() {
        // Two pictures of two latents: what counts is the first picture.
        let mut values = vec![9.0_f32; 2 * 4 * 2];
        for (channel, latents) in [[0.0, 1.0], [0.0, 0.0], [0.0, 0.0], [0.0, -1.0]].into_iter().enumerate() {
            values[2 * channel..][..2].copy_from_slice(&latents);
        }
        let latents = Tensor::from_data(TensorData::new(values, [2, 4, 1, 2]), &Device::flex());
        let picture = draw(&latents).expect("a picture");
        assert_eq!(picture.dimensions(), (2, 1));
        assert_eq!(picture.get_pixel(0, 0).0, [128; 3]);
        // 0.5 + (0.298 + 0.184) / 2 of 255, and so on.
        assert_eq!(picture.get_pixel(1, 0).0, [189, 188, 214]);
    }
}
