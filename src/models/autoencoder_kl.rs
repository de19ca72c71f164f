//! `AutoencoderKL` (Diffusers `models/autoencoders/autoencoder_kl.py`, `vae.py`): pictures to latents and back.

use burn::module::Module;
use burn::nn::{GroupNorm, GroupNormConfig};
use burn::tensor::{Device, Tensor};
use serde::Deserialize;
use serde_json::json;

use super::attention::{PixelAttention, PixelAttentionConfig};
use super::config::{NetworkConfig, check, check_channels, check_widths, read};
use super::resnet::{Downsample2D, ResnetBlock2D, ResnetConfig, Upsample2D};
use crate::base::error::Result;
use crate::base::stop::Outcome;
use crate::ops::{self, Conv2d, Then};

/// The epsilon of every norm of the autoencoder (Diffusers `vae.py`).
const EPSILON: f64 = 1e-6;

/// The keys of `config.json` that determine the network, with Diffusers' defaults.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
struct VaeConfig {
    in_channels: usize,
    out_channels: usize,
    block_out_channels: Vec<usize>,
    layers_per_block: usize,
    latent_channels: usize,
    norm_num_groups: usize,
    use_quant_conv: bool,
    use_post_quant_conv: bool,
    mid_block_add_attention: bool,
}

impl Default for VaeConfig {
    fn default() -> Self {
        Self {
            in_channels: 3,
            out_channels: 3,
            block_out_channels: vec![64],
            layers_per_block: 1,
            latent_channels: 4,
            norm_num_groups: 32,
            use_quant_conv: true,
            use_post_quant_conv: true,
            mid_block_add_attention: true,
        }
    }
}

/// The variational autoencoder.
#[derive(Module, Debug)]
pub struct AutoencoderKL {
    encoder: Encoder,
    decoder: Decoder,
    quant_conv: Option<Conv2d>,
    post_quant_conv: Option<Conv2d>,
    latent_channels: usize,
    scale: usize,
}

/// The distribution of latents that the encoder computes: its mean and the logarithm of its variance, clamped to [-30, 20].
#[derive(Clone, Debug)]
pub struct DiagonalGaussian {
    /// The mean, `[batch, latent_channels, height, width]`.
    pub mean: Tensor<4>,
    /// The logarithm of the variance, in the shape of the mean.
    pub logvar: Tensor<4>,
}

impl DiagonalGaussian {
    /// Samples the distribution with `noise` of the mean's shape.
    pub fn sample(&self, noise: Tensor<4>) -> Tensor<4> {
        self.mean.clone() + (self.logvar.clone() * 0.5).exp() * noise
    }
}

impl AutoencoderKL {
    /// Builds the network that a `config.json` describes; its parameters take no memory until they are loaded.
    ///
    /// # Errors
    /// An option that is not supported, or numbers that don't fit together: the message names the key.
    pub fn new(config: &NetworkConfig, device: &Device) -> Result<Self> {
        let c: VaeConfig = read(config, &[("act_fn", json!("silu"))])?;
        check_channels(&c.block_out_channels, c.norm_num_groups)?;
        let latents = ("latent_channels", c.latent_channels);
        check_widths(&[("in_channels", c.in_channels), ("out_channels", c.out_channels), latents])?;
        check((1..=64).contains(&c.layers_per_block), || format!("layers_per_block = {}", c.layers_per_block))?;
        for (key, blocks) in [("down_block_types", "DownEncoderBlock2D"), ("up_block_types", "UpDecoderBlock2D")] {
            let types = config.get(key).and_then(|v| v.as_array());
            let known = types.is_none_or(|t| t.len() == c.block_out_channels.len() && t.iter().all(|t| t == blocks));
            check(known, || format!("{key} holds another block than {blocks}, or not as many as block_out_channels"))?;
        }
        let z = c.latent_channels;
        Ok(Self {
            encoder: Encoder::new(&c, device),
            decoder: Decoder::new(&c, device),
            quant_conv: c.use_quant_conv.then(|| Conv2d::new(2 * z, 2 * z, 1, device)),
            post_quant_conv: c.use_post_quant_conv.then(|| Conv2d::new(z, z, 1, device)),
            latent_channels: z,
            scale: 1 << (c.block_out_channels.len() - 1),
        })
    }

