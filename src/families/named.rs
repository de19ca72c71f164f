//! Families that are recognised by one tensor, so that a file of theirs can be refused by name, and of which nothing else is
//! known. Once something is, a family gets a folder and a row of its own.

use crate::storage::checkpoint::family::{Architecture, FamilyRow, Recognition};

/// A tensor that only the files of one architecture have (`single_file_utils.py`, `CHECKPOINT_KEY_NAMES`), and a name for that.
/// The first that is there counts.
macro_rules! named {
    ($($mark:literal => $name:literal),+ $(,)?) => {
        Recognition { marks: &[$(($mark, &Architecture::named($name, "diffusion network"))),+], ..Recognition::NONE }
    };
}

/// Those whose marks are looked for before Flux's, which their files have, too.
pub(crate) static NEWER: FamilyRow = FamilyRow::named(
    "newer",
    "Newer than Flux",
    &[],
    named! {
        "transformer_blocks.0.norm1_context.linear.weight" => "multimodal diffusion transformer",
        "early_stream_modulations.image.lin.weight" => "Flux.3",
        "distilled_guidance_layer.in_proj.bias" => "Chroma",
    },
);

/// All others.
pub(crate) static OTHERS: FamilyRow = FamilyRow::named(
    "others",
    "Others",
    &[],
    named! {
        "clip_txt_mapper.weight" => "Stable Cascade",
        "down_blocks.1.0.channelwise.0.weight" => "Stable Cascade",
        "double_layers.0.attn.w2q.weight" => "AuraFlow",
        "patchify_proj.weight" => "LTX-Video",
        "blocks.0.attn.qkv_x.weight" => "Mochi",
        "txt_in.individual_token_refiner.blocks.0.adaLN_modulation.1.bias" => "HunyuanVideo",
        "cap_embedder.0.weight" => "Lumina",
        "blocks.0.cross_attn.q_linear.weight" => "PixArt or Sana",
        "head.modulation" => "Wan",
        "double_stream_blocks.0.block.adaLN_modulation.1.bias" => "HiDream",
        "net.x_embedder.proj.1.weight" => "Cosmos",
        "txt_in.text_norm.weight" => "Qwen-Image",
        "txtfusion.projector.weight" => "Krea 2",
        "token_refiner.blocks.0.attn.qkv_proj.weight" => "MiniMax",
        "edm_mean" => "Playground 2.5",
    },
);
