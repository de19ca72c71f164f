//! Between pictures and the latents that a denoiser works on.

use burn::tensor::{DType, Tensor, TensorData};
use serde::Deserialize;

use super::sketch::SketchMap;
use crate::base::error::{Error, Result};
use crate::base::stop::Outcome;
use crate::models::autoencoder_kl::DiagonalGaussian;
use crate::models::config::{NetworkConfig, check, read};

/// Encodes pictures and decodes latents, `[batch, channels, height, width]`. Pictures are `[batch, 3, height, width]` in -1..1.
pub trait LatentCodec {
    /// Channels of a latent.
    fn channels(&self) -> usize;

    /// Pixels that a latent stands for, each way.
    fn factor(&self) -> usize;

    /// Between the latents of [`Self::encode`] and those of the denoiser.
    fn scale(&self) -> &LatentScale;

    /// A map from latents to colours that needs no decoder, if one is known.
    fn sketch(&self) -> Option<&SketchMap>;

    /// Encodes pictures to the distribution of their latents, before they are scaled; in tiles of so many latents each way, or
    /// whole.
    ///
    /// # Errors
    /// It was cancelled, or the network can't be loaded.
    fn encode(&self, pictures: Tensor<4>, tile: Option<usize>) -> Outcome<DiagonalGaussian>;

    /// Decodes latents as the denoiser knows them; in tiles of so many latents each way, or whole. The result may overshoot.
    ///
    /// # Errors
    /// It was cancelled, or the network can't be loaded.
    fn decode(&self, latents: Tensor<4>, tile: Option<usize>) -> Outcome<Tensor<4>>;
}

/// The scaling of latents for a denoiser: `(latent - shift - mean) * factor / std`, mean and standard deviation by channel.
#[derive(Clone, Debug, PartialEq)]
pub struct LatentScale {
    factor: f64,
    shift: f64,
    /// A mean and a standard deviation for each channel.
    statistics: Option<Statistics>,
}

#[derive(Clone, Debug, PartialEq)]
struct Statistics {
    mean: Vec<f32>,
    std: Vec<f32>,
}

/// The keys of an autoencoder's `config.json` that scale its latents, with Diffusers' defaults.
#[derive(Deserialize)]
#[serde(default)]
struct ScaleConfig {
    scaling_factor: f64,
    shift_factor: f64,
    latents_mean: Option<Vec<f32>>,
    latents_std: Option<Vec<f32>>,
}

impl Default for ScaleConfig {
    fn default() -> Self {
        Self { scaling_factor: 0.18215, shift_factor: 0.0, latents_mean: None, latents_std: None }
    }
}

impl LatentScale {
    /// Latents that are used as they are.
    pub const NONE: Self = Self { factor: 1.0, shift: 0.0, statistics: None };

    /// Reads the scale of an autoencoder with so many channels from its `config.json`.
    ///
    /// # Errors
    /// A factor that nothing can be divided by, or statistics of another number of channels.
    pub fn of(config: &NetworkConfig, channels: usize) -> Result<Self> {
        let ScaleConfig { scaling_factor: factor, shift_factor: shift, latents_mean, latents_std } = read(config, &[])?;
        check(factor.is_normal(), || format!("scaling_factor = {factor}"))?;
        let statistics = match (latents_mean, latents_std) {
            (None, None) => None,
            (Some(mean), Some(std)) if mean.len() == channels && std.len() == channels => {
                check(std.iter().all(|x| x.is_normal()), || format!("latents_std = {std:?}"))?;
                Some(Statistics { mean, std })
            }
            _ => {
                return Err(Error::new(format!(
                    "config.json: latents_mean and latents_std aren't {channels} numbers each, one for each of latent_channels"
                )));
            }
        };
        Ok(Self { factor, shift, statistics })
    }

    /// The latents as the denoiser knows them, from those of the autoencoder.
    pub fn apply(&self, latents: Tensor<4>) -> Tensor<4> {
        let Some(Statistics { mean, std }) = &self.statistics else { return (latents - self.shift) * self.factor };
        let (mean, std) = (by_channel(mean, &latents), by_channel(std, &latents));
        (latents - self.shift - mean) * self.factor / std
    }

    /// The way back: what the autoencoder decodes.
    pub fn undo(&self, latents: Tensor<4>) -> Tensor<4> {
        let Some(Statistics { mean, std }) = &self.statistics else { return latents / self.factor + self.shift };
        let (mean, std) = (by_channel(mean, &latents), by_channel(std, &latents));
        latents * std / self.factor + mean + self.shift
    }
}

fn by_channel(values: &[f32], like: &Tensor<4>) -> Tensor<4> {
    let data = TensorData::new(values.to_vec(), [1, values.len(), 1, 1]);
    Tensor::<4>::from_data(data, (&like.device(), DType::F32)).cast(like.dtype())
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use serde_json::{Value, json};

    use super::*;

    fn scale(config: &Value) -> Result<LatentScale> {
        LatentScale::of(config.as_object().expect("an object"), 2)
    }

    fn numbers(latents: Tensor<4>) -> Vec<f32> {
        latents.into_data().try_into_vec().expect("f32")
    }

    #[test]
    fn latents_are_scaled_shifted_and_normalised_by_channel_and_come_back() {
        let latents = Tensor::<4>::from_data(TensorData::new(vec![3.0_f32, 5.0], [1, 2, 1, 1]), &Device::flex());
        let shifted = scale(&json!({ "scaling_factor": 0.5, "shift_factor": 1.0 })).expect("a scale");
        assert_eq!(numbers(shifted.apply(latents.clone())), [1.0, 2.0]);
        let of_config = json!({ "scaling_factor": 0.5, "latents_mean": [1.0, 3.0], "latents_std": [2.0, 0.5] });
        let normalised = scale(&of_config).expect("a scale");
        assert_eq!(numbers(normalised.apply(latents.clone())), [0.5, 2.0]);
        for scale in [shifted, normalised, LatentScale::NONE] {
            assert_eq!(numbers(scale.undo(scale.apply(latents.clone()))), [3.0, 5.0]);
        }
    }

    #[test]
    fn a_scale_that_makes_no_sense_is_refused() {
        for config in &[
            json!({ "scaling_factor": 0.0 }),
            json!({ "latents_mean": [1.0, 2.0] }),
            json!({ "latents_mean": [1.0], "latents_std": [1.0] }),
            json!({ "latents_mean": [1.0, 2.0], "latents_std": [1.0, 0.0] }),
        ] {
            assert!(scale(config).is_err(), "{config}");
        }
    }
}
