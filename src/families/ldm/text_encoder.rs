//! The text encoders' names: CLIP as transformers saves it (Stable Diffusion 1), and `OpenCLIP`'s own (Stable Diffusion 2;
//! `single_file_utils.py`, `convert_open_clip_checkpoint`).

use super::renaming::{numbered, renamed};
use crate::storage::checkpoint::family::{KeyTarget, Slice};

/// Stable Diffusion 2 reads what comes out of the last layer but one of 24: the last isn't part of the model
/// (`SD_2_TEXT_ENCODER_KEYS_TO_IGNORE`).
const OPEN_CLIP_LAYERS: usize = 23;

/// `DIFFUSERS_TO_LDM_MAPPING`, `openclip`, `layers`.
const ENDS: [(&str, &str); 3] = [
    ("positional_embedding", "embeddings.position_embedding.weight"),
    ("token_embedding", "embeddings.token_embedding"),
    ("ln_final", "final_layer_norm"),
];

/// The same, `transformer`.
const LAYER: [(&str, &str); 5] = [
    ("ln_1", "layer_norm1"),
    ("ln_2", "layer_norm2"),
    ("mlp.c_fc", "mlp.fc1"),
    ("mlp.c_proj", "mlp.fc2"),
    ("attn.out_proj", "self_attn.out_proj"),
];

/// Returns the name of a tensor that transformers saved, with or without `text_model.` before it.
pub(super) fn clip(key: &str) -> Option<String> {
    let key = key.strip_prefix("text_model.").unwrap_or(key);
    let is_of_text_model = ["embeddings.", "encoder.", "final_layer_norm."].iter().any(|part| key.starts_with(part));
    is_of_text_model.then(|| format!("text_model.{key}"))
}

/// Returns where a tensor of `OpenCLIP` goes: it keeps query, key and value in one.
pub(super) fn open_clip(key: &str) -> Vec<KeyTarget> {
    let place = |key: String, slice| KeyTarget { component: "text_encoder", key: format!("text_model.{key}"), slice };
    let Some((layer, rest)) = numbered(key, "transformer.resblocks.") else {
        return renamed(key, &ENDS).map(|key| place(key, Slice::Whole)).into_iter().collect();
    };
    if layer >= OPEN_CLIP_LAYERS {
        return Vec::new();
    }
    let layer = format!("encoder.layers.{layer}");
    if let Some(kind) = rest.strip_prefix("attn.in_proj_") {
        let third = |(i, name): (usize, &str)| place(format!("{layer}.self_attn.{name}.{kind}"), Slice::Third(i));
        return ["q_proj", "k_proj", "v_proj"].into_iter().enumerate().map(third).collect();
    }
    renamed(rest, &LAYER).map(|rest| place(format!("{layer}.{rest}"), Slice::Whole)).into_iter().collect()
}
