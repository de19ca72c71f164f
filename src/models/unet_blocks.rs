//! The blocks of the UNets (Diffusers `models/unets/unet_2d_blocks.py`). Blocks with either kind of attention and without are the
//! same struct: its list of attentions makes the difference.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::attention::{PixelAttention, PixelAttentionConfig, Transformer2DModel, TransformerConfig};
use super::resnet::{Downsample2D, ResnetBlock2D, ResnetConfig, Upsample2D};
use crate::base::stop::Outcome;
use crate::ops;

/// How work is queued on a device that has a queue. The CPU has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// All of a step at once: the fastest, but queued work can't be cancelled.
    AtOnce,
    /// Block by block, waiting for each: cancelling takes effect within a block.
    BlockByBlock,
}

impl Pace {
    /// Returns the output of a block, after waiting for the device if the pace asks for it.
    pub fn keep(self, x: Tensor<4>) -> Tensor<4> {
        if self == Self::BlockByBlock {
            // A device that fails here fails again at the end of the step, where the error is reported.
            let _ = ops::wait(&x.device());
        }
        x
    }
}

/// What a block's layers take besides the picture.
#[derive(Clone, Copy)]
pub struct Condition<'a> {
    /// The embedding of the timestep, `[1, 1, temb_channels]`, after its SiLU.
    pub temb: &'a Tensor<3>,
    /// The text, `[batch, tokens, cross_attention_dim]`; `None` for blocks without cross-attention.
    pub context: Option<&'a Tensor<3>>,
}

/// The attention after a residual block.
#[derive(Module, Debug)]
#[expect(clippy::large_enum_variant, reason = "a network has few of them, and their weights are elsewhere")]
pub enum BlockAttention {
    /// Attention to the picture and to the text.
    Cross(Transformer2DModel),
    /// Attention to the picture alone.
    Pixels(PixelAttention),
}

/// The configuration of a [`BlockAttention`].
#[derive(Clone, Copy, Debug)]
pub enum AttentionConfig {
    /// See [`BlockAttention::Cross`].
    Cross(TransformerConfig),
    /// See [`BlockAttention::Pixels`].
    Pixels(PixelAttentionConfig),
}

impl BlockAttention {
    fn new(channels: usize, config: &AttentionConfig, device: &Device) -> Self {
        match config {
            AttentionConfig::Cross(config) => Self::Cross(Transformer2DModel::new(channels, config, device)),
            AttentionConfig::Pixels(config) => Self::Pixels(PixelAttention::new(channels, *config, device)),
        }
    }

    fn forward(&self, x: Tensor<4>, context: Option<&Tensor<3>>) -> Outcome<Tensor<4>> {
        match (self, context) {
            (Self::Cross(transformer), Some(context)) => transformer.forward(x, context),
            (Self::Cross(_), None) => unreachable!("the only model with cross-attention gives it a context"),
            (Self::Pixels(attention), _) => Ok(attention.forward(x)),
        }
    }
}

/// `DownBlock2D`, `CrossAttnDownBlock2D`, `AttnDownBlock2D`.
#[derive(Module, Debug)]
pub struct DownBlock2D {
    resnets: Vec<ResnetBlock2D>,
    attentions: Vec<BlockAttention>,
    downsamplers: Vec<Downsample2D>,
}

/// The configuration of a block.
pub struct BlockConfig {
    /// How many residual blocks it has.
    pub layers: usize,
    /// Their configuration.
    pub resnet: ResnetConfig,
    /// The attention after each of them; `None` for a block without.
    pub attention: Option<AttentionConfig>,
}

impl DownBlock2D {
    /// Builds a block from `inputs` to `outputs` channels; `downsample` is the padding of its last convolution, `None` in the
    /// last block.
    pub fn new(
        inputs: usize,
        outputs: usize,
        config: &BlockConfig,
        downsample: Option<usize>,
        device: &Device,
    ) -> Self {
        let resnets = (0..config.layers).map(|i| {
            let inputs = if i == 0 { inputs } else { outputs };
            ResnetBlock2D::new(inputs, outputs, config.resnet, device)
        });
        Self {
            resnets: resnets.collect(),
            attentions: attentions(config, outputs, device),
            downsamplers: downsample.map(|padding| Downsample2D::new(outputs, padding, device)).into_iter().collect(),
        }
    }

