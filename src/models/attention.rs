//! Attention and the transformer of the UNet's blocks (Diffusers `attention_processor.py`, `attention.py`, `transformer_2d.py`).

use burn::module::Module;
use burn::nn::{GroupNorm, GroupNormConfig, Identity, LayerNorm, LayerNormConfig};
use burn::tensor::{Device, Tensor};

use super::resnet::rescaled;
use crate::base::stop::Outcome;
use crate::ops::{self, AttentionMask, Conv2d, Epilogue, Linear, Then};

/// torch's default, which the transformer's layer norms use.
const LAYER_NORM_EPSILON: f64 = 1e-5;
/// The epsilon of `Transformer2DModel`'s group norm, whatever the UNet's own is.
const TRANSFORMER_NORM_EPSILON: f64 = 1e-6;

/// Attention with queries from one sequence, keys and values from the same or another.
#[derive(Module, Debug)]
pub struct Attention {
    to_q: Linear,
    to_k: Linear,
    to_v: Linear,
    to_out: [Linear; 1],
    heads: usize,
    upcast: bool,
}

impl Attention {
    fn new(width: usize, context: usize, config: &TransformerConfig, device: &Device) -> Self {
        let projection = |inputs| Linear::new(inputs, width, device).with_bias(false);
        Self {
            to_q: projection(width),
            to_k: projection(context),
            to_v: projection(context),
            to_out: [Linear::new(width, width, device)],
            heads: config.heads,
            upcast: config.upcast_attention,
        }
    }

    /// Lets `x` `[batch, length, width]` attend to `context` `[batch, keys, context width]`, and adds the `residual`.
    fn forward(&self, x: Tensor<3>, context: Tensor<3>, residual: Tensor<3>) -> Tensor<3> {
        let q = ops::linear(&self.to_q, x);
        let (k, v) = (ops::linear(&self.to_k, context.clone()), ops::linear(&self.to_v, context));
        let attention = if self.upcast { ops::attention_in_f32 } else { ops::attention };
        let y = attention(q, k, v, self.heads, AttentionMask::None);
        let [to_out] = &self.to_out;
        ops::linear_then(to_out, y, residual)
    }
}

/// `GEGLU`: a layer of twice the width, one half of which gates the other.
#[derive(Module, Debug)]
pub struct GeGlu {
    proj: Linear,
}

/// `FeedForward`; index 1 is a dropout, which has no parameters.
#[derive(Module, Debug)]
pub struct FeedForward {
    net: (GeGlu, Identity, Linear),
}

impl FeedForward {
    fn new(width: usize, device: &Device) -> Self {
        let inner = 4 * width;
        let proj = Linear::new(width, 2 * inner, device);
        Self { net: (GeGlu { proj }, Identity, Linear::new(inner, width, device)) }
    }

    /// Transforms `x` `[batch, length, width]`, and adds the `residual`.
    fn forward(&self, x: Tensor<3>, residual: Tensor<3>) -> Tensor<3> {
        let (geglu, _, out) = &self.net;
        ops::linear_then(out, ops::geglu(ops::linear(&geglu.proj, x)), residual)
    }
}

/// `BasicTransformerBlock`: self-attention, attention to the text, a feed-forward layer.
#[derive(Module, Debug)]
pub struct BasicTransformerBlock {
    norm1: LayerNorm,
    attn1: Attention,
    norm2: LayerNorm,
    attn2: Attention,
    norm3: LayerNorm,
    ff: FeedForward,
}

impl BasicTransformerBlock {
    fn new(width: usize, config: &TransformerConfig, device: &Device) -> Self {
        let norm = || LayerNormConfig::new(width).init(device);
        Self {
            norm1: norm(),
            attn1: Attention::new(width, width, config, device),
            norm2: norm(),
            attn2: Attention::new(width, config.cross_attention_dim, config, device),
            norm3: norm(),
            ff: FeedForward::new(width, device),
        }
    }

    fn forward(&self, x: Tensor<3>, context: &Tensor<3>) -> Outcome<Tensor<3>> {
        let y = ops::layer_norm(&self.norm1, x.clone(), LAYER_NORM_EPSILON);
        let x = self.attn1.forward(y.clone(), y, x);
        ops::check_cancelled()?;
        let y = ops::layer_norm(&self.norm2, x.clone(), LAYER_NORM_EPSILON);
        let x = self.attn2.forward(y, context.clone(), x);
        ops::check_cancelled()?;
        let y = ops::layer_norm(&self.norm3, x.clone(), LAYER_NORM_EPSILON);
        Ok(self.ff.forward(y, x))
    }
}

