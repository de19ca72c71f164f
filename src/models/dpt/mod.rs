//! `DPTForDepthEstimation` (transformers `models/dpt/modeling_dpt.py`): how far away each pixel is. Intel/dpt-large sees patches,
//! Intel/dpt-hybrid-midas, which Stable Diffusion 2 Depth has, the maps of a ResNet.
//!
//! Limits: square pictures of the size that the model is made for; no batch norm, no other backbones.

mod bit;
mod neck;
mod vit;

use burn::module::Module;
use burn::nn::{LayerNorm, LayerNormConfig};
use burn::tensor::{Device, Tensor};
use serde::Deserialize;
use serde_json::json;

use super::config::{Config, check, read};
use crate::base::error::Result;
use bit::BitBackbone;
use neck::{DptDepthEstimationHead, DptNeck, Feature};
use vit::{DptVitEncoder, Embeddings};

/// The keys of `config.json` that shape the network, with transformers' defaults.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
struct DptConfig {
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    layer_norm_eps: f64,
    image_size: usize,
    patch_size: usize,
    is_hybrid: bool,
    qkv_bias: bool,
    backbone_out_indices: Vec<usize>,
    reassemble_factors: Vec<f64>,
    neck_hidden_sizes: Vec<usize>,
    fusion_hidden_size: usize,
    backbone_featmap_shape: Vec<usize>,
    backbone_config: Config,
}

impl Default for DptConfig {
    fn default() -> Self {
        Self {
            hidden_size: 768,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            intermediate_size: 3072,
            layer_norm_eps: 1e-12,
            image_size: 384,
            patch_size: 16,
            is_hybrid: false,
            qkv_bias: true,
            backbone_out_indices: vec![2, 5, 8, 11],
            reassemble_factors: vec![4.0, 2.0, 1.0, 0.5],
            neck_hidden_sizes: vec![96, 192, 384, 768],
            fusion_hidden_size: 256,
            backbone_featmap_shape: vec![1, 1024, 24, 24],
            backbone_config: Config::new(),
        }
    }
}

/// Stages of the neck that are maps of the backbone, where there is one.
const HYBRID_MAPS: usize = bit::STAGES - 1;

impl DptConfig {
    /// Patches that make a side of the picture.
    fn grid(&self) -> usize {
        self.image_size / self.patch_size
    }

    fn check(&self) -> Result<()> {
        let (width, heads) = (self.hidden_size, self.num_attention_heads);
        check(width > 0 && width <= 1 << 14 && heads > 0 && width % heads == 0, || {
            format!("num_attention_heads = {heads} does not divide hidden_size = {width}")
        })?;
        check((1..=128).contains(&self.num_hidden_layers), || {
            format!("num_hidden_layers = {}", self.num_hidden_layers)
        })?;
        check((1..=1 << 16).contains(&self.intermediate_size), || {
            format!("intermediate_size = {}", self.intermediate_size)
        })?;
        let (image, patch) = (self.image_size, self.patch_size);
        check(patch > 0 && (patch..=4096).contains(&image) && image % patch == 0, || {
            format!("patch_size = {patch} does not divide image_size = {image}")
        })?;
        let stages = self.neck_hidden_sizes.len();
        check((1..=8).contains(&stages) && self.reassemble_factors.len() == stages, || {
            format!("{stages} neck_hidden_sizes, but {} reassemble_factors", self.reassemble_factors.len())
        })?;
        let is_factor = |x: &f64| [4.0, 2.0, 1.0, 0.5, 0.25].contains(x);
        check(self.reassemble_factors.iter().all(is_factor), || "reassemble_factors are not 0.25 to 4".into())?;
        let indices = &self.backbone_out_indices;
        check(indices.len() == stages && indices.is_sorted_by(|a, b| a < b), || {
            format!("backbone_out_indices = {indices:?} for {stages} stages")
        })?;
        check(indices.iter().all(|&i| i < self.num_hidden_layers), || {
            format!("backbone_out_indices = {indices:?} of {} layers", self.num_hidden_layers)
        })?;
        let is_width = |channels: &usize| (2..=1 << 14).contains(channels);
        check(self.neck_hidden_sizes.iter().all(is_width) && is_width(&self.fusion_hidden_size), || {
            "neck_hidden_sizes and fusion_hidden_size are not 2 to 16384".into()
        })
    }