    /// Channels of the latents.
    pub fn latent_channels(&self) -> usize {
        self.latent_channels
    }

    /// Pixels per latent on each side: `vae_scale_factor`.
    pub fn scale_factor(&self) -> usize {
        self.scale
    }

    /// Channels of the decoder at full size, which determine its memory.
    pub fn widest_at_full_size(&self) -> usize {
        self.decoder.up_blocks.last().map_or(1, |block| block.resnets[0].inputs())
    }

    /// Encodes `[batch, 3, height, width]` in -1..1 to the distribution of its latents.
    ///
    /// # Errors
    /// It was cancelled.
    pub fn encode(&self, picture: Tensor<4>) -> Outcome<DiagonalGaussian> {
        Ok(self.distribution(&self.moments(picture)?))
    }

    /// Computes the mean and the logarithm of the variance, concatenated along the channels.
    fn moments(&self, picture: Tensor<4>) -> Outcome<Tensor<4>> {
        let moments = self.encoder.forward(picture)?;
        Ok(match &self.quant_conv {
            Some(conv) => ops::conv2d(conv, moments),
            None => moments,
        })
    }

    fn distribution(&self, moments: &Tensor<4>) -> DiagonalGaussian {
        let z = self.latent_channels;
        DiagonalGaussian {
            mean: moments.clone().narrow(1, 0, z),
            logvar: moments.clone().narrow(1, z, z).clamp(-30.0, 20.0),
        }
    }

    /// Decodes `[batch, latent_channels, height, width]` to `[batch, 3, scale * height, scale * width]` in -1..1 (it may
    /// overshoot).
    ///
    /// # Errors
    /// It was cancelled.
    pub fn decode(&self, latents: Tensor<4>) -> Outcome<Tensor<4>> {
        let latents = match &self.post_quant_conv {
            Some(conv) => ops::conv2d(conv, latents),
            None => latents,
        };
        self.decoder.forward(latents)
    }

    /// Decodes overlapping tiles with sides of `tile` latents, blended over a quarter of their width, for pictures that are too
    /// large for the memory: as Diffusers' `tiled_decode`.
    ///
    /// # Errors
    /// It was cancelled.
    pub fn decode_tiled(&self, latents: &Tensor<4>, tile: usize) -> Outcome<Tensor<4>> {
        in_tiles(latents, tile, tile * self.scale, |tile| self.decode(tile))
    }

    /// Encodes overlapping tiles of pixels that become `tile` latents on each side: as Diffusers' `tiled_encode`, which blends
    /// the mean and the logarithm alike.
    ///
    /// # Errors
    /// It was cancelled.
    pub fn encode_tiled(&self, picture: &Tensor<4>, tile: usize) -> Outcome<DiagonalGaussian> {
        let moments = in_tiles(picture, tile * self.scale, tile, |tile| self.moments(tile))?;
        Ok(self.distribution(&moments))
    }
}

/// Applies `network` tile by tile: a tile of side `tile` becomes one of side `made`.
fn in_tiles(
    whole: &Tensor<4>,
    tile: usize,
    made: usize,
    network: impl Fn(Tensor<4>) -> Outcome<Tensor<4>>,
) -> Outcome<Tensor<4>> {
    let [_, _, height, width] = whole.dims();
    let step = tile * 3 / 4;
    let (blend, limit) = (made / 4, made - made / 4);
    let mut above: Vec<Tensor<4>> = Vec::new();
    let mut strips = Vec::new();
    for top in (0..height).step_by(step) {
        let mut row: Vec<Tensor<4>> = Vec::new();
        let mut cropped = Vec::new();
        for left in (0..width).step_by(step) {
            let part = whole.clone().narrow(2, top, tile.min(height - top)).narrow(3, left, tile.min(width - left));
            let mut piece = network(part)?;
            if let Some(above) = above.get(row.len()) {
                piece = blend_into(above, piece, 2, blend);
            }
            if let Some(before) = row.last() {
                piece = blend_into(before, piece, 3, blend);
            }
            let [_, _, h, w] = piece.dims();
            cropped.push(piece.clone().narrow(2, 0, h.min(limit)).narrow(3, 0, w.min(limit)));
            row.push(piece);
        }
        strips.push(Tensor::cat(cropped, 3));
        above = row;
    }
    Ok(Tensor::cat(strips, 2))
}

