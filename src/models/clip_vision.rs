//! CLIP's vision tower (transformers `models/clip/modeling_clip.py`), which the safety checker uses.
//!
//! Limits: pictures of the size that the model was made for; positions aren't interpolated.

use burn::module::{Initializer, Module, Param};
use burn::nn::{Embedding, EmbeddingConfig, LayerNorm, LayerNormConfig};
use burn::tensor::{Device, Tensor};
use serde::Deserialize;

use super::clip_encoder::{Activation, ClipEncoder, ClipEncoderConfig};
use super::config::{NetworkConfig, check, read};
use crate::base::error::Result;
use crate::base::stop::Outcome;
use crate::ops::{self, AttentionMask, Conv2d, Padding};

/// The keys of a `vision_config` that determine the network, with transformers' defaults.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
struct ClipVisionConfig {
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    num_channels: usize,
    image_size: usize,
    patch_size: usize,
    hidden_act: Activation,
    layer_norm_eps: f64,
}

impl Default for ClipVisionConfig {
    fn default() -> Self {
        Self {
            hidden_size: 768,
            intermediate_size: 3072,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            num_channels: 3,
            image_size: 224,
            patch_size: 32,
            hidden_act: Activation::QuickGelu,
            layer_norm_eps: 1e-5,
        }
    }
}

/// `CLIPVisionModel`.
#[derive(Module, Debug)]
pub struct ClipVisionModel {
    embeddings: ClipVisionEmbeddings,
    // The checkpoints' spelling.
    pre_layrnorm: LayerNorm,
    encoder: ClipEncoder,
    post_layernorm: LayerNorm,
    #[module(skip)]
    layer_norm_eps: f64,
    image_size: usize,
}

#[derive(Module, Debug)]
#[expect(clippy::struct_field_names, reason = "the names are the checkpoints'")]
struct ClipVisionEmbeddings {
    class_embedding: Param<Tensor<1>>,
    patch_embedding: Conv2d,
    position_embedding: Embedding,
}

impl ClipVisionModel {
    /// Builds the network that a `vision_config` describes; its parameters take no memory until they are loaded.
    ///
    /// # Errors
    /// Numbers that don't fit together: the message names the key.
    pub fn new(config: &NetworkConfig, device: &Device) -> Result<Self> {
        let c: ClipVisionConfig = read(config, &[])?;
        let (width, patch) = (c.hidden_size, c.patch_size);
        let encoder = ClipEncoderConfig {
            width,
            inner: c.intermediate_size,
            layers: c.num_hidden_layers,
            heads: c.num_attention_heads,
            activation: c.hidden_act,
            epsilon: c.layer_norm_eps,
        };
        let encoder = ClipEncoder::new(encoder, device)?;
        check(c.num_channels == 3, || format!("num_channels = {}", c.num_channels))?;
        check(patch > 0 && (patch..=4096).contains(&c.image_size), || {
            format!("image_size = {} does not hold a patch of patch_size = {patch}", c.image_size)
        })?;
        let norm = || LayerNormConfig::new(width).with_epsilon(c.layer_norm_eps).init(device);
        let positions = (c.image_size / patch).pow(2) + 1;
        Ok(Self {
            embeddings: ClipVisionEmbeddings {
                class_embedding: Initializer::Zeros.init([width], device),
                patch_embedding: Conv2d::new(3, width, patch, device)
                    .with_stride(patch)
                    .with_padding(Padding::default())
                    .with_bias(false),
                position_embedding: EmbeddingConfig::new(positions, width).init(device),
            },
            pre_layrnorm: norm(),
            encoder,
            post_layernorm: norm(),
            layer_norm_eps: c.layer_norm_eps,
            image_size: c.image_size,
        })
    }

    /// Width of the embedding of a picture.
    pub fn width(&self) -> usize {
        self.embeddings.position_embedding.weight.dims()[1]
    }

    /// The side of the square pictures that it takes, in pixels.
    pub fn image_size(&self) -> usize {
        self.image_size
    }

    /// Computes `pooler_output`: `pixel_values` `[batch, 3, image_size, image_size]` to `[batch, 1, width]`.
    ///
    /// # Errors
    /// It was cancelled.
    pub fn forward(&self, pixel_values: Tensor<4>) -> Outcome<Tensor<3>> {
        let (batch, width) = (pixel_values.dims()[0], self.width());
        let ClipVisionEmbeddings { class_embedding, patch_embedding, position_embedding } = &self.embeddings;
        let patches = ops::conv2d(patch_embedding, pixel_values).flatten::<3>(2, 3).swap_dims(1, 2);
        let class = class_embedding.val().reshape([1, 1, width]).expand([batch, 1, width]);
        let x = Tensor::cat(vec![class, patches], 1) + position_embedding.weight.val().unsqueeze();
        let x = ops::layer_norm(&self.pre_layrnorm, x, self.layer_norm_eps);
        let x = self.encoder.forward(x, AttentionMask::None)?;
        Ok(ops::layer_norm(&self.post_layernorm, x.narrow(1, 0, 1), self.layer_norm_eps))
    }
}
