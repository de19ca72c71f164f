//! What the shapes of a component's tensors tell of its config: everything but how many heads the attention has, how many
//! groups the norms, and what a network is used for.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::storage::checkpoint::Weights;

/// The width of an attention's head in CLIP, `OpenCLIP` and the UNet of Stable Diffusion 2.
const HEAD: usize = 64;

/// Brings a component's config to what its tensors are. What they don't tell stays.
pub(in crate::families) fn complete(component: &str, weights: &Weights, config: &mut Map<String, Value>) {
    let shapes = Shapes::of(weights);
    match component {
        "unet" => shapes.unet(config),
        "vae" => shapes.vae(config),
        "text_encoder" => shapes.text_encoder(config),
        _ => {}
    }
}

/// The shapes of a component's tensors, by their names in Diffusers.
struct Shapes<'a>(BTreeMap<&'a str, &'a [usize]>);

impl<'a> Shapes<'a> {
    fn of(weights: &'a Weights) -> Self {
        let shapes = weights.tensors.iter().map(|(key, stored)| (key.as_str(), stored.shape.as_slice()));
        Self(shapes.map(|(key, shape)| (key.strip_prefix("text_model.").unwrap_or(key), shape)).collect())
    }

    /// One axis of a tensor.
    fn size(&self, key: &str, axis: usize) -> Option<usize> {
        self.0.get(key)?.get(axis).copied()
    }

    fn any(&self, prefix: &str) -> bool {
        self.0.range(prefix..).next().is_some_and(|(key, _)| key.starts_with(prefix))
    }

    /// Returns how many there are, counted from 0 on: `prefix0.`, `prefix1.`, ..
    fn count(&self, prefix: &str) -> usize {
        (0..=self.0.len()).take_while(|i| self.any(&format!("{prefix}{i}."))).count()
    }

    /// Returns the first output channels of each level on the way down.
    fn channels(&self, prefix: &str) -> Vec<usize> {
        let first = |level| self.size(&format!("{prefix}down_blocks.{level}.resnets.0.conv1.weight"), 0);
        (0..=self.0.len()).map_while(first).collect()
    }

    fn unet(&self, config: &mut Map<String, Value>) {
        let channels = self.channels("");
        if channels.is_empty() {
            return;
        }
        set_size(config, "in_channels", self.size("conv_in.weight", 1));
        set_size(config, "out_channels", self.size("conv_out.weight", 0));
        set_size(config, "layers_per_block", Some(self.count("down_blocks.0.resnets.")));
        let blocks = |side: &str, cross: &str, plain: &str| -> Value {
            let has_attention = |level: usize| self.any(&format!("{side}_blocks.{level}.attentions."));
            (0..channels.len()).map(|level| if has_attention(level) { cross } else { plain }).collect()
        };
        set(config, "down_block_types", blocks("down", "CrossAttnDownBlock2D", "DownBlock2D"));
        set(config, "up_block_types", blocks("up", "CrossAttnUpBlock2D", "UpBlock2D"));
        let attention = "mid_block.attentions.0";
        let width = self.size(&format!("{attention}.transformer_blocks.0.attn2.to_k.weight"), 1);
        set_size(config, "cross_attention_dim", width);
        let is_linear =
            self.0.get(format!("{attention}.proj_in.weight").as_str()).is_some_and(|shape| shape.len() == 2);
        set_unless_default(config, "use_linear_projection", json!(is_linear), &json!(false));
        let depth = self.count(&format!("{attention}.transformer_blocks."));
        set_unless_default(config, "transformer_layers_per_block", json!(depth), &json!(1));
        if config.get("block_out_channels") != Some(&json!(channels)) {
            // Stable Diffusion 1 has the same number of heads everywhere, Stable Diffusion 2 heads of the same width.
            if config.get("attention_head_dim").is_some_and(Value::is_array) && channels.iter().all(|c| c % HEAD == 0) {
                let heads: Vec<_> = channels.iter().map(|channels| channels / HEAD).collect();
                set(config, "attention_head_dim", json!(heads));
            }
            set(config, "block_out_channels", json!(channels));
        }
    }

    fn vae(&self, config: &mut Map<String, Value>) {
        let channels = self.channels("encoder.");
        if channels.is_empty() {
            return;
        }
        set_size(config, "in_channels", self.size("encoder.conv_in.weight", 1));
        set_size(config, "out_channels", self.size("decoder.conv_out.weight", 0));
        set_size(config, "latent_channels", self.size("decoder.conv_in.weight", 1));
        set_size(config, "layers_per_block", Some(self.count("encoder.down_blocks.0.resnets.")));
        for (key, kind) in [("down_block_types", "DownEncoderBlock2D"), ("up_block_types", "UpDecoderBlock2D")] {
            set(config, key, json!(vec![kind; channels.len()]));
        }
        for (key, layer) in [("use_quant_conv", "quant_conv."), ("use_post_quant_conv", "post_quant_conv.")] {
            set_unless_default(config, key, json!(self.any(layer)), &json!(true));
        }
        set(config, "block_out_channels", json!(channels));
    }

    fn text_encoder(&self, config: &mut Map<String, Value>) {
        let Some(width) = self.size("embeddings.token_embedding.weight", 1) else { return };
        set_size(config, "vocab_size", self.size("embeddings.token_embedding.weight", 0));
        set_size(config, "max_position_embeddings", self.size("embeddings.position_embedding.weight", 0));
        set_size(config, "intermediate_size", self.size("encoder.layers.0.mlp.fc1.weight", 0));
        set_size(config, "num_hidden_layers", Some(self.count("encoder.layers.")));
        if config.get("hidden_size") != Some(&json!(width)) {
            set_size(config, "num_attention_heads", (width % HEAD == 0).then_some(width / HEAD));
            set_size(config, "hidden_size", Some(width));
        }
    }
}

/// Numbers that are equal count as the same, however they are written.
fn set(config: &mut Map<String, Value>, key: &str, value: Value) {
    if config.get(key) != Some(&value) {
        config.insert(key.to_owned(), value);
    }
}

fn set_size(config: &mut Map<String, Value>, key: &str, size: Option<usize>) {
    if let Some(size) = size {
        set(config, key, json!(size));
    }
}

/// Sets a key that published configs leave out where it is at its default.
fn set_unless_default(config: &mut Map<String, Value>, key: &str, value: Value, default: &Value) {
    if config.get(key).unwrap_or(default) != &value {
        config.insert(key.to_owned(), value);
    }
}