/// Fades the first `extent` pixels of `piece` along `axis` in over the last ones of the tile before it (`blend_v`, `blend_h`).
fn blend_into(before: &Tensor<4>, piece: Tensor<4>, axis: usize, extent: usize) -> Tensor<4> {
    let (before_len, len) = (before.dims()[axis], piece.dims()[axis]);
    let extent = extent.min(before_len).min(len);
    let mut shape = [1; 4];
    shape[axis] = extent;
    let fade: Vec<f32> = (0..extent).map(|i| i as f32 / extent as f32).collect();
    let data = burn::tensor::TensorData::new(fade, shape);
    let fade = Tensor::<4>::from_data(data, &piece.device()).cast(piece.dtype());
    let old = before.clone().narrow(axis, before_len - extent, extent);
    let new = piece.clone().narrow(axis, 0, extent);
    let mixed = old * (fade.clone() * -1.0 + 1.0) + new * fade;
    if len == extent { mixed } else { Tensor::cat(vec![mixed, piece.narrow(axis, extent, len - extent)], axis) }
}

/// `UNetMidBlock2D`.
#[derive(Module, Debug)]
struct MidBlock {
    resnets: Vec<ResnetBlock2D>,
    attentions: Vec<PixelAttention>,
}

impl MidBlock {
    fn new(channels: usize, c: &VaeConfig, device: &Device) -> Self {
        let config = PixelAttentionConfig {
            head_dim: None,
            groups: c.norm_num_groups,
            epsilon: EPSILON,
            output_scale_factor: 1.0,
        };
        let attention = || PixelAttention::new(channels, config, device);
        Self {
            resnets: (0..2).map(|_| ResnetBlock2D::new(channels, channels, resnet_config(c), device)).collect(),
            attentions: c.mid_block_add_attention.then(attention).into_iter().collect(),
        }
    }

    fn forward(&self, mut x: Tensor<4>) -> Outcome<Tensor<4>> {
        for (i, resnet) in self.resnets.iter().enumerate() {
            x = step(|| resnet.forward(x, None))?;
            if let Some(attention) = self.attentions.get(i) {
                x = step(|| attention.forward(x))?;
            }
        }
        Ok(x)
    }
}

fn resnet_config(c: &VaeConfig) -> ResnetConfig {
    ResnetConfig { temb_channels: None, groups: c.norm_num_groups, epsilon: EPSILON, output_scale_factor: 1.0 }
}

/// Applies a layer, unless the work was cancelled.
fn step(layer: impl FnOnce() -> Tensor<4>) -> Outcome<Tensor<4>> {
    ops::check_cancelled()?;
    Ok(layer())
}

/// `DownEncoderBlock2D`.
#[derive(Module, Debug)]
struct DownEncoderBlock2D {
    resnets: Vec<ResnetBlock2D>,
    downsamplers: Vec<Downsample2D>,
}

/// The network from pictures to moments.
#[derive(Module, Debug)]
struct Encoder {
    conv_in: Conv2d,
    down_blocks: Vec<DownEncoderBlock2D>,
    mid_block: MidBlock,
    conv_norm_out: GroupNorm,
    conv_out: Conv2d,
}

