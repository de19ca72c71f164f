//! DPT's neck and head: tokens of several layers become maps (`DPTReassembleStage`), which are merged from the coarsest to the
//! finest (`DPTFeatureFusionStage`) and turned into a depth for each pixel (`DPTDepthEstimationHead`).

use burn::module::Module;
use burn::nn::Identity;
use burn::nn::conv::{ConvTranspose2d, ConvTranspose2dConfig};
use burn::tensor::activation::relu;
use burn::tensor::module::interpolate;
use burn::tensor::ops::{InterpolateMode, InterpolateOptions};
use burn::tensor::{Device, Tensor};

use super::config::DptConfig;
use crate::ops::{self, Conv2d, Linear};

/// Channels before the last convolution of the head.
const HEAD_CHANNELS: usize = 32;

/// `DPTNeck`.
#[derive(Module, Debug)]
pub(super) struct DptNeck {
    reassemble_stage: DptReassembleStage,
    convs: Vec<Conv2d>,
    fusion_stage: DptFeatureFusionStage,
}

/// `DPTReassembleStage`; stages that are maps of a backbone have nothing to reassemble.
#[derive(Module, Debug)]
struct DptReassembleStage {
    readout_projects: Vec<Option<[Linear; 1]>>,
    layers: Vec<Option<DptReassembleLayer>>,
}

#[derive(Module, Debug)]
struct DptReassembleLayer {
    projection: Conv2d,
    resize: Option<Resize>,
}

#[derive(Module, Debug)]
enum Resize {
    Up(ConvTranspose2d),
    Down(Conv2d),
}

#[derive(Module, Debug)]
struct DptFeatureFusionStage {
    layers: Vec<DptFeatureFusionLayer>,
}

/// `DPTFeatureFusionLayer`; the first layer has nothing to merge and doesn't use its `residual_layer1`.
#[derive(Module, Debug)]
struct DptFeatureFusionLayer {
    projection: Conv2d,
    residual_layer1: DptPreActResidualLayer,
    residual_layer2: DptPreActResidualLayer,
}

#[derive(Module, Debug)]
struct DptPreActResidualLayer {
    convolution1: Conv2d,
    convolution2: Conv2d,
}

/// The input of a stage of the neck.
pub(super) enum Feature {
    /// Tokens of a layer of the transformer, `[batch, 1 + patches, width]`.
    Tokens(Tensor<3>),
    /// A map of the backbone.
    Map(Tensor<4>),
}

impl DptNeck {
    /// Builds a neck whose first `maps` stages are maps of a backbone.
    pub(super) fn new(c: &DptConfig, maps: usize, device: &Device) -> Self {
        let width = c.hidden_size;
        let stages = || c.neck_hidden_sizes.iter().zip(&c.reassemble_factors).enumerate();
        let reassembled = |i: usize| i >= maps;
        let readout = || [Linear::new(2 * width, width, device)];
        let layer = |channels: usize, factor: f64| DptReassembleLayer {
            projection: Conv2d::new(width, channels, 1, device),
            resize: Resize::new(channels, factor, device),
        };
        let fusion = |&channels| Conv2d::new(channels, c.fusion_hidden_size, 3, device).with_bias(false);
        Self {
            reassemble_stage: DptReassembleStage {
                readout_projects: stages().map(|(i, _)| reassembled(i).then(readout)).collect(),
                layers: stages()
                    .map(|(i, (&channels, &factor))| reassembled(i).then(|| layer(channels, factor)))
                    .collect(),
            },
            convs: c.neck_hidden_sizes.iter().map(fusion).collect(),
            fusion_stage: DptFeatureFusionStage {
                layers: stages().map(|_| DptFeatureFusionLayer::new(c.fusion_hidden_size, device)).collect(),
            },
        }
    }

    /// Merges the features, from fine to coarse, into one map with twice the sides of the finest; a side is `grid` patches.
    pub(super) fn forward(&self, features: Vec<Feature>, grid: usize) -> Option<Tensor<4>> {
        let DptReassembleStage { readout_projects, layers } = &self.reassemble_stage;
        let mut maps = Vec::new();
        for (i, feature) in features.into_iter().enumerate() {
            let map = match feature {
                Feature::Map(map) => map,
                Feature::Tokens(tokens) => {
                    let [readout] = readout_projects.get(i)?.as_ref()?;
                    layers.get(i)?.as_ref()?.forward(read_out(readout, tokens, grid))
                }
            };
            maps.push(ops::conv2d(self.convs.get(i)?, map));
        }
        let mut merged = None;
        for (map, layer) in maps.into_iter().rev().zip(&self.fusion_stage.layers) {
            merged = Some(match merged {
                None => layer.forward(map, None),
                Some(coarser) => layer.forward(coarser, Some(map)),
            });
        }
        merged
    }
}

