//! A file's tensors by name and shape, and the telltale ones among them.

use std::collections::BTreeMap;

use super::{Family, Kind, Layout};

/// What the text encoder's tensors begin with in files of Stable Diffusion 1, 2 and XL.
const TEXT_ENCODERS: [&str; 3] = ["cond_stage_model.", "conditioner.embedders.", "text_encoders."];

/// What the VAE's tensors begin with (`single_file_utils.py`, `LDM_VAE_KEYS`).
const VAES: [&str; 2] = ["first_stage_model.", "vae."];

/// What the UNet's tensors begin with in a whole checkpoint; alone, they are also found without.
const UNET: &str = "model.diffusion_model.";

/// A tensor that only the files of one family have, with or without [`UNET`] before it
/// (`single_file_utils.py`, `CHECKPOINT_KEY_NAMES`). The first that is there counts.
const OTHERS: [(&str, Family); 22] = [
    ("joint_blocks.0.context_block.adaLN_modulation.1.bias", Family::Sd3),
    ("transformer_blocks.0.norm1_context.linear.weight", Family::Other("multimodal diffusion transformer")),
    ("single_stream_modulation.lin.weight", Family::Other("Flux.2")),
    ("early_stream_modulations.image.lin.weight", Family::Other("Flux.3")),
    ("distilled_guidance_layer.in_proj.bias", Family::Other("Chroma")),
    ("double_blocks.0.img_attn.norm.key_norm.scale", Family::Flux),
    ("clip_txt_mapper.weight", Family::Other("Stable Cascade")),
    ("down_blocks.1.0.channelwise.0.weight", Family::Other("Stable Cascade")),
    ("double_layers.0.attn.w2q.weight", Family::Other("AuraFlow")),
    ("patchify_proj.weight", Family::Other("LTX-Video")),
    ("blocks.0.attn.qkv_x.weight", Family::Other("Mochi")),
    ("txt_in.individual_token_refiner.blocks.0.adaLN_modulation.1.bias", Family::Other("HunyuanVideo")),
    ("layers.0.adaLN_modulation.0.weight", Family::Other("Z-Image")),
    ("cap_embedder.0.weight", Family::Other("Lumina")),
    ("blocks.0.cross_attn.q_linear.weight", Family::Other("PixArt or Sana")),
    ("head.modulation", Family::Other("Wan")),
    ("double_stream_blocks.0.block.adaLN_modulation.1.bias", Family::Other("HiDream")),
    ("net.x_embedder.proj.1.weight", Family::Other("Cosmos")),
    ("txt_in.text_norm.weight", Family::Other("Qwen-Image")),
    ("txtfusion.projector.weight", Family::Other("Krea 2")),
    ("token_refiner.blocks.0.attn.qkv_proj.weight", Family::Other("MiniMax")),
    ("edm_mean", Family::Other("Playground 2.5")),
];

/// A file's tensors: their shapes by name.
pub(crate) struct Tensors<'a>(BTreeMap<&'a str, &'a [usize]>);

impl<'a> Tensors<'a> {
    pub(crate) fn new(tensors: impl IntoIterator<Item = (&'a str, &'a [usize])>) -> Self {
        Self(tensors.into_iter().collect())
    }

    /// What they are, of which family, and how they are named.
    pub(crate) fn identify(&self) -> (Kind, Family, Layout) {
        self.addition().or_else(|| self.other()).unwrap_or_else(|| self.model())
    }

    pub(crate) fn has_vae(&self) -> bool {
        VAES.iter().any(|prefix| self.any(prefix))
    }