impl Encoder {
    fn new(c: &VaeConfig, device: &Device) -> Self {
        let channels = &c.block_out_channels;
        let last = channels.len() - 1;
        let block = |i: usize| {
            let inputs = |layer| if layer == 0 { channels[i.saturating_sub(1)] } else { channels[i] };
            let resnet = |layer| ResnetBlock2D::new(inputs(layer), channels[i], resnet_config(c), device);
            DownEncoderBlock2D {
                resnets: (0..c.layers_per_block).map(resnet).collect(),
                downsamplers: (i < last).then(|| Downsample2D::new(channels[i], 0, device)).into_iter().collect(),
            }
        };
        Self {
            conv_in: Conv2d::new(c.in_channels, channels[0], 3, device),
            down_blocks: (0..=last).map(block).collect(),
            mid_block: MidBlock::new(channels[last], c, device),
            conv_norm_out: GroupNormConfig::new(c.norm_num_groups, channels[last]).with_epsilon(EPSILON).init(device),
            conv_out: Conv2d::new(channels[last], 2 * c.latent_channels, 3, device),
        }
    }

    fn forward(&self, picture: Tensor<4>) -> Outcome<Tensor<4>> {
        let mut x = ops::conv2d(&self.conv_in, picture);
        for block in &self.down_blocks {
            for resnet in &block.resnets {
                x = step(|| resnet.forward(x, None))?;
            }
            for downsampler in &block.downsamplers {
                x = step(|| downsampler.forward(x))?;
            }
        }
        x = self.mid_block.forward(x)?;
        Ok(ops::conv2d(&self.conv_out, ops::group_norm(&self.conv_norm_out, x, Then::Silu)))
    }
}

/// `UpDecoderBlock2D`.
#[derive(Module, Debug)]
struct UpDecoderBlock2D {
    resnets: Vec<ResnetBlock2D>,
    upsamplers: Vec<Upsample2D>,
}

/// The network from latents to pictures.
#[derive(Module, Debug)]
struct Decoder {
    conv_in: Conv2d,
    mid_block: MidBlock,
    up_blocks: Vec<UpDecoderBlock2D>,
    conv_norm_out: GroupNorm,
    conv_out: Conv2d,
}

impl Decoder {
    fn new(c: &VaeConfig, device: &Device) -> Self {
        let channels: Vec<usize> = c.block_out_channels.iter().rev().copied().collect();
        let last = channels.len() - 1;
        let block = |i: usize| {
            let inputs = |layer| if layer == 0 { channels[i.saturating_sub(1)] } else { channels[i] };
            let resnet = |layer| ResnetBlock2D::new(inputs(layer), channels[i], resnet_config(c), device);
            UpDecoderBlock2D {
                resnets: (0..=c.layers_per_block).map(resnet).collect(),
                upsamplers: (i < last).then(|| Upsample2D::new(channels[i], device)).into_iter().collect(),
            }
        };
        Self {
            conv_in: Conv2d::new(c.latent_channels, channels[0], 3, device),
            mid_block: MidBlock::new(channels[0], c, device),
            up_blocks: (0..=last).map(block).collect(),
            conv_norm_out: GroupNormConfig::new(c.norm_num_groups, channels[last]).with_epsilon(EPSILON).init(device),
            conv_out: Conv2d::new(channels[last], c.out_channels, 3, device),
        }
    }

    fn forward(&self, latents: Tensor<4>) -> Outcome<Tensor<4>> {
        let mut x = self.mid_block.forward(ops::conv2d(&self.conv_in, latents))?;
        for block in &self.up_blocks {
            // On a device with a queue, wait for each block before queueing the next: queued work can't be cancelled. A device
            // that fails here fails again where the picture is read.
            let _ = ops::wait(&x.device());
            for resnet in &block.resnets {
                x = step(|| resnet.forward(x, None))?;
            }
            for upsampler in &block.upsamplers {
                let [_, _, height, width] = x.dims();
                x = step(|| upsampler.forward(x, [2 * height, 2 * width]))?;
            }
        }
        Ok(ops::conv2d(&self.conv_out, ops::group_norm(&self.conv_norm_out, x, Then::Silu)))
    }
}
