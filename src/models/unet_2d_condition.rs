//! `UNet2DConditionModel` (Diffusers `models/unets/unet_2d_condition.py`): the denoiser of Stable Diffusion 1.x and 2.x and of
//! their inpainting and depth variants.

use burn::tensor::{Device, Tensor};
use serde::Deserialize;
use serde_json::json;

use super::attention::TransformerConfig;
use super::config::{NetworkConfig, OneOrMany, check, check_widths, read};
use super::residuals::Residuals;
use super::resnet::ResnetConfig;
use super::unet::{InputConfig, UNet, UNetShape, check_levels};
use super::unet_blocks::{AttentionConfig, BlockConfig, Pace};
use crate::base::error::{Error, Result};
use crate::base::stop::Outcome;

/// The keys of `config.json` that determine the network, with Diffusers' defaults.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "the keys are Diffusers'")]
struct UNet2DConditionConfig {
    in_channels: usize,
    out_channels: usize,
    center_input_sample: bool,
    flip_sin_to_cos: bool,
    freq_shift: f64,
    down_block_types: Vec<String>,
    up_block_types: Vec<String>,
    block_out_channels: Vec<usize>,
    layers_per_block: OneOrMany<usize>,
    downsample_padding: usize,
    mid_block_scale_factor: f64,
    norm_num_groups: usize,
    norm_eps: f64,
    cross_attention_dim: OneOrMany<usize>,
    transformer_layers_per_block: OneOrMany<usize>,
    // A misnomer in Diffusers: this is the number of heads (see its __init__).
    attention_head_dim: OneOrMany<usize>,
    use_linear_projection: bool,
    upcast_attention: bool,
}

impl Default for UNet2DConditionConfig {
    fn default() -> Self {
        let names = |names: [&str; 4]| names.map(String::from).to_vec();
        let (down, up) = ("CrossAttnDownBlock2D", "CrossAttnUpBlock2D");
        Self {
            in_channels: 4,
            out_channels: 4,
            center_input_sample: false,
            flip_sin_to_cos: true,
            freq_shift: 0.0,
            down_block_types: names([down, down, down, "DownBlock2D"]),
            up_block_types: names(["UpBlock2D", up, up, up]),
            block_out_channels: vec![320, 640, 1280, 1280],
            layers_per_block: OneOrMany::One(2),
            downsample_padding: 1,
            mid_block_scale_factor: 1.0,
            norm_num_groups: 32,
            norm_eps: 1e-5,
            cross_attention_dim: OneOrMany::One(1280),
            transformer_layers_per_block: OneOrMany::One(1),
            attention_head_dim: OneOrMany::One(8),
            use_linear_projection: false,
            upcast_attention: false,
        }
    }
}

/// The denoiser of Stable Diffusion.
pub type UNet2DConditionModel = UNet<WithText>;

/// Marks a UNet that attends to a text.
#[derive(Clone, Copy, Debug)]
pub struct WithText {
    cross_attention_dim: usize,
}