/// Mixes the first token into each of the others, which become a map.
fn read_out(readout: &Linear, tokens: Tensor<3>, grid: usize) -> Tensor<4> {
    let [batch, length, width] = tokens.dims();
    let patches = tokens.clone().narrow(1, 1, length - 1);
    let first = tokens.narrow(1, 0, 1).expand([batch, length - 1, width]);
    let read = ops::gelu(ops::linear(readout, Tensor::cat(vec![patches, first], 2)));
    ops::picture(read, grid, grid)
}

impl Resize {
    /// Builds a layer that resizes by a factor: a whole number, 1 for no layer, or one over a whole number.
    fn new(channels: usize, factor: f64, device: &Device) -> Option<Self> {
        if factor > 1.0 {
            let times = factor as usize;
            let config = ConvTranspose2dConfig::new([channels, channels], [times, times]);
            return Some(Self::Up(config.with_stride([times, times]).init(device)));
        }
        if factor < 1.0 {
            let stride = (1.0 / factor) as usize;
            return Some(Self::Down(Conv2d::new(channels, channels, 3, device).with_stride(stride)));
        }
        None
    }
}

impl DptReassembleLayer {
    fn forward(&self, map: Tensor<4>) -> Tensor<4> {
        let map = ops::conv2d(&self.projection, map);
        match &self.resize {
            None => map,
            Some(Resize::Up(up)) => up.forward(map),
            Some(Resize::Down(down)) => ops::conv2d(down, map),
        }
    }
}

impl DptFeatureFusionLayer {
    fn new(channels: usize, device: &Device) -> Self {
        let residual = || DptPreActResidualLayer {
            convolution1: Conv2d::new(channels, channels, 3, device),
            convolution2: Conv2d::new(channels, channels, 3, device),
        };
        Self {
            projection: Conv2d::new(channels, channels, 1, device),
            residual_layer1: residual(),
            residual_layer2: residual(),
        }
    }

    /// Merges two maps into one with twice the sides of `coarser`.
    fn forward(&self, coarser: Tensor<4>, finer: Option<Tensor<4>>) -> Tensor<4> {
        let x = match finer {
            Some(mut finer) => {
                let [_, _, height, width] = coarser.dims();
                if finer.dims()[2..] != [height, width] {
                    // An odd side was halved rounding up.
                    finer = bilinear(finer, [height, width], false);
                }
                coarser + self.residual_layer1.forward(finer)
            }
            None => coarser,
        };
        let x = self.residual_layer2.forward(x);
        let [_, _, height, width] = x.dims();
        ops::conv2d(&self.projection, bilinear(x, [2 * height, 2 * width], true))
    }
}

impl DptPreActResidualLayer {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let y = ops::conv2d(&self.convolution1, relu(x.clone()));
        ops::conv2d(&self.convolution2, relu(y)) + x
    }
}

/// Resizes as `nn.functional.interpolate` with `mode="bilinear"`.
fn bilinear(x: Tensor<4>, size: [usize; 2], align_corners: bool) -> Tensor<4> {
    let options = InterpolateOptions::new(InterpolateMode::Bilinear);
    interpolate(x, options.with_align_corners(align_corners).with_output_size(size))
}

/// `DPTDepthEstimationHead`; indices 1, 3 and 5 have no parameters.
#[derive(Module, Debug)]
pub(super) struct DptDepthEstimationHead {
    head: (Conv2d, Identity, Conv2d, Identity, Conv2d),
}

impl DptDepthEstimationHead {
    pub(super) fn new(c: &DptConfig, device: &Device) -> Self {
        let channels = c.fusion_hidden_size;
        Self {
            head: (
                Conv2d::new(channels, channels / 2, 3, device),
                Identity,
                Conv2d::new(channels / 2, HEAD_CHANNELS, 3, device),
                Identity,
                Conv2d::new(HEAD_CHANNELS, 1, 1, device),
            ),
        }
    }

    /// Computes depths `[batch, 2 height, 2 width]` from `[batch, channels, height, width]`.
    pub(super) fn forward(&self, x: Tensor<4>) -> Tensor<3> {
        let (first, _, second, _, last) = &self.head;
        let x = ops::conv2d(first, x);
        let [batch, _, height, width] = x.dims();
        let x = relu(ops::conv2d(second, bilinear(x, [2 * height, 2 * width], true)));
        relu(ops::conv2d(last, x)).reshape([batch, 2 * height, 2 * width])
    }
}
