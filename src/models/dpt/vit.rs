//! DPT's vision transformer and its two kinds of embeddings: from patches (`DPTViTEmbeddings`) or from the last map of a ResNet
//! (`DPTViTHybridEmbeddings`).

use burn::module::{Initializer, Module, Param};
use burn::nn::{LayerNorm, LayerNormConfig};
use burn::tensor::{Device, Tensor};

use super::bit::BitBackbone;
use super::config::DptConfig;
use crate::ops::{self, AttentionMask, Conv2d, Linear, Padding};

/// The layers before the transformer.
#[derive(Module, Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one of it a model")]
pub(super) enum DptEmbeddings {
    Patches(DptVitEmbeddings),
    Hybrid(DptVitHybridEmbeddings),
}

#[derive(Module, Debug)]
pub(super) struct DptVitEmbeddings {
    cls_token: Param<Tensor<3>>,
    position_embeddings: Param<Tensor<3>>,
    patch_embeddings: PatchEmbeddings,
}

#[derive(Module, Debug)]
struct PatchEmbeddings {
    projection: Conv2d,
}

#[derive(Module, Debug)]
pub(super) struct DptVitHybridEmbeddings {
    cls_token: Param<Tensor<3>>,
    position_embeddings: Param<Tensor<3>>,
    backbone: BitBackbone,
    projection: Conv2d,
}

impl DptEmbeddings {
    /// Builds embeddings from patches, or from the last map of a backbone, which has this many channels.
    pub(super) fn new(c: &DptConfig, backbone: Option<(BitBackbone, usize)>, device: &Device) -> Self {
        let (width, patch) = (c.hidden_size, c.patch_size);
        let cls_token = Initializer::Zeros.init([1, 1, width], device);
        let position_embeddings = Initializer::Zeros.init([1, c.grid() * c.grid() + 1, width], device);
        if let Some((backbone, channels)) = backbone {
            let projection = Conv2d::new(channels, width, 1, device);
            return Self::Hybrid(DptVitHybridEmbeddings { cls_token, position_embeddings, backbone, projection });
        }
        let projection = Conv2d::new(3, width, patch, device).with_stride(patch).with_padding(Padding::default());
        let patch_embeddings = PatchEmbeddings { projection };
        Self::Patches(DptVitEmbeddings { cls_token, position_embeddings, patch_embeddings })
    }

    /// Embeds `[batch, 3, image_size, image_size]` as tokens `[batch, 1 + patches, width]`; the maps of the backbone's earlier
    /// stages are returned as well.
    pub(super) fn forward(&self, pixel_values: Tensor<4>) -> (Tensor<3>, Vec<Tensor<4>>) {
        let (map, maps, cls_token, positions) = match self {
            Self::Patches(DptVitEmbeddings { cls_token, position_embeddings, patch_embeddings }) => {
                let map = ops::conv2d(&patch_embeddings.projection, pixel_values);
                (map, Vec::new(), cls_token, position_embeddings)
            }
            Self::Hybrid(DptVitHybridEmbeddings { cls_token, position_embeddings, backbone, projection }) => {
                let mut maps = backbone.forward(pixel_values.clone());
                let last = maps.pop().unwrap_or(pixel_values);
                (ops::conv2d(projection, last), maps, cls_token, position_embeddings)
            }
        };
        let tokens = ops::sequence(map);
        let [batch, _, width] = tokens.dims();
        let class = cls_token.val().expand([batch, 1, width]);
        (Tensor::cat(vec![class, tokens], 1) + positions.val(), maps)
    }
}

/// `DPTViTEncoder`.
#[derive(Module, Debug)]
pub(super) struct DptVitEncoder {
    layer: Vec<DptVitLayer>,
}

#[derive(Module, Debug)]
struct DptVitLayer {
    attention: DptVitAttention,
    intermediate: Dense,
    output: Dense,
    layernorm_before: LayerNorm,
    layernorm_after: LayerNorm,
    #[module(skip)]
    epsilon: f64,
}

#[derive(Module, Debug)]
struct DptVitAttention {
    attention: DptSelfAttention,
    output: Dense,
}

#[derive(Module, Debug)]
struct DptSelfAttention {
    query: Linear,
    key: Linear,
    value: Linear,
    heads: usize,
}

#[derive(Module, Debug)]
struct Dense {
    dense: Linear,
}

impl DptVitEncoder {
    pub(super) fn new(c: &DptConfig, device: &Device) -> Self {
        let (width, inner) = (c.hidden_size, c.intermediate_size);
        let dense = |inputs, outputs| Dense { dense: Linear::new(inputs, outputs, device) };
        let projection = || Linear::new(width, width, device).with_bias(c.qkv_bias);
        let norm = || LayerNormConfig::new(width).with_epsilon(c.layer_norm_eps).init(device);
        let layer = |_| DptVitLayer {
            attention: DptVitAttention {
                attention: DptSelfAttention {
                    query: projection(),
                    key: projection(),
                    value: projection(),
                    heads: c.num_attention_heads,
                },
                output: dense(width, width),
            },
            intermediate: dense(width, inner),
            output: dense(inner, width),
            layernorm_before: norm(),
            layernorm_after: norm(),
            epsilon: c.layer_norm_eps,
        };
        Self { layer: (0..c.num_hidden_layers).map(layer).collect() }
    }

    /// Returns the output of each layer, `[batch, length, width]`.
    pub(super) fn forward(&self, mut x: Tensor<3>) -> Vec<Tensor<3>> {
        let mut outputs = Vec::new();
        for layer in &self.layer {
            x = layer.forward(x);
            outputs.push(x.clone());
        }
        outputs
    }
}

impl DptVitLayer {
    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let y = ops::layer_norm(&self.layernorm_before, x.clone(), self.epsilon);
        let DptSelfAttention { query, key, value, heads } = &self.attention.attention;
        let q = ops::linear(query, y.clone());
        let (k, v) = (ops::linear(key, y.clone()), ops::linear(value, y));
        let y = ops::attention(q, k, v, *heads, AttentionMask::None);
        let x = x + ops::linear(&self.attention.output.dense, y);
        let y = ops::layer_norm(&self.layernorm_after, x.clone(), self.epsilon);
        let y = ops::gelu(ops::linear(&self.intermediate.dense, y));
        x + ops::linear(&self.output.dense, y)
    }
}
