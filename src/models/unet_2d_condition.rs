//! `UNet2DConditionModel` (Diffusers `models/unets/unet_2d_condition.py`): the denoiser of Stable Diffusion 1.x and 2.x and of
//! their inpainting and depth variants.

use burn::module::Module;
use burn::nn::{GroupNorm, GroupNormConfig};
use burn::tensor::{Device, Tensor};
use serde::Deserialize;
use serde_json::json;

use super::attention::TransformerConfig;
use super::config::{Config, OneOrMany, check, check_channels, read};
use super::embeddings::{TimestepEmbedding, timestep_embedding};
use super::resnet::ResnetConfig;
use super::unet_blocks::{AttentionConfig, BlockConfig, Condition, DownBlock2D, MidBlock2D, Pace, UpBlock2D};
use crate::base::error::{Error, Result};
use crate::base::stop::Outcome;
use crate::ops::{self, Conv2d, Then};

/// The keys of `config.json` that shape the network, with Diffusers' defaults.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "the keys are Diffusers'")]
struct UNetConfig {
    in_channels: usize,
    out_channels: usize,
    center_input_sample: bool,
    flip_sin_to_cos: bool,
    freq_shift: f64,
    down_block_types: Vec<String>,
    up_block_types: Vec<String>,
    block_out_channels: Vec<usize>,
    layers_per_block: OneOrMany<usize>,
    downsample_padding: usize,
    mid_block_scale_factor: f64,
    norm_num_groups: usize,
    norm_eps: f64,
    cross_attention_dim: OneOrMany<usize>,
    transformer_layers_per_block: OneOrMany<usize>,
    // Diffusers' misnomer: this is the number of heads (see its __init__).
    attention_head_dim: OneOrMany<usize>,
    use_linear_projection: bool,
    upcast_attention: bool,
}

impl Default for UNetConfig {
    fn default() -> Self {
        let names = |names: [&str; 4]| names.map(String::from).to_vec();
        let (down, up) = ("CrossAttnDownBlock2D", "CrossAttnUpBlock2D");
        Self {
            in_channels: 4,
            out_channels: 4,
            center_input_sample: false,
            flip_sin_to_cos: true,
            freq_shift: 0.0,
            down_block_types: names([down, down, down, "DownBlock2D"]),
            up_block_types: names(["UpBlock2D", up, up, up]),
            block_out_channels: vec![320, 640, 1280, 1280],
            layers_per_block: OneOrMany::One(2),
            downsample_padding: 1,
            mid_block_scale_factor: 1.0,
            norm_num_groups: 32,
            norm_eps: 1e-5,
            cross_attention_dim: OneOrMany::One(1280),
            transformer_layers_per_block: OneOrMany::One(1),
            attention_head_dim: OneOrMany::One(8),
            use_linear_projection: false,
            upcast_attention: false,
        }
    }
}

/// The denoiser.
#[derive(Module, Debug)]
pub struct UNet2DConditionModel {
    conv_in: Conv2d,
    time_embedding: TimestepEmbedding,
    down_blocks: Vec<DownBlock2D>,
    mid_block: MidBlock2D,
    up_blocks: Vec<UpBlock2D>,
    conv_norm_out: GroupNorm,
    conv_out: Conv2d,
    in_channels: usize,
    cross_attention_dim: usize,
    center_input_sample: bool,
    flip_sin_to_cos: bool,
    freq_shift: f64,
}

