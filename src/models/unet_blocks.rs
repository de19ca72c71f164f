//! The UNet's blocks (Diffusers `models/unets/unet_2d_blocks.py`). A block with or without cross-attention is the same struct:
//! its list of attentions is empty or not.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::attention::{Transformer2DModel, TransformerConfig};
use super::resnet::{Downsample2D, ResnetBlock2D, ResnetConfig, Upsample2D};
use crate::cancel::CancelToken;

/// What a block's layers look at besides the picture.
#[derive(Clone, Copy)]
pub struct Condition<'a> {
    /// The timestep, `[1, 1, temb_channels]`, through its SiLU.
    pub temb: &'a Tensor<3>,
    /// The text, `[batch, tokens, cross_attention_dim]`.
    pub context: &'a Tensor<3>,
    /// Looked at between two layers.
    pub cancel: &'a CancelToken,
}

/// `DownBlock2D`, `CrossAttnDownBlock2D`.
#[derive(Module, Debug)]
pub struct DownBlock2D {
    resnets: Vec<ResnetBlock2D>,
    attentions: Vec<Transformer2DModel>,
    downsamplers: Vec<Downsample2D>,
}

/// How one block is built.
pub struct BlockConfig {
    /// Residual blocks.
    pub layers: usize,
    /// How these are built.
    pub resnet: ResnetConfig,
    /// The transformer after each of them, where the block has cross-attention.
    pub transformer: Option<TransformerConfig>,
}

impl DownBlock2D {
    /// From `inputs` to `outputs` channels; `downsample` is the last convolution's padding, `None` on the last block.
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
            attentions: transformers(config, outputs, device),
            downsamplers: downsample.map(|padding| Downsample2D::new(outputs, padding, device)).into_iter().collect(),
        }
    }

    /// Leaves what the up blocks will want in `skips`. `None` when cancelled.
    pub fn forward(&self, mut x: Tensor<4>, condition: Condition<'_>, skips: &mut Vec<Tensor<4>>) -> Option<Tensor<4>> {
        for (i, resnet) in self.resnets.iter().enumerate() {
            x = layer(resnet, self.attentions.get(i), x, condition)?;
            skips.push(x.clone());
        }
        for downsampler in &self.downsamplers {
            x = downsampler.forward(x);
            skips.push(x.clone());
        }
        Some(x)
    }
}

/// `UpBlock2D`, `CrossAttnUpBlock2D`.
#[derive(Module, Debug)]
pub struct UpBlock2D {
    resnets: Vec<ResnetBlock2D>,
    attentions: Vec<Transformer2DModel>,
    upsamplers: Vec<Upsample2D>,
}

impl UpBlock2D {
    /// `previous` channels come from below; the skips have `outputs` channels, the last of them `inputs`.
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
            attentions: transformers(config, outputs, device),
            upsamplers: upsample.then(|| Upsample2D::new(outputs, device)).into_iter().collect(),
        }
    }

    /// Takes its skips off the end of `skips`. `None` when cancelled.
    pub fn forward(&self, mut x: Tensor<4>, condition: Condition<'_>, skips: &mut Vec<Tensor<4>>) -> Option<Tensor<4>> {
        for (i, resnet) in self.resnets.iter().enumerate() {
            let skip = skips.pop()?;
            x = layer(resnet, self.attentions.get(i), Tensor::cat(vec![x, skip], 1), condition)?;
        }
        for upsampler in &self.upsamplers {
            let [_, _, height, width] = x.dims();
            // The next skip tells the size: an odd one was halved upwards.
            let size = skips.last().map_or([2 * height, 2 * width], |skip| [skip.dims()[2], skip.dims()[3]]);
            x = upsampler.forward(x, size);
        }
        Some(x)
    }
}

/// `UNetMidBlock2DCrossAttn`.
#[derive(Module, Debug)]
pub struct UNetMidBlock2DCrossAttn {
    resnets: Vec<ResnetBlock2D>,
    attentions: Vec<Transformer2DModel>,
}

impl UNetMidBlock2DCrossAttn {
    /// A residual block, a transformer, a residual block.
    pub fn new(channels: usize, resnet: ResnetConfig, transformer: &TransformerConfig, device: &Device) -> Self {
        Self {
            resnets: (0..2).map(|_| ResnetBlock2D::new(channels, channels, resnet, device)).collect(),
            attentions: vec![Transformer2DModel::new(channels, transformer, device)],
        }
    }

    /// `None` when cancelled.
    pub fn forward(&self, mut x: Tensor<4>, condition: Condition<'_>) -> Option<Tensor<4>> {
        for (i, resnet) in self.resnets.iter().enumerate() {
            // The first residual block is followed by the transformer, the second by nothing.
            x = layer(resnet, self.attentions.get(i), x, condition)?;
        }
        Some(x)
    }
}

/// A transformer for each layer of a block that has any.
fn transformers(config: &BlockConfig, channels: usize, device: &Device) -> Vec<Transformer2DModel> {
    let Some(transformer) = &config.transformer else { return Vec::new() };
    (0..config.layers).map(|_| Transformer2DModel::new(channels, transformer, device)).collect()
}

/// A residual block and the transformer after it; `None` when cancelled.
fn layer(
    resnet: &ResnetBlock2D,
    attention: Option<&Transformer2DModel>,
    x: Tensor<4>,
    condition: Condition<'_>,
) -> Option<Tensor<4>> {
    if condition.cancel.is_cancelled() {
        return None;
    }
    let x = resnet.forward(x, Some(condition.temb));
    match attention {
        Some(_) if condition.cancel.is_cancelled() => None,
        Some(attention) => Some(attention.forward(x, condition.context)),
        None => Some(x),
    }
}