/// The configuration of a block's transformer.
#[derive(Clone, Copy, Debug)]
pub struct TransformerConfig {
    /// Attention heads.
    pub heads: usize,
    /// Transformer blocks, one after the other.
    pub layers: usize,
    /// Width of the text embedding.
    pub cross_attention_dim: usize,
    /// Groups of the norm.
    pub groups: usize,
    /// Whether linear layers lead into and out of the transformer, instead of 1x1 convolutions.
    pub use_linear_projection: bool,
    /// Whether attention is computed in f32, whatever the model's number format.
    pub upcast_attention: bool,
}

/// The layer into or out of the transformer; both kinds have the parameters `weight` and `bias`.
#[derive(Module, Debug)]
pub enum Projection {
    /// A 1x1 convolution of the picture.
    Conv(Conv2d),
    /// A linear layer on the sequence.
    Linear(Linear),
}

impl Projection {
    fn new(channels: usize, linear: bool, device: &Device) -> Self {
        if linear {
            Self::Linear(Linear::new(channels, channels, device))
        } else {
            Self::Conv(Conv2d::new(channels, channels, 1, device))
        }
    }
}

/// `Transformer2DModel`: a transformer on the pixels as a sequence.
#[derive(Module, Debug)]
pub struct Transformer2DModel {
    norm: GroupNorm,
    proj_in: Projection,
    transformer_blocks: Vec<BasicTransformerBlock>,
    proj_out: Projection,
}

impl Transformer2DModel {
    /// Builds a transformer that keeps the channels.
    pub fn new(channels: usize, config: &TransformerConfig, device: &Device) -> Self {
        Self {
            norm: GroupNormConfig::new(config.groups, channels).with_epsilon(TRANSFORMER_NORM_EPSILON).init(device),
            proj_in: Projection::new(channels, config.use_linear_projection, device),
            transformer_blocks: (0..config.layers)
                .map(|_| BasicTransformerBlock::new(channels, config, device))
                .collect(),
            proj_out: Projection::new(channels, config.use_linear_projection, device),
        }
    }

    /// Transforms `x` `[batch, channels, height, width]` by `context` `[batch, tokens, cross_attention_dim]`.
    ///
    /// # Errors
    /// It was cancelled.
    pub fn forward(&self, x: Tensor<4>, context: &Tensor<3>) -> Outcome<Tensor<4>> {
        let [_, _, height, width] = x.dims();
        let y = ops::group_norm(&self.norm, x.clone(), Then::Nothing);
        let mut y = match &self.proj_in {
            Projection::Conv(conv) => ops::sequence(ops::conv2d(conv, y)),
            Projection::Linear(linear) => ops::linear(linear, ops::sequence(y)),
        };
        for block in &self.transformer_blocks {
            y = block.forward(y, context)?;
        }
        Ok(match &self.proj_out {
            Projection::Conv(conv) => {
                let epilogue = Epilogue { residual: Some(x), ..Epilogue::default() };
                ops::conv2d_then(conv, ops::picture(y, height, width), epilogue)
            }
            Projection::Linear(linear) => ops::add(ops::picture(ops::linear(linear, y), height, width), x),
        })
    }
}

/// The configuration of an attention over pixels.
#[derive(Clone, Copy, Debug)]
pub struct PixelAttentionConfig {
    /// Channels of a head; `None` for one head over all of them.
    pub head_dim: Option<usize>,
    /// Groups of the norm.
    pub groups: usize,
    /// The norm's epsilon.
    pub epsilon: f64,
    /// The divisor of the sum of both branches.
    pub output_scale_factor: f64,
}

/// Self-attention over all pixels, with its own norm and residual, as in autoencoders and unconditional UNets.
#[derive(Module, Debug)]
pub struct PixelAttention {
    group_norm: GroupNorm,
    to_q: Linear,
    to_k: Linear,
    to_v: Linear,
    to_out: [Linear; 1],
    heads: usize,
    output_scale_factor: f64,
}

impl PixelAttention {
    /// Builds an attention that keeps the channels, a multiple of a head's.
    pub fn new(channels: usize, config: PixelAttentionConfig, device: &Device) -> Self {
        let projection = || Linear::new(channels, channels, device);
        Self {
            group_norm: GroupNormConfig::new(config.groups, channels).with_epsilon(config.epsilon).init(device),
            to_q: projection(),
            to_k: projection(),
            to_v: projection(),
            to_out: [projection()],
            heads: config.head_dim.map_or(1, |dim| channels / dim),
            output_scale_factor: config.output_scale_factor,
        }
    }

    /// Transforms `[batch, channels, height, width]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [_, _, height, width] = x.dims();
        let y = ops::sequence(ops::group_norm(&self.group_norm, x.clone(), Then::Nothing));
        let q = ops::linear(&self.to_q, y.clone());
        let (k, v) = (ops::linear(&self.to_k, y.clone()), ops::linear(&self.to_v, y));
        let [to_out] = &self.to_out;
        let y = ops::linear(to_out, ops::attention(q, k, v, self.heads, AttentionMask::None));
        rescaled(ops::add(ops::picture(y, height, width), x), self.output_scale_factor)
    }
}