impl UNet2DConditionModel {
    /// Builds the network that a `config.json` describes; its parameters take no memory until they are loaded.
    ///
    /// # Errors
    /// An option that is not supported, or numbers that don't fit together: the message names the key.
    pub fn new(config: &NetworkConfig, device: &Device) -> Result<Self> {
        let c: UNet2DConditionConfig = read(config, &fixed_options())?;
        let (channels, n) = (&c.block_out_channels, c.block_out_channels.len());
        check_widths(&[("in_channels", c.in_channels), ("out_channels", c.out_channels)])?;
        check_levels(channels, c.norm_num_groups, c.downsample_padding, &c.down_block_types, &c.up_block_types)?;
        let layers = c.layers_per_block.expand(n, "layers_per_block")?;
        let transformers = c.transformers()?;
        check(layers.iter().all(|l| (1..=64).contains(l)), || "layers_per_block is not 1 to 64".into())?;

        let temb_channels = 4 * channels[0];
        let (groups, epsilon) = (c.norm_num_groups, c.norm_eps);
        let resnet = ResnetConfig { temb_channels: Some(temb_channels), groups, epsilon, output_scale_factor: 1.0 };
        let attention = |level: usize| AttentionConfig::Cross(transformers[level]);
        let down = |(level, name): (usize, &String)| -> Result<BlockConfig> {
            let is_cross = is_cross(name, "DownBlock2D", "CrossAttnDownBlock2D")?;
            Ok(BlockConfig { layers: layers[level], resnet, attention: is_cross.then(|| attention(level)) })
        };
        let up = |(i, name): (usize, &String)| -> Result<BlockConfig> {
            let level = n - 1 - i;
            let is_cross = is_cross(name, "UpBlock2D", "CrossAttnUpBlock2D")?;
            Ok(BlockConfig { layers: layers[level] + 1, resnet, attention: is_cross.then(|| attention(level)) })
        };
        let mid_resnet = ResnetConfig { output_scale_factor: c.mid_block_scale_factor, ..resnet };
        let shape = UNetShape {
            in_channels: c.in_channels,
            out_channels: c.out_channels,
            channels,
            temb_channels,
            norm: (groups, epsilon),
            downsample_padding: c.downsample_padding,
            down: c.down_block_types.iter().enumerate().map(down).collect::<Result<_>>()?,
            up: c.up_block_types.iter().enumerate().map(up).collect::<Result<_>>()?,
            mid: (mid_resnet, Some(attention(n - 1))),
            inputs: InputConfig {
                center_input_sample: c.center_input_sample,
                flip_sin_to_cos: c.flip_sin_to_cos,
                freq_shift: c.freq_shift,
            },
        };
        let kind = WithText { cross_attention_dim: transformers[0].cross_attention_dim };
        Ok(Self::build(&shape, kind, device))
    }

    /// Width of the text embedding.
    pub fn cross_attention_dim(&self) -> usize {
        self.kind.cross_attention_dim
    }

    /// Predicts what the scheduler asks for, `[batch, out_channels, height, width]`, from `sample`
    /// `[batch, in_channels, height, width]` (4 channels; 9 for inpainting, 5 for depth) and `encoder_hidden_states`
    /// `[batch, tokens, cross_attention_dim]`.
    ///
    /// # Errors
    /// It was cancelled.
    pub fn forward(
        &self,
        sample: Tensor<4>,
        timestep: f64,
        encoder_hidden_states: &Tensor<3>,
        residuals: &Residuals,
        pace: Pace,
    ) -> Outcome<Tensor<4>> {
        self.predict(sample, timestep, Some(encoder_hidden_states), residuals, pace)
    }
}

impl UNet2DConditionConfig {
    /// The transformer of each level, whether its blocks have one or not.
    fn transformers(&self) -> Result<Vec<TransformerConfig>> {
        let n = self.block_out_channels.len();
        let heads = self.attention_head_dim.expand(n, "attention_head_dim")?;
        let context = self.cross_attention_dim.expand(n, "cross_attention_dim")?;
        let layers = self.transformer_layers_per_block.expand(n, "transformer_layers_per_block")?;
        let mut transformers = Vec::new();
        for (i, &channels) in self.block_out_channels.iter().enumerate() {
            check(heads[i] > 0 && channels % heads[i] == 0, || {
                format!("attention_head_dim (the number of heads) {} does not divide {channels} channels", heads[i])
            })?;
            check_widths(&[("cross_attention_dim", context[i])])?;
            check(layers[i] <= 64, || format!("transformer_layers_per_block = {}", layers[i]))?;
            transformers.push(TransformerConfig {
                heads: heads[i],
                layers: layers[i],
                cross_attention_dim: context[i],
                groups: self.norm_num_groups,
                use_linear_projection: self.use_linear_projection,
                upcast_attention: self.upcast_attention,
            });
        }
        Ok(transformers)
    }
}

