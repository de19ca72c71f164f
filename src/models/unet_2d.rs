//! `UNet2DModel` (Diffusers `models/unets/unet_2d.py`): the denoiser of unconditional models such as google/ddpm-cat-256.
//!
//! Limits: the blocks of the DDPM family, plain and with attention; not the skip blocks and Fourier embeddings of the score-based
//! family (ncsnpp), and no classes.

use burn::tensor::{Device, Tensor};
use serde::Deserialize;
use serde_json::json;

use super::attention::PixelAttentionConfig;
use super::config::{NetworkConfig, check, check_widths, read};
use super::residuals::Residuals;
use super::resnet::ResnetConfig;
use super::unet::{InputConfig, UNet, UNetShape, check_levels};
use super::unet_blocks::{AttentionConfig, BlockConfig, Pace};
use crate::base::error::{Error, Result};
use crate::base::stop::Outcome;

/// The keys of `config.json` that determine the network, with Diffusers' defaults.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
struct UNet2DConfig {
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

impl Default for UNet2DConfig {
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

/// The denoiser of unconditional models.
pub type UNet2DModel = UNet<WithoutText>;

/// Marks a UNet that attends to the picture alone.
#[derive(Clone, Copy, Debug)]
pub struct WithoutText;

impl UNet2DModel {
    /// Builds the network that a `config.json` describes; its parameters take no memory until they are loaded.
    ///
    /// # Errors
    /// An option that is not supported, or numbers that don't fit together: the message names the key.
    pub fn new(config: &NetworkConfig, device: &Device) -> Result<Self> {
        let c: UNet2DConfig = read(config, &fixed_options())?;
        let channels = &c.block_out_channels;
        check_levels(channels, c.norm_num_groups, c.downsample_padding, &c.down_block_types, &c.up_block_types)?;
        check((1..=64).contains(&c.layers_per_block), || format!("layers_per_block = {}", c.layers_per_block))?;
        check(c.in_channels > 0 && c.in_channels == c.out_channels, || {
            format!("in_channels = {}, but out_channels = {}", c.in_channels, c.out_channels)
        })?;
        check_widths(&[("in_channels", c.in_channels)])?;
        check(c.freq_shift < (channels[0] / 2) as f64, || format!("freq_shift = {}", c.freq_shift))?;

        let temb_channels = c.time_embedding_dim.unwrap_or(4 * channels[0]);
        let (groups, epsilon, output_scale_factor) = (c.norm_num_groups, c.norm_eps, 1.0);
        let resnet = ResnetConfig { temb_channels: Some(temb_channels), groups, epsilon, output_scale_factor };
        let head_dim = head_dim(config, channels)?;
        let attention = PixelAttentionConfig { head_dim, groups, epsilon, output_scale_factor };
        let block = |name: &str, plain, with_attention, layers| -> Result<BlockConfig> {
            let has_attention = has_attention(name, plain, with_attention)?;
            Ok(BlockConfig { layers, resnet, attention: has_attention.then_some(AttentionConfig::Pixels(attention)) })
        };
        let down = |name: &String| block(name, "DownBlock2D", "AttnDownBlock2D", c.layers_per_block);
        let up = |name: &String| block(name, "UpBlock2D", "AttnUpBlock2D", c.layers_per_block + 1);
        let shape = UNetShape {
            in_channels: c.in_channels,
            out_channels: c.out_channels,
            channels,
            temb_channels,
            norm: (groups, epsilon),
            downsample_padding: c.downsample_padding,
            down: c.down_block_types.iter().map(down).collect::<Result<_>>()?,
            up: c.up_block_types.iter().map(up).collect::<Result<_>>()?,
            mid: c.mid(resnet, attention)?,
            inputs: InputConfig {
                center_input_sample: c.center_input_sample,
                flip_sin_to_cos: c.flip_sin_to_cos,
                freq_shift: c.freq_shift,
            },
        };
        Ok(Self::build(&shape, WithoutText, device))
    }

    /// Predicts what the scheduler asks for from `sample` `[batch, in_channels, height, width]`, each side a multiple of
    /// [`side_multiple`](Self::side_multiple); the result has the same shape.
    ///
    /// # Errors
    /// It was cancelled.
    pub fn forward(&self, sample: Tensor<4>, timestep: f64, pace: Pace) -> Outcome<Tensor<4>> {
        self.predict(sample, timestep, None, &Residuals::default(), pace)
    }
}

impl UNet2DConfig {
    /// The middle, whose attention has groups of its own.
    fn mid(
        &self,
        resnet: ResnetConfig,
        attention: PixelAttentionConfig,
    ) -> Result<(ResnetConfig, Option<AttentionConfig>)> {
        let groups = self.attn_norm_num_groups.unwrap_or(self.norm_num_groups);
        let channels = self.block_out_channels.last().copied().unwrap_or_default();
        check(groups > 0 && channels % groups == 0, || format!("attn_norm_num_groups = {groups}"))?;
        let output_scale_factor = self.mid_block_scale_factor;
        let attention = PixelAttentionConfig { groups, output_scale_factor, ..attention };
        let attention = self.add_attention.then_some(AttentionConfig::Pixels(attention));
        Ok((ResnetConfig { output_scale_factor, ..resnet }, attention))
    }
}

/// Options with a single supported value: other values belong to other families.
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
fn head_dim(config: &NetworkConfig, channels: &[usize]) -> Result<Option<usize>> {
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

/// Tells whether a block type has attention. Diffusers also reads an old prefix.
fn has_attention(name: &str, plain: &str, attention: &str) -> Result<bool> {
    match name.strip_prefix("UNetRes").unwrap_or(name) {
        stripped if stripped == plain => Ok(false),
        stripped if stripped == attention => Ok(true),
        _ => Err(Error::new(format!("config.json: unknown block type {name} (known are {plain} and {attention})"))),
    }
}
