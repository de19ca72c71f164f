//! `ResnetBlock2D`, `Downsample2D`, `Upsample2D` (Diffusers `models/resnet.py`, `downsampling.py`, `upsampling.py`).

use burn::module::Module;
use burn::nn::{GroupNorm, GroupNormConfig};
use burn::tensor::{Device, Tensor};

use crate::ops::{self, Conv2d, Epilogue, Linear, Padding, Then};

/// The configuration of a residual block.
#[derive(Clone, Copy, Debug)]
pub struct ResnetConfig {
    /// Channels of the timestep's embedding; `None` in an autoencoder.
    pub temb_channels: Option<usize>,
    /// Groups of the norms.
    pub groups: usize,
    /// The norms' epsilon.
    pub epsilon: f64,
    /// The divisor of the sum of both branches.
    pub output_scale_factor: f64,
}

/// A residual block: two convolutions, each after a norm and a SiLU, with the timestep added between them.
#[derive(Module, Debug)]
pub struct ResnetBlock2D {
    norm1: GroupNorm,
    conv1: Conv2d,
    time_emb_proj: Option<Linear>,
    norm2: GroupNorm,
    conv2: Conv2d,
    conv_shortcut: Option<Conv2d>,
    output_scale_factor: f64,
}

impl ResnetBlock2D {
    /// Builds a block from `inputs` to `outputs` channels.
    pub fn new(inputs: usize, outputs: usize, config: ResnetConfig, device: &Device) -> Self {
        let norm = |channels| GroupNormConfig::new(config.groups, channels).with_epsilon(config.epsilon).init(device);
        Self {
            norm1: norm(inputs),
            conv1: Conv2d::new(inputs, outputs, 3, device),
            time_emb_proj: config.temb_channels.map(|temb| Linear::new(temb, outputs, device)),
            norm2: norm(outputs),
            conv2: Conv2d::new(outputs, outputs, 3, device),
            conv_shortcut: (inputs != outputs).then(|| Conv2d::new(inputs, outputs, 1, device)),
            output_scale_factor: config.output_scale_factor,
        }
    }

    /// Channels of the input.
    pub fn inputs(&self) -> usize {
        self.norm1.num_channels
    }

    /// Transforms `x` `[batch, inputs, height, width]`; `temb` `[1, 1, temb_channels]` has been through its SiLU.
    pub fn forward(&self, x: Tensor<4>, temb: Option<&Tensor<3>>) -> Tensor<4> {
        let shift = self.time_emb_proj.as_ref().zip(temb).map(|(projection, temb)| {
            let shift = ops::linear(projection, temb.clone());
            let channels = shift.dims()[2];
            shift.reshape([1, channels, 1, 1])
        });
        let y = ops::group_norm(&self.norm1, x.clone(), Then::Silu);
        let y = ops::conv2d_then(&self.conv1, y, Epilogue { shift, ..Epilogue::default() });
        let residual = match &self.conv_shortcut {
            Some(shortcut) => ops::conv2d(shortcut, x),
            None => x,
        };
        let y = ops::group_norm(&self.norm2, y, Then::Silu);
        let y = ops::conv2d_then(&self.conv2, y, Epilogue { residual: Some(residual), ..Epilogue::default() });
        rescaled(y, self.output_scale_factor)
    }
}

/// Divides the sum of both branches by Diffusers' `output_scale_factor`.
pub(super) fn rescaled(sum: Tensor<4>, factor: f64) -> Tensor<4> {
    if (factor - 1.0).abs() < f64::EPSILON { sum } else { sum / factor }
}

/// Halves the size with a convolution of stride 2.
#[derive(Module, Debug)]
pub struct Downsample2D {
    conv: Conv2d,
}

impl Downsample2D {
    /// Builds the layer: a `padding` of 1 pads all sides; 0 pads one row below and one column to the right, as Diffusers does
    /// for the autoencoder.
    pub fn new(channels: usize, padding: usize, device: &Device) -> Self {
        let padding = match padding {
            0 => Padding { bottom: 1, right: 1, ..Padding::default() },
            pixels => Padding::all(pixels),
        };
        Self { conv: Conv2d::new(channels, channels, 3, device).with_stride(2).with_padding(padding) }
    }

    /// Halves the sides of `[batch, channels, height, width]`, rounding up.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        ops::conv2d(&self.conv, x)
    }
}

/// Doubles the size by repeating each pixel, then applies a convolution.
#[derive(Module, Debug)]
pub struct Upsample2D {
    conv: Conv2d,
}

impl Upsample2D {
    /// Builds the layer, which keeps the channels.
    pub fn new(channels: usize, device: &Device) -> Self {
        Self { conv: Conv2d::new(channels, channels, 3, device) }
    }

    /// Resizes `[batch, channels, height, width]` to `size`: twice the input's, or one less where an odd size had been halved.
    pub fn forward(&self, x: Tensor<4>, size: [usize; 2]) -> Tensor<4> {
        ops::conv2d_doubled(&self.conv, x, size)
    }
}
