//! CLIP's transformer (transformers `models/clip/modeling_clip.py`), which the text encoder and the vision tower share.

use burn::module::Module;
use burn::nn::{LayerNorm, LayerNormConfig};
use burn::tensor::{Device, Tensor};
use serde::Deserialize;

use super::config::check;
use crate::base::error::Result;
use crate::base::stop::Outcome;
use crate::ops::{self, AttentionMask, Linear};

/// The activation between the two layers of a block's MLP.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Activation {
    QuickGelu,
    Gelu,
}

/// The configuration of a transformer.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClipEncoderConfig {
    /// Width of the embedding of a token.
    pub(super) width: usize,
    /// Width between the two layers of a block's MLP.
    pub(super) inner: usize,
    pub(super) layers: usize,
    pub(super) heads: usize,
    pub(super) activation: Activation,
    /// The norms' epsilon.
    pub(super) epsilon: f64,
}

/// `CLIPEncoder`.
#[derive(Module, Debug)]
pub(super) struct ClipEncoder {
    layers: Vec<ClipEncoderLayer>,
    #[module(skip)]
    epsilon: f64,
}

#[derive(Module, Debug)]
struct ClipEncoderLayer {
    self_attn: ClipAttention,
    layer_norm1: LayerNorm,
    mlp: ClipMlp,
    layer_norm2: LayerNorm,
}

#[derive(Module, Debug)]
struct ClipAttention {
    q_proj: Linear,
    k_proj: Linear,
    v_proj: Linear,
    out_proj: Linear,
    heads: usize,
}

#[derive(Module, Debug)]
struct ClipMlp {
    fc1: Linear,
    fc2: Linear,
    #[module(skip)]
    activation: Activation,
}

impl ClipEncoder {
    /// # Errors
    /// Numbers that don't fit together: the message names the key.
    pub(super) fn new(c: ClipEncoderConfig, device: &Device) -> Result<Self> {
        let ClipEncoderConfig { width, inner, layers, heads, activation, epsilon } = c;
        check(width > 0 && width <= 1 << 14 && heads > 0 && width % heads == 0, || {
            format!("num_attention_heads = {heads} does not divide hidden_size = {width}")
        })?;
        check((1..=128).contains(&layers), || format!("num_hidden_layers = {layers}"))?;
        check((1..=1 << 16).contains(&inner), || format!("intermediate_size = {inner}"))?;
        let norm = || LayerNormConfig::new(width).with_epsilon(epsilon).init(device);
        let projection = || Linear::new(width, width, device);
        let layer = |_| ClipEncoderLayer {
            self_attn: ClipAttention {
                q_proj: projection(),
                k_proj: projection(),
                v_proj: projection(),
                out_proj: projection(),
                heads,
            },
            layer_norm1: norm(),
            mlp: ClipMlp { fc1: Linear::new(width, inner, device), fc2: Linear::new(inner, width, device), activation },
            layer_norm2: norm(),
        };
        Ok(Self { layers: (0..layers).map(layer).collect(), epsilon })
    }

    /// Transforms `[batch, length, width]`.
    ///
    /// # Errors
    /// It was cancelled.
    pub(super) fn forward(&self, mut x: Tensor<3>, mask: AttentionMask) -> Outcome<Tensor<3>> {
        for layer in &self.layers {
            ops::check_cancelled()?;
            let y = layer.self_attn.forward(ops::layer_norm(&layer.layer_norm1, x.clone(), self.epsilon), mask);
            x = x + y;
            let y = layer.mlp.forward(ops::layer_norm(&layer.layer_norm2, x.clone(), self.epsilon));
            x = x + y;
        }
        Ok(x)
    }
}

impl ClipAttention {
    fn forward(&self, x: Tensor<3>, mask: AttentionMask) -> Tensor<3> {
        let q = ops::linear(&self.q_proj, x.clone());
        let (k, v) = (ops::linear(&self.k_proj, x.clone()), ops::linear(&self.v_proj, x));
        ops::linear(&self.out_proj, ops::attention(q, k, v, self.heads, mask))
    }
}

impl ClipMlp {
    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let x = ops::linear(&self.fc1, x);
        let x = match self.activation {
            Activation::QuickGelu => ops::quick_gelu(x),
            Activation::Gelu => ops::gelu(x),
        };
        ops::linear(&self.fc2, x)
    }
}
