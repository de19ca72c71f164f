//! `BitBackbone` (transformers `models/bit/modeling_bit.py`): the ResNet with weight-standardised convolutions and group norms at
//! the start of DPT-Hybrid.
//!
//! Limits: bottleneck layers with "same" padding and three stages, as in Intel/dpt-hybrid-midas.

use burn::module::{Module, Param};
use burn::nn::{GroupNorm, GroupNormConfig};
use burn::tensor::activation::relu;
use burn::tensor::module::max_pool2d;
use burn::tensor::ops::{MaxPoolOptions, PadMode};
use burn::tensor::{Device, FloatDType, Tensor};
use serde::Deserialize;
use serde_json::json;

use crate::base::error::Result;
use crate::models::config::{NetworkConfig, check, read};
use crate::ops::{self, Conv2d, Padding, Then};

/// The epsilon of every weight-standardised convolution.
const STANDARD_EPSILON: f64 = 1e-8;
/// torch's default, which the norms use.
const NORM_EPSILON: f64 = 1e-5;
/// How many stages there are; their maps are a quarter, an eighth and a sixteenth of the picture's sides.
pub(super) const STAGES: usize = 3;

/// The keys of a `backbone_config` that determine the network, with the defaults that transformers' `DPTConfig` gives it.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
struct BitConfig {
    embedding_size: usize,
    hidden_sizes: Vec<usize>,
    depths: Vec<usize>,
    num_groups: usize,
    global_padding: String,
}

impl Default for BitConfig {
    fn default() -> Self {
        Self {
            embedding_size: 64,
            hidden_sizes: vec![256, 512, 1024, 2048],
            depths: vec![3, 4, 9],
            num_groups: 32,
            global_padding: "same".into(),
        }
    }
}

/// The wrapper of `BitModel`, whose name is part of the checkpoints' keys.
#[derive(Module, Debug)]
pub(super) struct BitBackbone {
    bit: BitModel,
}

#[derive(Module, Debug)]
struct BitModel {
    embedder: BitEmbeddings,
    encoder: BitEncoder,
}

#[derive(Module, Debug)]
struct BitEmbeddings {
    convolution: Conv2d,
    norm: GroupNorm,
}

#[derive(Module, Debug)]
struct BitEncoder {
    stages: Vec<BitStage>,
}

#[derive(Module, Debug)]
struct BitStage {
    layers: Vec<BitBottleneckLayer>,
}

#[derive(Module, Debug)]
struct BitBottleneckLayer {
    downsample: Option<BitDownsampleConv>,
    conv1: Conv2d,
    norm1: GroupNorm,
    conv2: Conv2d,
    norm2: GroupNorm,
    conv3: Conv2d,
    norm3: GroupNorm,
}

#[derive(Module, Debug)]
struct BitDownsampleConv {
    conv: Conv2d,
    norm: GroupNorm,
}

impl BitBackbone {
    /// Builds the network that a `backbone_config` describes; its parameters take no memory until they are loaded. Also returns
    /// the channels of the stages.
    ///
    /// # Errors
    /// An option that is not supported, or numbers that don't fit together: the message names the key.
    pub(super) fn new(config: &NetworkConfig, device: &Device) -> Result<(Self, [usize; STAGES])> {
        let c: BitConfig = read(config, &fixed_options())?;
        check(c.global_padding.eq_ignore_ascii_case("same"), || format!("global_padding = {}", c.global_padding))?;
        check(c.depths.len() == STAGES && c.hidden_sizes.len() >= STAGES, || {
            format!("depths has {} entries, not {STAGES}", c.depths.len())
        })?;
        let channels = [c.hidden_sizes[0], c.hidden_sizes[1], c.hidden_sizes[2]];
        let groups = c.num_groups;
        let fits =
            |channels: usize| groups > 0 && channels > 0 && channels <= 1 << 14 && channels.is_multiple_of(groups);
        let all = channels.iter().flat_map(|&channels| [channels, narrow(channels)]).chain([c.embedding_size]);
        for channels in all {
            check(fits(channels), || format!("num_groups = {groups} does not divide {channels} channels"))?;
        }
        check(c.depths.iter().all(|depth| (1..=64).contains(depth)), || "depths are not 1 to 64".into())?;

        let mut stages = Vec::new();
        let mut inputs = c.embedding_size;
        for (i, (&outputs, &depth)) in channels.iter().zip(&c.depths).enumerate() {
            let layer = |n: usize| {
                let stride = if n == 0 && i > 0 { 2 } else { 1 };
                BitBottleneckLayer::new(if n == 0 { inputs } else { outputs }, outputs, stride, n == 0, groups, device)
            };
            stages.push(BitStage { layers: (0..depth).map(layer).collect() });
            inputs = outputs;
        }
        let embedder = BitEmbeddings {
            convolution: convolution(3, c.embedding_size, 7, 2, device),
            norm: norm(c.embedding_size, groups, device),
        };
        Ok((Self { bit: BitModel { embedder, encoder: BitEncoder { stages } } }, channels))
    }