    /// Appends what the up blocks will want to `skips`.
    ///
    /// # Errors
    /// It was cancelled.
    pub fn forward(
        &self,
        mut x: Tensor<4>,
        condition: Condition<'_>,
        skips: &mut Vec<Tensor<4>>,
    ) -> Outcome<Tensor<4>> {
        for (i, resnet) in self.resnets.iter().enumerate() {
            x = layer(resnet, self.attentions.get(i), x, condition)?;
            skips.push(x.clone());
        }
        for downsampler in &self.downsamplers {
            x = downsampler.forward(x);
            skips.push(x.clone());
        }
        Ok(x)
    }
}

/// `UpBlock2D`, `CrossAttnUpBlock2D`, `AttnUpBlock2D`.
#[derive(Module, Debug)]
pub struct UpBlock2D {
    resnets: Vec<ResnetBlock2D>,
    attentions: Vec<BlockAttention>,
    upsamplers: Vec<Upsample2D>,
}

impl UpBlock2D {
    /// Builds a block whose input has `previous` channels; the skips have `outputs` channels, the last of them `inputs`.
    pub fn new(
        inputs: usize,
        previous: usize,
        outputs: usize,
        config: &BlockConfig,
        upsample: bool,
        device: &Device,
    ) -> Self {
        let resnets = (0..config.layers).map(|i| {
            let skip = if i + 1 == config.layers { inputs } else { outputs };
            let below = if i == 0 { previous } else { outputs };
            ResnetBlock2D::new(below + skip, outputs, config.resnet, device)
        });
        Self {
            resnets: resnets.collect(),
            attentions: attentions(config, outputs, device),
            upsamplers: upsample.then(|| Upsample2D::new(outputs, device)).into_iter().collect(),
        }
    }

    /// Takes its skips off the end of `skips`.
    ///
    /// # Errors
    /// It was cancelled.
    pub fn forward(
        &self,
        mut x: Tensor<4>,
        condition: Condition<'_>,
        skips: &mut Vec<Tensor<4>>,
    ) -> Outcome<Tensor<4>> {
        for (i, resnet) in self.resnets.iter().enumerate() {
            let Some(skip) = skips.pop() else { unreachable!("the down blocks leave a skip for each layer") };
            x = layer(resnet, self.attentions.get(i), ops::concatenate(x, skip), condition)?;
        }
        for upsampler in &self.upsamplers {
            let [_, _, height, width] = x.dims();
            // The next skip has the right size: an odd one was halved rounding up.
            let size = skips.last().map_or([2 * height, 2 * width], |skip| [skip.dims()[2], skip.dims()[3]]);
            x = upsampler.forward(x, size);
        }
        Ok(x)
    }
}

/// `UNetMidBlock2DCrossAttn`, `UNetMidBlock2D`.
#[derive(Module, Debug)]
pub struct MidBlock2D {
    resnets: Vec<ResnetBlock2D>,
    attentions: Vec<BlockAttention>,
}

impl MidBlock2D {
    /// Builds a residual block, an attention (or none) and a residual block.
    pub fn new(channels: usize, resnet: ResnetConfig, attention: Option<&AttentionConfig>, device: &Device) -> Self {
        Self {
            resnets: (0..2).map(|_| ResnetBlock2D::new(channels, channels, resnet, device)).collect(),
            attentions: attention.map(|config| BlockAttention::new(channels, config, device)).into_iter().collect(),
        }
    }

    /// Keeps the channels and the size.
    ///
    /// # Errors
    /// It was cancelled.
    pub fn forward(&self, mut x: Tensor<4>, condition: Condition<'_>) -> Outcome<Tensor<4>> {
        for (i, resnet) in self.resnets.iter().enumerate() {
            // Only the first residual block is followed by an attention.
            x = layer(resnet, self.attentions.get(i), x, condition)?;
        }
        Ok(x)
    }
}

/// Builds an attention for each layer of a block, if it has attention.
fn attentions(config: &BlockConfig, channels: usize, device: &Device) -> Vec<BlockAttention> {
    let Some(attention) = &config.attention else { return Vec::new() };
    (0..config.layers).map(|_| BlockAttention::new(channels, attention, device)).collect()
}

/// Applies a residual block and the attention after it, unless the work was cancelled.
fn layer(
    resnet: &ResnetBlock2D,
    attention: Option<&BlockAttention>,
    x: Tensor<4>,
    condition: Condition<'_>,
) -> Outcome<Tensor<4>> {
    ops::check_cancelled()?;
    let x = resnet.forward(x, Some(condition.temb));
    let Some(attention) = attention else { return Ok(x) };
    ops::check_cancelled()?;
    attention.forward(x, condition.context)
}
