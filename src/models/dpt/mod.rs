//! `DPTForDepthEstimation` (transformers `models/dpt/modeling_dpt.py`): how far away each pixel is. Intel/dpt-large takes
//! patches, Intel/dpt-hybrid-midas, which is part of Stable Diffusion 2 Depth, the feature maps of a ResNet.
//!
//! Limits: square pictures of the size that the model was made for; no batch norm, no other backbones.

mod bit;
mod config;
mod neck;
mod vit;

use burn::module::Module;
use burn::nn::{LayerNorm, LayerNormConfig};
use burn::tensor::{Device, Tensor};

use super::config::{NetworkConfig, check};
use crate::base::error::Result;
use bit::{BitBackbone, STAGES};
use config::{DptConfig, HYBRID_MAPS};
use neck::{DptDepthEstimationHead, DptNeck, Feature};
use vit::{DptEmbeddings, DptVitEncoder};

/// The depth estimator.
#[derive(Module, Debug)]
pub struct DptForDepthEstimation {
    dpt: DptModel,
    neck: DptNeck,
    head: DptDepthEstimationHead,
    image_size: usize,
    grid: usize,
    /// Layers of the transformer that the neck reads.
    #[module(skip)]
    out_indices: Vec<usize>,
}

/// The transformer. Its `layernorm` is in the checkpoints, but the neck reads the layers before it.
#[derive(Module, Debug)]
struct DptModel {
    embeddings: DptEmbeddings,
    encoder: DptVitEncoder,
    layernorm: LayerNorm,
}

impl DptForDepthEstimation {
    /// Builds the network that a `config.json` describes; its parameters take no memory until they are loaded.
    ///
    /// # Errors
    /// An option that is not supported, or numbers that don't fit together: the message names the key.
    pub fn new(config: &NetworkConfig, device: &Device) -> Result<Self> {
        let c = DptConfig::read(config)?;
        let mut backbone = None;
        if c.is_hybrid {
            let (network, channels) = BitBackbone::new(&c.backbone_config, device)?;
            c.check_hybrid(channels)?;
            backbone = Some((network, channels[STAGES - 1]));
        } else {
            check(c.backbone_config.is_empty(), || "backbone_config is for hybrid models only".into())?;
        }
        let maps = if c.is_hybrid { HYBRID_MAPS } else { 0 };
        Ok(Self {
            dpt: DptModel {
                embeddings: DptEmbeddings::new(&c, backbone, device),
                encoder: DptVitEncoder::new(&c, device),
                layernorm: LayerNormConfig::new(c.hidden_size).init(device),
            },
            neck: DptNeck::new(&c, maps, device),
            head: DptDepthEstimationHead::new(&c, device),
            image_size: c.image_size,
            grid: c.grid(),
            out_indices: c.backbone_out_indices[maps..].to_vec(),
        })
    }

    /// The side of the square pictures that it takes, in pixels.
    pub fn image_size(&self) -> usize {
        self.image_size
    }

    /// Computes `predicted_depth`: `pixel_values` `[batch, 3, image_size, image_size]` to `[batch, height, width]`, larger
    /// where it is nearer, never below 0.
    pub fn forward(&self, pixel_values: Tensor<4>) -> Tensor<3> {
        let [batch, _, height, width] = pixel_values.dims();
        let device = pixel_values.device();
        let (tokens, maps) = self.dpt.embeddings.forward(pixel_values);
        let layers = self.dpt.encoder.forward(tokens);
        let tokens = self.out_indices.iter().filter_map(|&i| layers.get(i).cloned()).map(Feature::Tokens);
        let features = maps.into_iter().map(Feature::Map).chain(tokens).collect();
        match self.neck.forward(features, self.grid) {
            Some(merged) => self.head.forward(merged),
            // Unreachable: the config was checked to have stages.
            None => Tensor::zeros([batch, height, width], &device),
        }
    }
}