    fn shape(&self, key: &str) -> Option<&'a [usize]> {
        self.0.get(key).copied()
    }

    fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// Whether a name begins so.
    pub(crate) fn any(&self, prefix: &str) -> bool {
        self.0.range(prefix..).next().is_some_and(|(key, _)| key.starts_with(prefix))
    }

    /// The shape of the first tensor whose name begins and ends so.
    fn find(&self, prefix: &str, ending: &str) -> Option<&'a [usize]> {
        let below = self.0.range(prefix..).take_while(|(key, _)| key.starts_with(prefix));
        below.filter(|(key, _)| key.ends_with(ending)).map(|(_, shape)| *shape).next()
    }

    pub(crate) fn has_text_encoder(&self) -> bool {
        TEXT_ENCODERS.iter().any(|prefix| self.any(prefix)) || self.text_encoder_alone().is_some()
    }

    /// What is put on top of a model.
    fn addition(&self) -> Option<(Kind, Family, Layout)> {
        const LORA: [&str; 6] =
            [".lora_down.weight", ".lora_up.weight", ".lora_A.weight", ".hada_w1_a", ".lokr_w1", ".lora.down.weight"];
        let is_lora = |key: &&str| LORA.iter().any(|ending| key.ends_with(ending)) || key.ends_with(".lokr_w1_a");
        let names = || self.0.keys();
        let kind = if names().any(is_lora) {
            return Some((Kind::Lora, self.lora_family(), Layout::Ldm));
        } else if let Some(width) = self.embedding_width() {
            return Some((Kind::Embedding, by_text_width(width), Layout::Ldm));
        } else if self.any("control_model.") || self.any("controlnet_cond_embedding.") || self.any("lllite_unet") {
            Kind::ControlNet
        } else if names().any(|key| key.contains(".motion_modules.")) && !self.any(UNET) {
            Kind::MotionModule
        } else if self.any("ip_adapter.") || self.any("adapter.body.") || self.has("body.0.resnets.0.block1.weight") {
            Kind::Adapter
        } else if self.is_upscaler() {
            return Some((Kind::Upscaler, Family::Unknown, Layout::Ldm));
        } else {
            return None;
        };
        let layout = if self.any("controlnet_cond_embedding.") { Layout::Diffusers } else { Layout::Ldm };
        let width = self.find("", "attn2.to_k.weight").or_else(|| self.find("ip_adapter.", "to_k_ip.weight"));
        Some((
            kind,
            width.and_then(|shape| shape.last()).map_or(Family::Unknown, |width| by_text_width(*width)),
            layout,
        ))
    }

    /// The model that a LoRA is for: the width of the texts that its attention reads.
    fn lora_family(&self) -> Family {
        if self.any("lora_te2_") || self.any("text_encoder_2.") {
            return Family::Sdxl;
        }
        if self.0.keys().any(|key| key.contains("double_blocks") || key.contains("single_transformer_blocks")) {
            return Family::Flux;
        }
        // `lora_unet_.._attn2_to_k.lora_down.weight` (kohya-ss/sd-scripts), `unet...attn2.to_k.lora_A.weight` (peft).
        let reads_text = |key: &str| {
            key.contains("attn2_to_k.") || key.contains("attn2.to_k.") || key.contains("attn2.processor.to_k_lora")
        };
        let goes_down = |key: &str| {
            key.ends_with("lora_down.weight")
                || key.ends_with("lora_A.weight")
                || key.ends_with("lora.down.weight")
                || key.ends_with("hada_w1_b")
        };
        let found = self.0.iter().find(|(key, _)| reads_text(key) && goes_down(key));
        found.and_then(|(_, shape)| shape.get(1)).map_or(Family::Unknown, |width| by_text_width(*width))
    }

    /// The width of the words in a textual inversion embedding: `emb_params` of A1111, `<token>` of Diffusers, `clip_l` and
    /// `clip_g` of Stable Diffusion XL.
    fn embedding_width(&self) -> Option<usize> {
        if self.has("clip_l") && self.has("clip_g") {
            return Some(2048);
        }
        if let Some(shape) = self.shape("emb_params").or_else(|| self.find("string_to_param.", "")) {
            return shape.last().copied();
        }
        let mut tensors = self.0.iter();
        match (tensors.next(), tensors.next()) {
            (Some((name, shape)), None) if !name.contains('.') && shape.len() <= 2 => shape.last().copied(),
            _ => None,
        }
    }

    /// ESRGAN in its two spellings, Real-ESRGAN's small one, SwinIR and its kin.
    fn is_upscaler(&self) -> bool {
        self.has("model.1.sub.0.RDB1.conv1.0.weight")
            || self.has("RRDB_trunk.0.RDB1.conv1.weight")
            || self.has("body.0.rdb1.conv1.weight")
            || self.any("layers.0.residual_group.")
            || (self.has("body.0.weight") && self.has("body.1.weight"))
    }

    /// A model of an architecture that isn't Stable Diffusion 1, 2 or XL.
    fn other(&self) -> Option<(Kind, Family, Layout)> {
        let is_here = |key: &str| self.has(key) || self.has(&format!("{UNET}{key}"));
        let (_, family) = OTHERS.iter().find(|(key, _)| is_here(key))?;
        Some((if self.is_whole() { Kind::Checkpoint } else { Kind::Unet }, *family, Layout::Ldm))
    }

    /// Whether there is more than the network that draws.
    fn is_whole(&self) -> bool {
        TEXT_ENCODERS.iter().chain(&VAES).any(|prefix| self.any(prefix))
    }

    /// A model of Stable Diffusion's kind, or a component of one.
    fn model(&self) -> (Kind, Family, Layout) {
        for (prefix, first, layout) in [
            (UNET, "input_blocks.0.0.weight", Layout::Ldm),
            ("", "input_blocks.0.0.weight", Layout::Ldm),
            ("unet.", "conv_in.weight", Layout::Diffusers),
            ("", "conv_in.weight", Layout::Diffusers),
        ] {
            if layout == Layout::Diffusers && !self.any(&format!("{prefix}down_blocks.")) {
                continue;
            }
            if let Some([_, channels, ..]) = self.shape(&format!("{prefix}{first}")) {
                let kind = if self.is_whole() { Kind::Checkpoint } else { Kind::Unet };
                return (kind, self.unet_family(prefix, *channels), layout);
            }
        }
        for prefix in VAES.iter().chain(&[""]) {
            for (first, layout) in [
                ("decoder.up.0.block.0.conv1.weight", Layout::Ldm),
                ("decoder.up_blocks.0.resnets.0.conv1.weight", Layout::Diffusers),
            ] {
                if self.has(&format!("{prefix}{first}")) {
                    let family = match self.shape(&format!("{prefix}decoder.conv_in.weight")) {
                        Some([_, 16, ..]) => Family::Other("Stable Diffusion 3 or Flux"),
                        _ => Family::Unknown,
                    };
                    return (Kind::Vae, family, layout);
                }
            }
        }
        if let Some(shape) = self.text_encoder_alone() {
            return (
                Kind::TextEncoder,
                shape.last().map_or(Family::Unknown, |width| by_text_width(*width)),
                Layout::Diffusers,
            );
        }
        // T5 and language models are the text encoders of later families.
        let t5 = "encoder.block.0.layer.0.SelfAttention.q.weight";
        if self.has(t5) || self.has("model.embed_tokens.weight") {
            return (Kind::TextEncoder, Family::Unknown, Layout::Diffusers);
        }
        if TEXT_ENCODERS.iter().any(|prefix| self.any(prefix)) {
            return (Kind::TextEncoder, Family::Unknown, Layout::Ldm);
        }
        (Kind::Unknown, Family::Unknown, Layout::Ldm)
    }

    /// The shape of a CLIP text encoder's position embedding, where the file is a component of its own.
    fn text_encoder_alone(&self) -> Option<&'a [usize]> {
        ["text_model.embeddings.position_embedding.weight", "embeddings.position_embedding.weight"]
            .iter()
            .find_map(|key| self.shape(key))
            .filter(|shape| shape.first() == Some(&77))
    }

    /// The family of a UNet whose tensors begin with `prefix`, and which reads `channels`.
    fn unet_family(&self, prefix: &str, channels: usize) -> Family {
        #[derive(PartialEq)]
        enum Generation {
            One,
            Two,
            Xl,
            Refiner,
        }
        let width = self.find(prefix, ".attn2.to_k.weight").and_then(|shape| shape.last());
        let generation = match width {
            Some(768) => Generation::One,
            Some(1024) => Generation::Two,
            Some(2048) => Generation::Xl,
            Some(1280) => Generation::Refiner,
            // Other widths are of models for tests: the text encoder tells, or how the attention's layers are kept.
            _ if self.any("conditioner.embedders.") || self.any(&format!("{prefix}add_embedding.")) => Generation::Xl,
            _ if self.any("cond_stage_model.model.") => Generation::Two,
            _ if self.any("cond_stage_model.") => Generation::One,
            _ if self.find(prefix, ".proj_in.weight").is_some_and(|shape| shape.len() == 2) => Generation::Two,
            Some(_) => Generation::One,
            None => return Family::Unknown,
        };
        match (generation, channels) {
            (Generation::One, 9) => Family::Sd1Inpaint,
            (Generation::One, 8) => Family::InstructPix2Pix,
            (Generation::One, _) => Family::Sd1,
            (Generation::Two, 9) => Family::Sd2Inpaint,
            (Generation::Two, 5) => Family::Sd2Depth,
            (Generation::Two, 7) => Family::Sd2Upscaler,
            (Generation::Two, _) => Family::Sd2,
            (Generation::Xl, 9) => Family::SdxlInpaint,
            (Generation::Xl, _) => Family::Sdxl,
            (Generation::Refiner, _) => Family::SdxlRefiner,
        }
    }
}

/// The family whose texts are so wide (SD 1: CLIP L, SD 2: `OpenCLIP` H, XL: CLIP L beside `OpenCLIP` bigG).
fn by_text_width(width: usize) -> Family {
    match width {
        768 => Family::Sd1,
        1024 => Family::Sd2,
        2048 => Family::Sdxl,
        1280 => Family::SdxlRefiner,
        _ => Family::Unknown,
    }
}
