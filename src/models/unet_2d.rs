//! `UNet2DModel` (Diffusers `models/unets/unet_2d.py`): the denoiser of unconditional models such as google/ddpm-cat-256.
//!
//! Limits: the blocks of the DDPM family, plain and with attention; not the skip blocks and Fourier embeddings of the score-based
//! family (ncsnpp), and no classes.

use burn::module::Module;
use burn::nn::{GroupNorm, GroupNormConfig};
use burn::tensor::{Device, Tensor};
use serde::Deserialize;
use serde_json::json;

use super::attention::PixelAttentionConfig;
use super::config::{Config, check, check_channels, read};
use super::embeddings::{TimestepEmbedding, timestep_embedding};
use super::resnet::ResnetConfig;
use super::unet_blocks::{AttentionConfig, BlockConfig, Condition, DownBlock2D, MidBlock2D, Pace, UpBlock2D};
use crate::base::error::{Error, Result};
use crate::base::stop::Outcome;
use crate::ops::{self, Conv2d, Then};

/// The keys of `config.json` that shape the network, with Diffusers' defaults.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
struct UNetConfig {
    in_channels: usize,
    out_channels: usize,
    center_input_sample: bool,
    flip_sin_to_cos: bool,
    freq_shift: f64,
    time_embedding_dim: Option<usize>,
    down_block_types: Vec<String>,
    up_block_types: Vec<String>,
    block_out_channels: Vec<usize>,
    layers_per_block: usize,
    mid_block_scale_factor: f64,
    downsample_padding: usize,
    attn_norm_num_groups: Option<usize>,
    norm_num_groups: usize,
    norm_eps: f64,
    add_attention: bool,
}

impl Default for UNetConfig {
    fn default() -> Self {
        let names = |names: [&str; 4]| names.map(String::from).to_vec();
        let (down, up) = ("AttnDownBlock2D", "AttnUpBlock2D");
        Self {
            in_channels: 3,
            out_channels: 3,
            center_input_sample: false,
            flip_sin_to_cos: true,
            freq_shift: 0.0,
            time_embedding_dim: None,
            down_block_types: names(["DownBlock2D", down, down, down]),
            up_block_types: names([up, up, up, "UpBlock2D"]),
            block_out_channels: vec![224, 448, 672, 896],
            layers_per_block: 2,
            mid_block_scale_factor: 1.0,
            downsample_padding: 1,
            attn_norm_num_groups: None,
            norm_num_groups: 32,
            norm_eps: 1e-5,
            add_attention: true,
        }
    }
}

/// Diffusers' default for a config without `attention_head_dim`; a null there means one head.
const ATTENTION_HEAD_DIM: usize = 8;

/// The denoiser.
#[derive(Module, Debug)]
pub struct UNet2DModel {
    conv_in: Conv2d,
    time_embedding: TimestepEmbedding,
    down_blocks: Vec<DownBlock2D>,
    mid_block: MidBlock2D,
    up_blocks: Vec<UpBlock2D>,
    conv_norm_out: GroupNorm,
    conv_out: Conv2d,
    in_channels: usize,
    center_input_sample: bool,
    flip_sin_to_cos: bool,
    freq_shift: f64,
}

impl UNet2DModel {
    /// Builds the network that a `config.json` describes; its parameters are made when they are loaded.
    ///
    /// # Errors
    /// An option that we don't build, or numbers that don't fit together: the message names the key.
    pub fn new(config: &Config, device: &Device) -> Result<Self> {
        let c: UNetConfig = read(config, &fixed_options())?;
        check_channels(&c.block_out_channels, c.norm_num_groups)?;
        let (channels, n) = (&c.block_out_channels, c.block_out_channels.len());
        check(c.down_block_types.len() == n && c.up_block_types.len() == n, || {
            let (down, up) = (c.down_block_types.len(), c.up_block_types.len());
            format!("{n} block_out_channels, but {down} down and {up} up blocks")
        })?;
        check((1..=64).contains(&c.layers_per_block), || format!("layers_per_block = {}", c.layers_per_block))?;
        check(c.in_channels > 0 && c.in_channels == c.out_channels, || {
            format!("in_channels = {}, but out_channels = {}", c.in_channels, c.out_channels)
        })?;
        check(c.freq_shift < (channels[0] / 2) as f64, || format!("freq_shift = {}", c.freq_shift))?;
        let blocks = Blocks::new(&c, head_dim(config, channels)?);

        let mut down_blocks = Vec::new();
        for i in 0..n {
            let attention = has_attention(&c.down_block_types[i], "DownBlock2D", "AttnDownBlock2D")?;
            let config = blocks.block(c.layers_per_block, attention);
            let downsample = (i + 1 < n).then_some(c.downsample_padding);
            down_blocks.push(DownBlock2D::new(channels[i.saturating_sub(1)], channels[i], &config, downsample, device));
        }
        let mut up_blocks = Vec::new();
        for i in 0..n {
            let attention = has_attention(&c.up_block_types[i], "UpBlock2D", "AttnUpBlock2D")?;
            let config = blocks.block(c.layers_per_block + 1, attention);
            let level = n - 1 - i;
            let (inputs, previous) = (channels[level.saturating_sub(1)], channels[(level + 1).min(n - 1)]);
            up_blocks.push(UpBlock2D::new(inputs, previous, channels[level], &config, i + 1 < n, device));
        }
        Ok(Self {
            conv_in: Conv2d::new(c.in_channels, channels[0], 3, device),
            time_embedding: TimestepEmbedding::new(channels[0], blocks.temb_channels, device),
            down_blocks,
            mid_block: blocks.mid(&c, device)?,
            up_blocks,
            conv_norm_out: GroupNormConfig::new(c.norm_num_groups, channels[0]).with_epsilon(c.norm_eps).init(device),
            conv_out: Conv2d::new(channels[0], c.out_channels, 3, device),
            in_channels: c.in_channels,
            center_input_sample: c.center_input_sample,
            flip_sin_to_cos: c.flip_sin_to_cos,
            freq_shift: c.freq_shift,
        })
    }

