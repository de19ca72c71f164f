//! The UNet that the denoisers share: a picture goes down through blocks at ever smaller sizes, through the middle, and up again,
//! each block on the way up being given what one on the way down left. What Diffusers has as two classes differs in the
//! config and in what the blocks attend to: `unet_2d` and `unet_2d_condition`.

use burn::module::Module;
use burn::nn::{GroupNorm, GroupNormConfig};
use burn::tensor::{Device, Tensor};

use super::config::{check, check_channels};
use super::embeddings::{TimestepEmbedding, timestep_embedding};
use super::residuals::Residuals;
use super::resnet::ResnetConfig;
use super::unet_blocks::{AttentionConfig, BlockConfig, Condition, DownBlock2D, MidBlock2D, Pace, UpBlock2D};
use crate::base::error::Result;
use crate::base::stop::Outcome;
use crate::ops::{self, Conv2d, Then};

/// A UNet. `Kind` tells one class of models from another, and holds what only that class knows.
#[derive(Module, Debug)]
pub struct UNet<Kind> {
    conv_in: Conv2d,
    time_embedding: TimestepEmbedding,
    down_blocks: Vec<DownBlock2D>,
    mid_block: MidBlock2D,
    up_blocks: Vec<UpBlock2D>,
    conv_norm_out: GroupNorm,
    conv_out: Conv2d,
    in_channels: usize,
    #[module(skip)]
    inputs: InputConfig,
    #[module(skip)]
    pub(super) kind: Kind,
}

/// How the sample and the timestep are prepared.
#[derive(Clone, Copy, Debug)]
pub(super) struct InputConfig {
    /// Whether the sample is in 0..1 instead of -1..1.
    pub(super) center_input_sample: bool,
    /// Whether the cosines of the timestep's embedding come before the sines.
    pub(super) flip_sin_to_cos: bool,
    /// See [`timestep_embedding`].
    pub(super) freq_shift: f64,
}

/// How a UNet is built: what the config of either class comes down to.
pub(super) struct UNetShape<'a> {
    pub(super) in_channels: usize,
    pub(super) out_channels: usize,
    /// Channels of each level, the one at full size first.
    pub(super) channels: &'a [usize],
    /// Channels of the timestep's embedding.
    pub(super) temb_channels: usize,
    /// Groups and epsilon of the last norm.
    pub(super) norm: (usize, f64),
    /// Padding of the convolutions that halve the size.
    pub(super) downsample_padding: usize,
    /// The blocks of the way down, as many as levels.
    pub(super) down: Vec<BlockConfig>,
    /// The residual blocks of the middle, and the attention between them.
    pub(super) mid: (ResnetConfig, Option<AttentionConfig>),
    /// The blocks of the way up, the one at the smallest size first.
    pub(super) up: Vec<BlockConfig>,
    pub(super) inputs: InputConfig,
}

impl<Kind: Clone + std::fmt::Debug + Send> UNet<Kind> {
    pub(super) fn build(shape: &UNetShape<'_>, kind: Kind, device: &Device) -> Self {
        let (channels, last) = (shape.channels, shape.channels.len() - 1);
        let down = shape.down.iter().enumerate().map(|(level, config)| {
            let downsample = (level < last).then_some(shape.downsample_padding);
            DownBlock2D::new(channels[level.saturating_sub(1)], channels[level], config, downsample, device)
        });
        let up = shape.up.iter().zip((0..=last).rev()).map(|(config, level)| {
            let (inputs, previous) = (channels[level.saturating_sub(1)], channels[(level + 1).min(last)]);
            UpBlock2D::new(inputs, previous, channels[level], config, level > 0, device)
        });
        let ((groups, epsilon), (mid_resnet, mid_attention)) = (shape.norm, &shape.mid);
        Self {
            conv_in: Conv2d::new(shape.in_channels, channels[0], 3, device),
            time_embedding: TimestepEmbedding::new(channels[0], shape.temb_channels, device),
            down_blocks: down.collect(),
            mid_block: MidBlock2D::new(channels[last], *mid_resnet, mid_attention.as_ref(), device),
            up_blocks: up.collect(),
            conv_norm_out: GroupNormConfig::new(groups, channels[0]).with_epsilon(epsilon).init(device),
            conv_out: Conv2d::new(channels[0], shape.out_channels, 3, device),
            in_channels: shape.in_channels,
            inputs: shape.inputs,
            kind,
        }
    }

    /// Channels of the sample.
    pub fn in_channels(&self) -> usize {
        self.in_channels
    }

    /// Channels of the first level, the one at full size.
    pub fn first_channels(&self) -> usize {
        self.conv_norm_out.num_channels
    }

    /// What both sides of a sample have to be a multiple of for every level to halve them evenly.
    pub fn side_multiple(&self) -> usize {
        1 << (self.down_blocks.len() - 1)
    }

    /// Predicts what the scheduler asks for; blocks with cross-attention look at the `context`, and `residuals` are added on the
    /// way.
    pub(super) fn predict(
        &self,
        sample: Tensor<4>,
        timestep: f64,
        context: Option<&Tensor<3>>,
        residuals: &Residuals,
        pace: Pace,
    ) -> Outcome<Tensor<4>> {
        let InputConfig { center_input_sample, flip_sin_to_cos, freq_shift } = self.inputs;
        let projected =
            timestep_embedding(timestep, self.first_channels(), flip_sin_to_cos, freq_shift, &sample.device());
        // Every use of the embedding begins with a SiLU: done once.
        let temb = ops::silu(self.time_embedding.forward(projected.cast(sample.dtype())));
        let condition = Condition { temb: &temb, context };

        let sample = if center_input_sample { sample * 2.0 - 1.0 } else { sample };
        let mut x = ops::conv2d(&self.conv_in, sample);
        let mut skips = vec![x.clone()];
        for block in &self.down_blocks {
            x = pace.keep(block.forward(x, condition, &mut skips)?);
        }
        residuals.add_to_skips(&mut skips);
        x = residuals.add_to_mid(pace.keep(self.mid_block.forward(x, condition)?));
        for block in &self.up_blocks {
            x = pace.keep(block.forward(x, condition, &mut skips)?);
        }
        Ok(ops::conv2d(&self.conv_out, ops::group_norm(&self.conv_norm_out, x, Then::Silu)))
    }
}

/// Checks that a config has channels that its norms can group, and a block each way for each of them.
///
/// # Errors
/// The first number that doesn't fit.
pub(super) fn check_levels(
    channels: &[usize],
    groups: usize,
    downsample_padding: usize,
    down: &[String],
    up: &[String],
) -> Result<()> {
    check_channels(channels, groups)?;
    check(downsample_padding <= 1, || format!("downsample_padding = {downsample_padding}"))?;
    let (n, down, up) = (channels.len(), down.len(), up.len());
    check(down == n && up == n, || format!("{n} block_out_channels, but {down} down and {up} up blocks"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_no_unet_has_are_refused_by_name() {
        let (down, up) = (vec!["DownBlock2D".to_owned()], vec!["UpBlock2D".to_owned()]);
        assert!(check_levels(&[32], 8, 1, &down, &up).is_ok());
        let error = check_levels(&[32], 8, usize::MAX, &down, &up).expect_err("no such padding");
        assert!(error.to_string().contains("downsample_padding = 18446744073709551615"), "{error}");
        assert!(check_levels(&[32], 8, 1, &down, &[]).is_err());
    }
}