    /// Computes the map of each stage from `[batch, 3, height, width]`.
    pub(super) fn forward(&self, pixel_values: Tensor<4>) -> Vec<Tensor<4>> {
        let BitEmbeddings { convolution, norm } = &self.bit.embedder;
        let x = standardised(convolution, pixel_values);
        let x = relu(ops::group_norm(norm, x, Then::Nothing));
        // Zero padding is right for a maximum after a ReLU.
        let mut x = max_pool2d(padded(x, 3, 2), MaxPoolOptions::new([3, 3]).with_stride([2, 2]));
        let mut maps = Vec::new();
        for stage in &self.bit.encoder.stages {
            for layer in &stage.layers {
                x = layer.forward(x);
            }
            maps.push(x.clone());
        }
        maps
    }
}

impl BitBottleneckLayer {
    fn new(inputs: usize, outputs: usize, stride: usize, is_first: bool, groups: usize, device: &Device) -> Self {
        let middle = narrow(outputs);
        let shortcut = || BitDownsampleConv {
            conv: convolution(inputs, outputs, 1, stride, device),
            norm: norm(outputs, groups, device),
        };
        Self {
            downsample: is_first.then(shortcut),
            conv1: convolution(inputs, middle, 1, 1, device),
            norm1: norm(middle, groups, device),
            conv2: convolution(middle, middle, 3, stride, device),
            norm2: norm(middle, groups, device),
            conv3: convolution(middle, outputs, 1, 1, device),
            norm3: norm(outputs, groups, device),
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let shortcut = match &self.downsample {
            Some(BitDownsampleConv { conv, norm }) => {
                ops::group_norm(norm, standardised(conv, x.clone()), Then::Nothing)
            }
            None => x.clone(),
        };
        let x = relu(ops::group_norm(&self.norm1, standardised(&self.conv1, x), Then::Nothing));
        let x = relu(ops::group_norm(&self.norm2, standardised(&self.conv2, x), Then::Nothing));
        let x = ops::group_norm(&self.norm3, standardised(&self.conv3, x), Then::Nothing);
        relu(x + shortcut)
    }
}

/// Options with a single supported value.
fn fixed_options() -> Vec<(&'static str, serde_json::Value)> {
    vec![
        ("model_type", json!("bit")),
        ("num_channels", json!(3)),
        ("layer_type", json!("bottleneck")),
        ("hidden_act", json!("relu")),
        ("embedding_dynamic_padding", json!(true)),
        ("output_stride", json!(32)),
        ("width_factor", json!(1)),
        ("out_features", json!(["stage1", "stage2", "stage3"])),
    ]
}

/// Computes the channels inside a bottleneck: a quarter, rounded to a multiple of eight (`make_div`).
fn narrow(channels: usize) -> usize {
    let rounded = ((channels / 4 + 4) / 8 * 8).max(8);
    if 10 * rounded < 9 * (channels / 4) { rounded + 8 } else { rounded }
}

fn convolution(inputs: usize, outputs: usize, kernel: usize, stride: usize, device: &Device) -> Conv2d {
    let convolution = Conv2d::new(inputs, outputs, kernel, device).with_stride(stride);
    convolution.with_padding(Padding::default()).with_bias(false)
}

fn norm(channels: usize, groups: usize, device: &Device) -> GroupNorm {
    GroupNormConfig::new(groups, channels).with_epsilon(NORM_EPSILON).init(device)
}

/// Applies `WeightStandardizedConv2d`: the weights of each output channel get mean 0 and variance 1, and padding is "same".
fn standardised(layer: &Conv2d, x: Tensor<4>) -> Tensor<4> {
    let weight = layer.weight.val();
    let (shape @ [outputs, ..], dtype) = (weight.dims(), weight.dtype());
    let weight = weight.cast(FloatDType::F32).reshape([outputs, shape[1] * shape[2] * shape[3]]);
    let weight = weight.clone() - weight.mean_dim(1);
    let variance = (weight.clone() * weight.clone()).mean_dim(1);
    let weight = (weight / (variance + STANDARD_EPSILON).sqrt()).reshape(shape).cast(dtype);
    let layer = Conv2d { weight: Param::from_tensor(weight), ..layer.clone() };
    ops::conv2d(&layer, padded(x, shape[2], layer.stride))
}

/// Pads a picture with zeros, more of them on the right and below, so that a convolution divides its sides by `stride`,
/// rounding up (`DynamicPad2d`).
fn padded(x: Tensor<4>, kernel: usize, stride: usize) -> Tensor<4> {
    let [_, _, height, width] = x.dims();
    let missing = |side: usize| ((side.div_ceil(stride) - 1) * stride + kernel).saturating_sub(side);
    let (rows, columns) = (missing(height), missing(width));
    if rows == 0 && columns == 0 {
        return x;
    }
    let (top, left) = (rows / 2, columns / 2);
    x.pad((left, columns - left, top, rows - top), PadMode::Constant(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bottlenecks_are_as_narrow_as_transformers_makes_them() {
        // make_div(c * 0.25): 8, 8, 16, 64, 256.
        assert_eq!([8, 32, 64, 256, 1024].map(narrow), [8, 8, 16, 64, 256]);
    }

    #[test]
    fn padding_keeps_the_sides_or_halves_them_upwards() {
        let sides = |height, width, kernel, stride| {
            let [_, _, height, width] =
                padded(Tensor::zeros([1, 1, height, width], &Device::flex()), kernel, stride).dims();
            (height, width)
        };
        assert_eq!(sides(384, 384, 7, 2), (389, 389));
        assert_eq!(sides(9, 8, 3, 2), (11, 9));
        assert_eq!(sides(9, 8, 3, 1), (11, 10));
        assert_eq!(sides(9, 8, 1, 2), (9, 8));
    }
}