    /// Channels of the pictures.
    pub fn in_channels(&self) -> usize {
        self.in_channels
    }

    /// Channels of the first level, the one at full size.
    pub fn first_channels(&self) -> usize {
        self.conv_norm_out.num_channels
    }

    /// What both sides of a picture have to be a multiple of: each level but the last halves them.
    pub fn side_multiple(&self) -> usize {
        1 << (self.down_blocks.len() - 1)
    }

    /// Predicts what the scheduler asks for from `sample` `[batch, in_channels, height, width]`, each side a multiple of
    /// [`side_multiple`](Self::side_multiple); the result has the same shape.
    ///
    /// # Errors
    /// It was cancelled.
    pub fn forward(&self, sample: Tensor<4>, timestep: f64, pace: Pace) -> Outcome<Tensor<4>> {
        let width = self.first_channels();
        let projected = timestep_embedding(timestep, width, self.flip_sin_to_cos, self.freq_shift, &sample.device());
        // Every use of the embedding begins with a SiLU: done once.
        let temb = ops::silu(self.time_embedding.forward(projected.cast(sample.dtype())));
        let condition = Condition { temb: &temb, context: None };

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
    vec![
        ("act_fn", json!("silu")),
        ("mid_block_type", json!("UNetMidBlock2D")),
        ("time_embedding_type", json!("positional")),
        ("resnet_time_scale_shift", json!("default")),
        ("downsample_type", json!("conv")),
        ("upsample_type", json!("conv")),
        ("class_embed_type", json!(null)),
        ("num_class_embeds", json!(null)),
    ]
}

/// Channels of an attention head; `None` for one head.
fn head_dim(config: &Config, channels: &[usize]) -> Result<Option<usize>> {
    let dim = match config.get("attention_head_dim") {
        None => ATTENTION_HEAD_DIM,
        Some(value) if value.is_null() => return Ok(None),
        Some(value) => value.as_u64().and_then(|dim| usize::try_from(dim).ok()).unwrap_or(0),
    };
    check(dim > 0 && channels.iter().all(|c| c % dim == 0), || {
        format!("attention_head_dim = {dim} does not divide every one of block_out_channels")
    })?;
    Ok(Some(dim))
}

/// Whether a block type has attention. Diffusers still reads the prefix of its first months.
fn has_attention(name: &str, plain: &str, attention: &str) -> Result<bool> {
    match name.strip_prefix("UNetRes").unwrap_or(name) {
        stripped if stripped == plain => Ok(false),
        stripped if stripped == attention => Ok(true),
        _ => Err(Error::new(format!("config.json: unknown block type {name} (known are {plain} and {attention})"))),
    }
}

/// What the levels of the UNet are built from, down and up alike.
struct Blocks {
    temb_channels: usize,
    resnet: ResnetConfig,
    attention: PixelAttentionConfig,
}

impl Blocks {
    fn new(c: &UNetConfig, head_dim: Option<usize>) -> Self {
        let temb_channels = c.time_embedding_dim.unwrap_or(4 * c.block_out_channels[0]);
        let (groups, epsilon, output_scale_factor) = (c.norm_num_groups, c.norm_eps, 1.0);
        Self {
            temb_channels,
            resnet: ResnetConfig { temb_channels: Some(temb_channels), groups, epsilon, output_scale_factor },
            attention: PixelAttentionConfig { head_dim, groups, epsilon, output_scale_factor },
        }
    }

    fn block(&self, layers: usize, attention: bool) -> BlockConfig {
        let attention = attention.then_some(AttentionConfig::Pixels(self.attention));
        BlockConfig { layers, resnet: self.resnet, attention }
    }

    /// The middle, whose attention has groups of its own.
    fn mid(&self, c: &UNetConfig, device: &Device) -> Result<MidBlock2D> {
        let (output_scale_factor, channels) = (c.mid_block_scale_factor, c.block_out_channels.last().copied());
        let (channels, groups) = (channels.unwrap_or_default(), c.attn_norm_num_groups.unwrap_or(c.norm_num_groups));
        check(groups > 0 && channels % groups == 0, || format!("attn_norm_num_groups = {groups}"))?;
        let resnet = ResnetConfig { output_scale_factor, ..self.resnet };
        let attention = AttentionConfig::Pixels(PixelAttentionConfig { groups, output_scale_factor, ..self.attention });
        Ok(MidBlock2D::new(channels, resnet, c.add_attention.then_some(&attention), device))
    }
}
