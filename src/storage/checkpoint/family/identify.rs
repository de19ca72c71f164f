//! What a weight file is, told from the names and shapes of its tensors and from nothing else.
//!
//! The telltale names are those of Diffusers (`single_file_utils.py`, `CHECKPOINT_KEY_NAMES` and
//! `infer_diffusers_model_type`); those of one family are in its row. The kinds that aren't models are named as the programs
//! that train them write them. Limits: only names and shapes are seen.

use super::architecture::Architecture;
use super::identified::{FileKind, Identified, KeyLayout};
use super::row::FamilyRow;
use super::tensors::{NETWORK, Tensors, VAES};

/// What tensors are, whose, and how they are named.
type Finding = (FileKind, Option<&'static Architecture>, KeyLayout);

/// Recognises a file by its tensors' names and shapes.
pub(super) fn identify<'a>(
    rows: &[&'static FamilyRow],
    tensors: impl IntoIterator<Item = (&'a str, &'a [usize])>,
) -> Identified {
    let tensors = Tensors::new(tensors);
    let found = addition(rows, &tensors).or_else(|| marked(rows, &tensors)).or_else(|| network(rows, &tensors));
    let (kind, architecture, layout) = found.unwrap_or_else(|| component(rows, &tensors));
    Identified {
        architecture,
        kind,
        layout,
        has_text_encoder: tensors.has_text_encoder(),
        has_vae: tensors.has_vae() || kind == FileKind::Vae,
        has_ema: tensors.any("model_ema.diffusion_model"),
    }
}

/// Recognises what is put on top of a model.
fn addition(rows: &[&'static FamilyRow], tensors: &Tensors<'_>) -> Option<Finding> {
    const LORA: [&str; 7] = [
        ".lora_down.weight",
        ".lora_up.weight",
        ".lora_A.weight",
        ".hada_w1_a",
        ".lokr_w1",
        ".lora.down.weight",
        ".lokr_w1_a",
    ];
    let kind = if tensors.names().any(|key| LORA.iter().any(|ending| key.ends_with(ending))) {
        return Some((FileKind::Lora, lora_for(rows, tensors), KeyLayout::Ldm));
    } else if let Some(width) = tensors.embedding_width() {
        return Some((FileKind::Embedding, by_text_width(rows, Some(&width)), KeyLayout::Ldm));
    } else if ["control_model.", "controlnet_cond_embedding.", "lllite_unet"].iter().any(|prefix| tensors.any(prefix)) {
        FileKind::ControlNet
    } else if tensors.names().any(|key| key.contains(".motion_modules.")) && !tensors.any(NETWORK) {
        FileKind::MotionModule
    } else if tensors.any("ip_adapter.")
        || tensors.any("adapter.body.")
        || tensors.has("body.0.resnets.0.block1.weight")
    {
        FileKind::Adapter
    } else if is_upscaler(tensors) {
        return Some((FileKind::Upscaler, None, KeyLayout::Ldm));
    } else {
        return None;
    };
    let layout = if tensors.any("controlnet_cond_embedding.") { KeyLayout::Diffusers } else { KeyLayout::Ldm };
    let width = tensors.find("", "attn2.to_k.weight").or_else(|| tensors.find("ip_adapter.", "to_k_ip.weight"));
    Some((kind, by_text_width(rows, width.and_then(|shape| shape.last())), layout))
}

/// Returns the model that a LoRA is for: by its names, or else by the width of the texts that its attention reads.
fn lora_for(rows: &[&'static FamilyRow], tensors: &Tensors<'_>) -> Option<&'static Architecture> {
    // `lora_unet_.._attn2_to_k.lora_down.weight` (kohya-ss/sd-scripts), `unet...attn2.to_k.lora_A.weight` (peft).
    const READS_TEXT: [&str; 3] = ["attn2_to_k.", "attn2.to_k.", "attn2.processor.to_k_lora"];
    const GOES_DOWN: [&str; 4] = ["lora_down.weight", "lora_A.weight", "lora.down.weight", "hada_w1_b"];
    let mut marks = rows.iter().flat_map(|row| row.recognition.lora_marks);
    if let Some((_, architecture)) = marks.find(|(mark, _)| tensors.names().any(|key| key.contains(mark))) {
        return Some(architecture);
    }
    let found = tensors.first(|key| {
        READS_TEXT.iter().any(|part| key.contains(part)) && GOES_DOWN.iter().any(|ending| key.ends_with(ending))
    });
    by_text_width(rows, found.and_then(|shape| shape.get(1)))
}

/// ESRGAN in its two spellings, Real-ESRGAN's small one, SwinIR and its kin.
fn is_upscaler(tensors: &Tensors<'_>) -> bool {
    tensors.has("model.1.sub.0.RDB1.conv1.0.weight")
        || tensors.has("RRDB_trunk.0.RDB1.conv1.weight")
        || tensors.has("body.0.rdb1.conv1.weight")
        || tensors.any("layers.0.residual_group.")
        || (tensors.has("body.0.weight") && tensors.has("body.1.weight"))
}

/// Recognises a model by one tensor.
fn marked(rows: &[&'static FamilyRow], tensors: &Tensors<'_>) -> Option<Finding> {
    let is_here = |key: &str| tensors.has(key) || tensors.has(&format!("{NETWORK}{key}"));
    let (_, architecture) = rows.iter().flat_map(|row| row.recognition.marks).find(|(key, _)| is_here(key))?;
    Some((model_kind(tensors), Some(architecture), KeyLayout::Ldm))
}

/// Recognises a model that its family knows by more than one tensor.
fn network(rows: &[&'static FamilyRow], tensors: &Tensors<'_>) -> Option<Finding> {
    let (architecture, layout) =
        rows.iter().filter_map(|row| row.recognition.network).find_map(|find| find(tensors))?;
    Some((model_kind(tensors), architecture, layout))
}

fn model_kind(tensors: &Tensors<'_>) -> FileKind {
    if tensors.is_whole() { FileKind::Checkpoint } else { FileKind::Unet }
}

/// Recognises a component other than the network that draws.
fn component(rows: &[&'static FamilyRow], tensors: &Tensors<'_>) -> Finding {
    for prefix in VAES.iter().chain(&[""]) {
        for (first, layout) in [
            ("decoder.up.0.block.0.conv1.weight", KeyLayout::Ldm),
            ("decoder.up_blocks.0.resnets.0.conv1.weight", KeyLayout::Diffusers),
        ] {
            if tensors.has(&format!("{prefix}{first}")) {
                let channels = tensors.shape(&format!("{prefix}decoder.conv_in.weight")).and_then(|shape| shape.get(1));
                let mut known = rows.iter().flat_map(|row| row.recognition.latent_channels);
                let found = known.find(|(count, _)| Some(count) == channels).map(|(_, architecture)| *architecture);
                return (FileKind::Vae, found, layout);
            }
        }
    }
    if let Some(shape) = tensors.text_encoder_alone() {
        return (FileKind::TextEncoder, by_text_width(rows, shape.last()), KeyLayout::Diffusers);
    }
    // T5 and language models are the text encoders of later families.
    let t5 = "encoder.block.0.layer.0.SelfAttention.q.weight";
    if tensors.has(t5) || tensors.has("model.embed_tokens.weight") {
        return (FileKind::TextEncoder, None, KeyLayout::Diffusers);
    }
    if tensors.has_text_encoder() {
        return (FileKind::TextEncoder, None, KeyLayout::Ldm);
    }
    (FileKind::Unknown, None, KeyLayout::Ldm)
}

/// Finds the architecture that reads texts of a width.
fn by_text_width(rows: &[&'static FamilyRow], width: Option<&usize>) -> Option<&'static Architecture> {
    let mut widths = rows.iter().flat_map(|row| row.recognition.text_widths);
    widths.find(|(known, _)| Some(known) == width).map(|(_, architecture)| *architecture)
}
