//! What the latents of Stable Diffusion 1 and 2 look like without their autoencoder.
//!
//! Limits: their autoencoders share one latent space; every other one has a map of its own, which nobody has published.

use serde_json::Value;

use crate::families::sketch::SketchMap;
use crate::models::config::NetworkConfig;

/// The autoencoder that the map belongs to: the `block_out_channels` and `scaling_factor` of its `config.json`.
const CHANNELS: [u64; 4] = [128, 256, 512, 512];
const SCALING_FACTOR: f64 = 0.18215;

/// Fitted by keturn for Stable Diffusion 1.4 (discuss.huggingface.co/t/decoding-latents-to-rgb-without-upscaling/23204), used by
/// many since. A little pale.
const MAP: SketchMap =
    SketchMap(&[[0.298, 0.207, 0.208], [0.187, 0.286, 0.173], [-0.158, 0.189, 0.264], [-0.184, -0.271, -0.473]]);

/// The map for the autoencoder that a `config.json` describes, if its latents are those of Stable Diffusion 1 and 2.
pub(super) fn sketch_map(vae: &NetworkConfig) -> Option<SketchMap> {
    let latent_channels = MAP.channels() as u64;
    let channels = vae.get("block_out_channels").and_then(|v| v.as_array());
    let is_known = channels.is_some_and(|channels| channels.iter().map(Value::as_u64).eq(CHANNELS.map(Some)))
        && vae.get("scaling_factor").map_or(Some(SCALING_FACTOR), Value::as_f64) == Some(SCALING_FACTOR)
        && vae.get("latent_channels").map_or(Some(latent_channels), Value::as_u64) == Some(latent_channels);
    is_known.then_some(MAP)
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor, TensorData};
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_autoencoder_of_stable_diffusion_has_a_map() {
        let knows = |config: Value| sketch_map(config.as_object().expect("an object")).is_some();
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
        let picture = MAP.draw(&latents).expect("a picture");
        assert_eq!(picture.dimensions(), (2, 1));
        assert_eq!(picture.get_pixel(0, 0).0, [128; 3]);
        // 0.5 + (0.298 + 0.184) / 2 of 255, and so on.
        assert_eq!(picture.get_pixel(1, 0).0, [189, 188, 214]);
    }
}