/// Options with a single supported value: other values belong to other families.
fn fixed_options() -> Vec<(&'static str, serde_json::Value)> {
    let no = || json!(false);
    vec![
        ("mid_block_type", json!("UNetMidBlock2DCrossAttn")),
        ("act_fn", json!("silu")),
        ("resnet_time_scale_shift", json!("default")),
        ("time_embedding_type", json!("positional")),
        ("attention_type", json!("default")),
        ("conv_in_kernel", json!(3)),
        ("conv_out_kernel", json!(3)),
        ("resnet_out_scale_factor", json!(1.0)),
        ("only_cross_attention", no()),
        ("mid_block_only_cross_attention", no()),
        ("dual_cross_attention", no()),
        ("resnet_skip_time_act", no()),
        ("class_embeddings_concat", no()),
        ("reverse_transformer_layers_per_block", json!(null)),
        ("encoder_hid_dim", json!(null)),
        ("encoder_hid_dim_type", json!(null)),
        ("num_attention_heads", json!(null)),
        ("class_embed_type", json!(null)),
        ("num_class_embeds", json!(null)),
        ("addition_embed_type", json!(null)),
        ("time_embedding_dim", json!(null)),
        ("time_embedding_act_fn", json!(null)),
        ("timestep_post_act", json!(null)),
        ("time_cond_proj_dim", json!(null)),
        ("projection_class_embeddings_input_dim", json!(null)),
        ("cross_attention_norm", json!(null)),
    ]
}

/// Tells whether a block type has cross-attention.
fn is_cross(name: &str, plain: &str, cross: &str) -> Result<bool> {
    match name {
        _ if name == plain => Ok(false),
        _ if name == cross => Ok(true),
        _ => Err(Error::new(format!("config.json: unknown block type {name} (known are {plain} and {cross})"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops;

    fn config() -> NetworkConfig {
        let config = json!({
            "block_out_channels": [8, 8], "norm_num_groups": 4, "layers_per_block": 1, "attention_head_dim": 2,
            "cross_attention_dim": 4, "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
            "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"],
        });
        config.as_object().expect("an object").clone()
    }

    /// A network of two levels, whose weights are whatever they begin with.
    fn network() -> UNet2DConditionModel {
        UNet2DConditionModel::new(&config(), &Device::flex()).expect("a network")
    }

    #[test]
    fn a_width_that_no_network_has_is_refused_by_its_key() {
        for key in ["in_channels", "out_channels", "cross_attention_dim"] {
            for width in [0, u64::MAX] {
                let mut config = config();
                config.insert(key.into(), width.into());
                let error = UNet2DConditionModel::new(&config, &Device::flex()).expect_err("no such network");
                assert_eq!(error.to_string(), format!("config.json: {key} = {width} is not 1 to 65536"));
            }
        }
    }

    #[test]
    fn residuals_of_a_control_network_are_added_to_the_skips_and_to_the_middle() {
        let (network, device) = (network(), Device::flex());
        let predict = |residuals: &Residuals| {
            let (sample, text) = (Tensor::ones([1, 4, 8, 8], &device), Tensor::ones([1, 3, 4], &device));
            let output = network.forward(sample, 500.0, &text, residuals, Pace::AtOnce).expect("nobody cancelled it");
            ops::read(output).expect("numbers")
        };
        let plain = predict(&Residuals::default());
        // What goes in, a layer and its half size, and a layer: one skip each.
        let sides = [8, 8, 4, 4];
        let down = |value: f32| sides.map(|side| Tensor::full([1, 8, side, side], value, &device)).to_vec();
        let mid = |value: f32| Some(Tensor::full([1, 8, 4, 4], value, &device));
        assert_eq!(predict(&Residuals { down: down(0.0), mid: mid(0.0) }), plain);
        assert_ne!(predict(&Residuals { down: down(1.0), mid: None }), plain);
        assert_ne!(predict(&Residuals { down: Vec::new(), mid: mid(1.0) }), plain);
    }
}