impl UNet2DConditionModel {
    /// Builds the network that a `config.json` describes; its parameters are made when they are loaded.
    ///
    /// # Errors
    /// An option that we don't build, or numbers that don't fit together: the message names the key.
    pub fn new(config: &Config, device: &Device) -> Result<Self> {
        let c: UNetConfig = read(config, &fixed_options())?;
        check_channels(&c.block_out_channels, c.norm_num_groups)?;
        let n = c.block_out_channels.len();
        check(c.down_block_types.len() == n && c.up_block_types.len() == n, || {
            format!(
                "{n} block_out_channels, but {} down and {} up blocks",
                c.down_block_types.len(),
                c.up_block_types.len()
            )
        })?;
        let layers = c.layers_per_block.expand(n, "layers_per_block")?;
        let blocks = Blocks::new(&c, n)?;
        check(layers.iter().all(|l| (1..=64).contains(l)), || "layers_per_block is not 1 to 64".into())?;

        let channels = &c.block_out_channels;
        let mut down_blocks = Vec::new();
        for i in 0..n {
            let cross = is_cross(&c.down_block_types[i], "DownBlock2D", "CrossAttnDownBlock2D")?;
            let config = blocks.block(i, layers[i], cross);
            let downsample = (i + 1 < n).then_some(c.downsample_padding);
            down_blocks.push(DownBlock2D::new(channels[i.saturating_sub(1)], channels[i], &config, downsample, device));
        }
        let mut up_blocks = Vec::new();
        for i in 0..n {
            let cross = is_cross(&c.up_block_types[i], "UpBlock2D", "CrossAttnUpBlock2D")?;
            let level = n - 1 - i;
            let config = blocks.block(level, layers[level] + 1, cross);
            let (inputs, previous) = (channels[level.saturating_sub(1)], channels[(level + 1).min(n - 1)]);
            up_blocks.push(UpBlock2D::new(inputs, previous, channels[level], &config, i + 1 < n, device));
        }
        let mid_resnet = ResnetConfig { output_scale_factor: c.mid_block_scale_factor, ..blocks.resnet };
        let mid_attention = AttentionConfig::Cross(blocks.transformers[n - 1]);
        Ok(Self {
            conv_in: Conv2d::new(c.in_channels, channels[0], 3, device),
            time_embedding: TimestepEmbedding::new(channels[0], 4 * channels[0], device),
            down_blocks,
            mid_block: MidBlock2D::new(channels[n - 1], mid_resnet, Some(&mid_attention), device),
            up_blocks,
            conv_norm_out: GroupNormConfig::new(c.norm_num_groups, channels[0]).with_epsilon(c.norm_eps).init(device),
            conv_out: Conv2d::new(channels[0], c.out_channels, 3, device),
            in_channels: c.in_channels,
            cross_attention_dim: blocks.transformers[0].cross_attention_dim,
            center_input_sample: c.center_input_sample,
            flip_sin_to_cos: c.flip_sin_to_cos,
            freq_shift: c.freq_shift,
        })
    }

    /// Channels of the sample: 4, 9 for inpainting, 5 for depth.
    pub fn in_channels(&self) -> usize {
        self.in_channels
    }

    /// Channels of the first level, the one at full size.
    pub fn first_channels(&self) -> usize {
        self.conv_norm_out.num_channels
    }

    /// Width of the text embedding.
    pub fn cross_attention_dim(&self) -> usize {
        self.cross_attention_dim
    }

    /// Predicts what the scheduler asks for, `[batch, out_channels, height, width]`, from `sample`
    /// `[batch, in_channels, height, width]` and `encoder_hidden_states` `[batch, tokens, cross_attention_dim]`.
    ///
    /// # Errors
    /// It was cancelled.
    pub fn forward(
        &self,
        sample: Tensor<4>,
        timestep: f64,
        encoder_hidden_states: &Tensor<3>,
        pace: Pace,
    ) -> Outcome<Tensor<4>> {
        let width = self.conv_in.weight.val().dims()[0];
        let projected = timestep_embedding(timestep, width, self.flip_sin_to_cos, self.freq_shift, &sample.device());
        // Every use of the embedding begins with a SiLU: done once.
        let temb = ops::silu(self.time_embedding.forward(projected.cast(sample.dtype())));
        let condition = Condition { temb: &temb, context: Some(encoder_hidden_states) };

        let sample = if self.center_input_sample { sample * 2.0 - 1.0 } else { sample };
        let mut x = ops::conv2d(&self.conv_in, sample);
        let mut skips = vec![x.clone()];
        for block in &self.down_blocks {
            x = pace.keep(block.forward(x, condition, &mut skips)?);
        }
        x = pace.keep(self.mid_block.forward(x, condition)?);
        for block in &self.up_blocks {
            x = pace.keep(block.forward(x, condition, &mut skips)?);
        }
        Ok(ops::conv2d(&self.conv_out, ops::group_norm(&self.conv_norm_out, x, Then::Silu)))
    }
}

