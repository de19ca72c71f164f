//! The names of `MiDaS`'s DPT-Hybrid, which Stable Diffusion 2 Depth carries as its depth estimator (transformers,
//! `models/dpt/convert_dpt_hybrid_to_pytorch.py`).

use super::renaming::{numbered, renamed};
use crate::storage::checkpoint::family::{KeyTarget, Slice};

/// What isn't counted.
const ENDS: [(&str, &str); 7] = [
    ("pretrained.model.cls_token", "dpt.embeddings.cls_token"),
    ("pretrained.model.pos_embed", "dpt.embeddings.position_embeddings"),
    ("pretrained.model.patch_embed.proj", "dpt.embeddings.projection"),
    ("pretrained.model.patch_embed.backbone.stem.conv", "dpt.embeddings.backbone.bit.embedder.convolution"),
    ("pretrained.model.patch_embed.backbone.stem.norm", "dpt.embeddings.backbone.bit.embedder.norm"),
    ("pretrained.model.norm", "dpt.layernorm"),
    ("scratch.output_conv", "head.head"),
];

/// Inside a layer of the transformer.
const LAYER: [(&str, &str); 5] = [
    ("norm1", "layernorm_before"),
    ("norm2", "layernorm_after"),
    ("attn.proj", "attention.output.dense"),
    ("mlp.fc1", "intermediate.dense"),
    ("mlp.fc2", "output.dense"),
];

/// Inside a refinement.
const REFINEMENT: [(&str, &str); 5] = [
    ("out_conv", "projection"),
    ("resConfUnit1.conv1", "residual_layer1.convolution1"),
    ("resConfUnit1.conv2", "residual_layer1.convolution2"),
    ("resConfUnit2.conv1", "residual_layer2.convolution1"),
    ("resConfUnit2.conv2", "residual_layer2.convolution2"),
];

/// Returns where a tensor of DPT-Hybrid goes: it keeps query, key and value in one.
pub(super) fn dpt_hybrid(key: &str) -> Vec<KeyTarget> {
    let place = |key, slice| KeyTarget { component: "depth_estimator", key, slice };
    if let Some((layer, rest)) = numbered(key, "pretrained.model.blocks.")
        && let Some(kind) = rest.strip_prefix("attn.qkv.")
    {
        let attention = format!("dpt.encoder.layer.{layer}.attention.attention");
        let third = |(i, name): (usize, &str)| place(format!("{attention}.{name}.{kind}"), Slice::Third(i));
        return ["query", "key", "value"].into_iter().enumerate().map(third).collect();
    }
    name(key).map(|key| place(key, Slice::Whole)).into_iter().collect()
}

fn name(key: &str) -> Option<String> {
    if let Some((layer, rest)) = numbered(key, "pretrained.model.blocks.") {
        return Some(format!("dpt.encoder.layer.{layer}.{}", renamed(rest, &LAYER)?));
    }
    if let Some((stage, rest)) = numbered(key, "pretrained.model.patch_embed.backbone.stages.") {
        let (layer, rest) = numbered(rest, "blocks.")?;
        return Some(format!("dpt.embeddings.backbone.bit.encoder.stages.{stage}.layers.{layer}.{rest}"));
    }
    if let Some((stage, rest)) = numbered(key, "pretrained.act_postprocess") {
        let stage = stage.checked_sub(1)?;
        let table = [
            ("0.project.0", format!("readout_projects.{stage}.0")),
            ("3", format!("layers.{stage}.projection")),
            ("4", format!("layers.{stage}.resize")),
        ];
        let table = table.each_ref().map(|(old, new)| (*old, new.as_str()));
        return Some(format!("neck.reassemble_stage.{}", renamed(rest, &table)?));
    }
    // From coarse to fine there, from fine to coarse here.
    if let Some((level, rest)) = numbered(key, "scratch.refinenet") {
        return Some(format!(
            "neck.fusion_stage.layers.{}.{}",
            4_usize.checked_sub(level)?,
            renamed(rest, &REFINEMENT)?
        ));
    }
    if let Some(rest) = key.strip_prefix("scratch.layer") {
        let (level, rest) = rest.split_once("_rn.")?;
        return Some(format!("neck.convs.{}.{rest}", level.parse::<usize>().ok()?.checked_sub(1)?));
    }
    renamed(key, &ENDS)
}
