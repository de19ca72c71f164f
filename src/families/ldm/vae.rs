//! The VAE's names (`single_file_utils.py`, `convert_ldm_vae_checkpoint`): LDM counts the decoder's levels from the picture,
//! Diffusers from the latents.

use super::renaming::{numbered, renamed};

/// Inside the encoder and the decoder.
const ENDS: [(&str, &str); 5] = [
    ("conv_in", "conv_in"),
    ("conv_out", "conv_out"),
    ("norm_out", "conv_norm_out"),
    ("mid.block_1", "mid_block.resnets.0"),
    ("mid.block_2", "mid_block.resnets.1"),
];

/// Inside the attention (`update_vae_attentions_ldm_to_diffusers`).
const ATTENTION: [(&str, &str); 5] =
    [("norm", "group_norm"), ("q", "to_q"), ("k", "to_k"), ("v", "to_v"), ("proj_out", "to_out.0")];

/// Returns how many levels the decoder has.
pub(super) fn levels<'a>(keys: impl Iterator<Item = &'a str>) -> usize {
    keys.filter_map(|key| numbered(key, "decoder.up.")).map(|(level, _)| level + 1).max().unwrap_or_default()
}

/// Returns Diffusers' name for a tensor of the VAE.
pub(super) fn name(key: &str, levels: usize) -> Option<String> {
    let (side, rest) = key.split_once('.')?;
    if ["quant_conv", "post_quant_conv"].contains(&side) {
        return Some(key.to_owned());
    }
    if !["encoder", "decoder"].contains(&side) {
        return None;
    }
    let name = if let Some(rest) = rest.strip_prefix("mid.attn_1.") {
        format!("mid_block.attentions.0.{}", renamed(rest, &ATTENTION)?)
    } else if let Some((level, rest)) = numbered(rest, "down.") {
        format!("down_blocks.{level}.{}", inside(rest, "downsample")?)
    } else if let Some((level, rest)) = numbered(rest, "up.") {
        format!("up_blocks.{}.{}", levels.checked_sub(level + 1)?, inside(rest, "upsample")?)
    } else {
        renamed(rest, &ENDS)?
    };
    Some(format!("{side}.{}", name.replace("nin_shortcut", "conv_shortcut")))
}

/// Returns the name inside a level.
fn inside(key: &str, change_of_size: &str) -> Option<String> {
    match key.strip_prefix(change_of_size) {
        Some(rest) => Some(format!("{change_of_size}rs.0{rest}")),
        None => Some(format!("resnets.{}", key.strip_prefix("block.")?)),
    }
}