    /// Makes sure that the maps of a backbone, of so many channels, are what the neck and the transformer take.
    fn check_hybrid(&self, channels: [usize; bit::STAGES]) -> Result<()> {
        check(
            self.neck_hidden_sizes.len() > HYBRID_MAPS
                && self.neck_hidden_sizes[..HYBRID_MAPS] == channels[..HYBRID_MAPS],
            || {
                format!(
                    "neck_hidden_sizes = {:?} do not begin with the backbone's {channels:?}",
                    self.neck_hidden_sizes
                )
            },
        )?;
        let last = channels[bit::STAGES - 1];
        check(self.backbone_featmap_shape.get(1) == Some(&last), || {
            format!("backbone_featmap_shape = {:?}, but the backbone has {last} channels", self.backbone_featmap_shape)
        })?;
        check(self.patch_size == 16, || {
            format!("patch_size = {}, but the backbone's last map is a 16th", self.patch_size)
        })
    }
}

/// The depth estimator.
#[derive(Module, Debug)]
pub struct DptForDepthEstimation {
    dpt: DptModel,
    neck: DptNeck,
    head: DptDepthEstimationHead,
    image_size: usize,
    grid: usize,
    /// Layers of the transformer that the neck reads.
    #[module(skip)]
    out_indices: Vec<usize>,
}

/// Its `layernorm` is in the checkpoints, and no part of what the neck reads.
#[derive(Module, Debug)]
struct DptModel {
    embeddings: Embeddings,
    encoder: DptVitEncoder,
    layernorm: LayerNorm,
}

impl DptForDepthEstimation {
    /// Builds the network that a `config.json` describes; its parameters are made when they are loaded.
    ///
    /// # Errors
    /// An option that we don't build, or numbers that don't fit together: the message names the key.
    pub fn new(config: &Config, device: &Device) -> Result<Self> {
        let c: DptConfig = read(config, &fixed_options())?;
        c.check()?;
        let mut backbone = None;
        if c.is_hybrid {
            let (network, channels) = BitBackbone::new(&c.backbone_config, device)?;
            c.check_hybrid(channels)?;
            backbone = Some((network, channels[bit::STAGES - 1]));
        } else {
            check(c.backbone_config.is_empty(), || "backbone_config is for hybrid models only".into())?;
        }
        let maps = if c.is_hybrid { HYBRID_MAPS } else { 0 };
        Ok(Self {
            dpt: DptModel {
                embeddings: Embeddings::new(&c, backbone, device),
                encoder: DptVitEncoder::new(&c, device),
                layernorm: LayerNormConfig::new(c.hidden_size).init(device),
            },
            neck: DptNeck::new(&c, maps, device),
            head: DptDepthEstimationHead::new(&c, device),
            image_size: c.image_size,
            grid: c.grid(),
            out_indices: c.backbone_out_indices[maps..].to_vec(),
        })
    }

    /// The side of the square pictures that it sees, in pixels.
    pub fn image_size(&self) -> usize {
        self.image_size
    }

    /// `predicted_depth`: `pixel_values` `[batch, 3, image_size, image_size]` to `[batch, height, width]`, larger for what is nearer,
    /// never below 0.
    pub fn forward(&self, pixel_values: Tensor<4>) -> Tensor<3> {
        let [batch, _, height, width] = pixel_values.dims();
        let device = pixel_values.device();
        let (tokens, maps) = self.dpt.embeddings.forward(pixel_values);
        let layers = self.dpt.encoder.forward(tokens);
        let tokens = self.out_indices.iter().filter_map(|&i| layers.get(i).cloned()).map(Feature::Tokens);
        let features = maps.into_iter().map(Feature::Map).chain(tokens).collect();
        match self.neck.forward(features, self.grid) {
            Some(merged) => self.head.forward(merged),
            // A network without stages, which its config was checked not to be.
            None => Tensor::zeros([batch, height, width], &device),
        }
    }
}

/// Options that other models use and we don't build: each with the one value that we do.
fn fixed_options() -> Vec<(&'static str, serde_json::Value)> {
    vec![
        ("model_type", json!("dpt")),
        ("num_channels", json!(3)),
        ("hidden_act", json!("gelu")),
        ("readout_type", json!("project")),
        ("head_in_index", json!(-1)),
        ("add_projection", json!(false)),
        ("use_batch_norm_in_fusion_residual", json!(false)),
        ("use_bias_in_fusion_residual", json!(true)),
        ("backbone", json!(null)),
    ]
}
