//! The config of a depth estimator: its keys, and which of their values fit together.

use serde::Deserialize;
use serde_json::json;

use super::bit::STAGES;
use crate::base::error::Result;
use crate::models::config::{NetworkConfig, check, read};

/// The keys of `config.json` that determine the network, with transformers' defaults.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub(super) struct DptConfig {
    pub(super) hidden_size: usize,
    pub(super) num_hidden_layers: usize,
    pub(super) num_attention_heads: usize,
    pub(super) intermediate_size: usize,
    pub(super) layer_norm_eps: f64,
    pub(super) image_size: usize,
    pub(super) patch_size: usize,
    pub(super) is_hybrid: bool,
    pub(super) qkv_bias: bool,
    pub(super) backbone_out_indices: Vec<usize>,
    pub(super) reassemble_factors: Vec<f64>,
    pub(super) neck_hidden_sizes: Vec<usize>,
    pub(super) fusion_hidden_size: usize,
    pub(super) backbone_featmap_shape: Vec<usize>,
    pub(super) backbone_config: NetworkConfig,
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
            backbone_config: NetworkConfig::new(),
        }
    }
}

/// Stages of the neck that are maps of the backbone, where there is one.
pub(super) const HYBRID_MAPS: usize = STAGES - 1;

impl DptConfig {
    /// Reads and checks a config.
    ///
    /// # Errors
    /// An option that is not supported, or numbers that don't fit together: the message names the key.
    pub(super) fn read(config: &NetworkConfig) -> Result<Self> {
        let config: Self = read(config, &fixed_options())?;
        config.check()?;
        Ok(config)
    }

    /// Patches that make a side of the picture.
    pub(super) fn grid(&self) -> usize {
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
    pub(super) fn check_hybrid(&self, channels: [usize; STAGES]) -> Result<()> {
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
        let last = channels[STAGES - 1];
        check(self.backbone_featmap_shape.get(1) == Some(&last), || {
            format!("backbone_featmap_shape = {:?}, but the backbone has {last} channels", self.backbone_featmap_shape)
        })?;
        check(self.patch_size == 16, || {
            format!("patch_size = {}, but the backbone's last map is a 16th", self.patch_size)
        })
    }
}

/// Options with a single supported value.
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
