//! The UNet's names (`single_file_utils.py`, `convert_ldm_unet_checkpoint`): LDM counts its blocks through all levels, each
//! level with its layers and the change of size after them.

use super::renaming::{numbered, renamed};

/// `DIFFUSERS_TO_LDM_MAPPING`, `unet`.
const ENDS: [(&str, &str); 5] = [
    ("time_embed.0", "time_embedding.linear_1"),
    ("time_embed.2", "time_embedding.linear_2"),
    ("input_blocks.0.0", "conv_in"),
    ("out.0", "conv_norm_out"),
    ("out.2", "conv_out"),
];

/// Inside a resnet (`update_unet_resnet_ldm_to_diffusers`).
const RESNET: [(&str, &str); 6] = [
    ("in_layers.0", "norm1"),
    ("in_layers.2", "conv1"),
    ("emb_layers.1", "time_emb_proj"),
    ("out_layers.0", "norm2"),
    ("out_layers.3", "conv2"),
    ("skip_connection", "conv_shortcut"),
];

/// Returns how many resnets each level has on the way down: those before the first change of size.
pub(super) fn layers_per_block<'a>(keys: impl Iterator<Item = &'a str>) -> usize {
    let (mut first_change, mut last) = (None, 0);
    for (number, rest) in keys.filter_map(|key| numbered(key, "input_blocks.")) {
        last = last.max(number);
        if rest.starts_with("0.op.") {
            first_change = Some(first_change.map_or(number, |first: usize| first.min(number)));
        }
    }
    first_change.map_or(last, |first| first.saturating_sub(1))
}

/// Returns Diffusers' name for a tensor of the UNet.
pub(super) fn name(key: &str, layers: usize) -> Option<String> {
    if let Some(name) = renamed(key, &ENDS) {
        return Some(name);
    }
    let per_level = layers + 1;
    if let Some((number, rest)) = numbered(key, "input_blocks.") {
        let number = number.checked_sub(1)?;
        let (level, layer) = (number / per_level, number % per_level);
        return match rest.split_once('.')? {
            ("0", rest) if rest.starts_with("op.") => {
                Some(format!("down_blocks.{level}.downsamplers.0.conv.{}", rest.strip_prefix("op.")?))
            }
            ("0", rest) => Some(format!("down_blocks.{level}.resnets.{layer}.{}", renamed(rest, &RESNET)?)),
            ("1", rest) => Some(format!("down_blocks.{level}.attentions.{layer}.{rest}")),
            _ => None,
        };
    }
    if let Some((number, rest)) = numbered(key, "middle_block.") {
        return match number {
            0 | 2 => Some(format!("mid_block.resnets.{}.{}", number / 2, renamed(rest, &RESNET)?)),
            1 => Some(format!("mid_block.attentions.0.{rest}")),
            _ => None,
        };
    }
    let (number, rest) = numbered(key, "output_blocks.")?;
    let (level, layer) = (number / per_level, number % per_level);
    match rest.split_once('.')? {
        ("0", rest) => Some(format!("up_blocks.{level}.resnets.{layer}.{}", renamed(rest, &RESNET)?)),
        // The change of size comes after the attention, where there is one.
        ("1" | "2", rest) if rest.starts_with("conv.") => Some(format!("up_blocks.{level}.upsamplers.0.{rest}")),
        ("1", rest) => Some(format!("up_blocks.{level}.attentions.{layer}.{rest}")),
        _ => None,
    }
}