/// Options that other families use and we don't build: each with the one value that we do.
fn fixed_options() -> Vec<(&'static str, serde_json::Value)> {
    let no = || json!(false);
    vec![
        ("mid_block_type", json!("UNetMidBlock2DCrossAttn")),
        ("act_fn", json!("silu")),
        ("resnet_time_scale_shift", json!("default")),
        ("time_embedding_type", json!("positional")),
        ("attention_type", json!("default")),
        ("conv_in_kernel", json!(3)),
        ("conv_out_kernel", json!(3)),
        ("resnet_out_scale_factor", json!(1.0)),
        ("only_cross_attention", no()),
        ("mid_block_only_cross_attention", no()),
        ("dual_cross_attention", no()),
        ("resnet_skip_time_act", no()),
        ("class_embeddings_concat", no()),
        ("reverse_transformer_layers_per_block", json!(null)),
        ("encoder_hid_dim", json!(null)),
        ("encoder_hid_dim_type", json!(null)),
        ("num_attention_heads", json!(null)),
        ("class_embed_type", json!(null)),
        ("num_class_embeds", json!(null)),
        ("addition_embed_type", json!(null)),
        ("time_embedding_dim", json!(null)),
        ("time_embedding_act_fn", json!(null)),
        ("timestep_post_act", json!(null)),
        ("time_cond_proj_dim", json!(null)),
        ("projection_class_embeddings_input_dim", json!(null)),
        ("cross_attention_norm", json!(null)),
    ]
}

/// Whether a block type has cross-attention.
fn is_cross(name: &str, plain: &str, cross: &str) -> Result<bool> {
    match name {
        _ if name == plain => Ok(false),
        _ if name == cross => Ok(true),
        _ => Err(Error::new(format!("config.json: unknown block type {name} (known are {plain} and {cross})"))),
    }
}

/// What the levels of the UNet are built from, down and up alike.
struct Blocks {
    resnet: ResnetConfig,
    transformers: Vec<TransformerConfig>,
}

impl Blocks {
    fn new(c: &UNetConfig, n: usize) -> Result<Self> {
        let heads = c.attention_head_dim.expand(n, "attention_head_dim")?;
        let context = c.cross_attention_dim.expand(n, "cross_attention_dim")?;
        let layers = c.transformer_layers_per_block.expand(n, "transformer_layers_per_block")?;
        let mut transformers = Vec::new();
        for (i, &channels) in c.block_out_channels.iter().enumerate() {
            check(heads[i] > 0 && channels % heads[i] == 0, || {
                format!("attention_head_dim (the number of heads) {} does not divide {channels} channels", heads[i])
            })?;
            check(layers[i] <= 64, || format!("transformer_layers_per_block = {}", layers[i]))?;
            transformers.push(TransformerConfig {
                heads: heads[i],
                layers: layers[i],
                cross_attention_dim: context[i],
                groups: c.norm_num_groups,
                use_linear_projection: c.use_linear_projection,
                upcast_attention: c.upcast_attention,
            });
        }
        let temb_channels = Some(4 * c.block_out_channels[0]);
        let resnet =
            ResnetConfig { temb_channels, groups: c.norm_num_groups, epsilon: c.norm_eps, output_scale_factor: 1.0 };
        Ok(Self { resnet, transformers })
    }

    fn block(&self, level: usize, layers: usize, cross: bool) -> BlockConfig {
        let attention = cross.then_some(AttentionConfig::Cross(self.transformers[level]));
        BlockConfig { layers, resnet: self.resnet, attention }
    }
}
