//! What a weight file is, told from the names and shapes of its tensors and from nothing else: which family of models it
//! belongs to, and whether it is a whole checkpoint, one component, or something that is put on top of a model.
//!
//! The tell-tale names are those of Diffusers (`single_file_utils.py`, `CHECKPOINT_KEY_NAMES` and
//! `infer_diffusers_model_type`); the kinds that aren't models are named as the programs that train them write them.
//! Limits: only names and shapes are seen. Stable Diffusion 2 comes in two kinds (it predicts noise, or velocity) that
//! differ in neither, and the VAEs of Stable Diffusion 1, 2 and XL don't differ at all.

mod tensors;

use std::fmt;

use serde::{Serialize, Serializer};

use tensors::Tensors;

/// A family of models: those that share one architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// Stable Diffusion 1.1 to 1.5, and what was trained from them.
    Sd1,
    /// The same for inpainting: it reads 9 channels.
    Sd1Inpaint,
    /// The same, told by an instruction what to change in a picture: it reads 8 channels.
    InstructPix2Pix,
    /// Stable Diffusion 2.0 and 2.1.
    Sd2,
    /// The same for inpainting: it reads 9 channels.
    Sd2Inpaint,
    /// The same with a depth beside the latents: it reads 5 channels.
    Sd2Depth,
    /// Stable Diffusion x4 Upscaler: it reads 7 channels.
    Sd2Upscaler,
    /// Stable Diffusion XL.
    Sdxl,
    /// The same for inpainting.
    SdxlInpaint,
    /// Stable Diffusion XL's refiner.
    SdxlRefiner,
    /// Stable Diffusion 3 and 3.5.
    Sd3,
    /// Flux.1.
    Flux,
    /// Another one, by name.
    Other(&'static str),
    /// Nothing tells.
    Unknown,
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The network that draws, and at least one of the text encoder and the VAE.
    Checkpoint,
    /// The network that draws, alone.
    Unet,
    /// A VAE alone.
    Vae,
    /// A text encoder alone.
    TextEncoder,
    /// Small changes to a model's weights.
    Lora,
    /// Words that a text encoder is taught (textual inversion).
    Embedding,
    /// A network that steers a model by a picture.
    ControlNet,
    /// A smaller network that steers a model: T2I-Adapter, IP-Adapter.
    Adapter,
    /// What makes a model draw moving pictures (AnimateDiff).
    MotionModule,
    /// A network that enlarges pictures.
    Upscaler,
    /// Something else.
    Unknown,
}

/// How tensors are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// As the models' authors publish them, all components in one file.
    Ldm,
    /// As Diffusers and transformers save a component.
    Diffusers,
}

/// What [`identify`] finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Identified {
    /// The architecture.
    pub family: Family,
    /// What of it is in the file.
    pub kind: Kind,
    /// How its tensors are named.
    pub layout: Layout,
    /// Whether there is a text encoder.
    pub has_text_encoder: bool,
    /// Whether there is a VAE.
    pub has_vae: bool,
    /// Whether there is a second set of weights, averaged over the training.
    pub has_ema: bool,
}

impl Family {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sd1 => "Stable Diffusion 1",
            Self::Sd1Inpaint => "Stable Diffusion 1 Inpainting",
            Self::InstructPix2Pix => "InstructPix2Pix",
            Self::Sd2 => "Stable Diffusion 2",
            Self::Sd2Inpaint => "Stable Diffusion 2 Inpainting",
            Self::Sd2Depth => "Stable Diffusion 2 Depth",
            Self::Sd2Upscaler => "Stable Diffusion x4 Upscaler",
            Self::Sdxl => "Stable Diffusion XL",
            Self::SdxlInpaint => "Stable Diffusion XL Inpainting",
            Self::SdxlRefiner => "Stable Diffusion XL Refiner",
            Self::Sd3 => "Stable Diffusion 3",
            Self::Flux => "Flux",
            Self::Other(name) => name,
            Self::Unknown => "unknown",
        }
    }

    /// Whether it is built here.
    pub fn is_known_here(self) -> bool {
        matches!(self, Self::Sd1 | Self::Sd1Inpaint | Self::Sd2 | Self::Sd2Inpaint | Self::Sd2Depth)
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Family {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Identified {
    /// What people call it, with an article: `a Stable Diffusion 1 checkpoint`, `a LoRA for Stable Diffusion XL`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, is_for) = match self.kind {
            Kind::Checkpoint => ("checkpoint", false),
            Kind::Unet if matches!(self.family, Family::Sd3 | Family::Flux | Family::Other(_)) => {
                ("diffusion network", false)
            }
            Kind::Unet => ("UNet", false),
            Kind::Vae => ("VAE", true),
            Kind::TextEncoder => ("text encoder", true),
            Kind::Lora => ("LoRA", true),
            Kind::Embedding => ("textual inversion embedding", true),
            Kind::ControlNet => ("ControlNet", true),
            Kind::Adapter => ("adapter", true),
            Kind::MotionModule => ("motion module", true),
            Kind::Upscaler => ("network that enlarges pictures", true),
            Kind::Unknown => ("file of another kind", true),
        };
        let article = |word: &str| if word.starts_with(['A', 'I', 'a']) { "an" } else { "a" };
        match self.family {
            Family::Unknown => write!(f, "{} {kind}", article(kind)),
            family if is_for => write!(f, "{} {kind} for {family}", article(kind)),
            family => write!(f, "{} {family} {kind}", article(family.name())),
        }
    }
}

/// What a file is, from its tensors' names and shapes.
pub fn identify<'a>(tensors: impl IntoIterator<Item = (&'a str, &'a [usize])>) -> Identified {
    let tensors = Tensors::new(tensors);
    let (kind, family, layout) = tensors.identify();
    Identified {
        family,
        kind,
        layout,
        has_text_encoder: tensors.has_text_encoder(),
        has_vae: tensors.has_vae() || kind == Kind::Vae,
        has_ema: tensors.any("model_ema.diffusion_model"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identified(tensors: &[(&str, &[usize])]) -> Identified {
        identify(tensors.iter().copied())
    }

    /// The tensors that tell, of a UNet that reads so many channels and texts of such a width.
    fn unet(channels: usize, width: usize) -> Vec<(&'static str, Vec<usize>)> {
        vec![
            ("model.diffusion_model.input_blocks.0.0.weight", vec![320, channels, 3, 3]),
            ("model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight", vec![320, width]),
        ]
    }

    #[test]
    fn the_family_shows_in_what_the_unet_reads() {
        for (channels, width, family) in [
            (4, 768, Family::Sd1),
            (9, 768, Family::Sd1Inpaint),
            (8, 768, Family::InstructPix2Pix),
            (4, 1024, Family::Sd2),
            (9, 1024, Family::Sd2Inpaint),
            (5, 1024, Family::Sd2Depth),
            (7, 1024, Family::Sd2Upscaler),
            (4, 2048, Family::Sdxl),
            (4, 1280, Family::SdxlRefiner),
        ] {
            let tensors = unet(channels, width);
            let found = identify(tensors.iter().map(|(key, shape)| (*key, shape.as_slice())));
            assert_eq!((found.family, found.kind), (family, Kind::Unet));
            assert!(!found.has_vae && !found.has_text_encoder && !found.has_ema);
            let whole = tensors.iter().map(|(key, shape)| (*key, shape.as_slice()));
            let whole = identify(whole.chain([("first_stage_model.quant_conv.weight", [8, 8, 1, 1].as_slice())]));
            assert_eq!((whole.kind, whole.has_vae), (Kind::Checkpoint, true));
        }
    }

    #[test]
    fn what_is_no_model_is_named() {
        for (tensors, name) in [
            (
                vec![(
                    "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight",
                    &[8, 768][..],
                )],
                "a LoRA for Stable Diffusion 1",
            ),
            (
                vec![("lora_te2_text_model_encoder_layers_0_mlp_fc1.lora_down.weight", &[8, 1280])],
                "a LoRA for Stable Diffusion XL",
            ),
            (vec![("emb_params", &[2, 768])], "a textual inversion embedding for Stable Diffusion 1"),
            (vec![("<cat>", &[1024])], "a textual inversion embedding for Stable Diffusion 2"),
            (
                vec![("clip_l", &[1, 768]), ("clip_g", &[1, 1280])],
                "a textual inversion embedding for Stable Diffusion XL",
            ),
            (
                vec![("control_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight", &[320, 768])],
                "a ControlNet for Stable Diffusion 1",
            ),
            (vec![("model.1.sub.0.RDB1.conv1.0.weight", &[32, 64, 3, 3])], "a network that enlarges pictures"),
            (vec![("decoder.up.0.block.0.conv1.weight", &[128, 256, 3, 3])], "a VAE"),
            (
                vec![("text_model.embeddings.position_embedding.weight", &[77, 768])],
                "a text encoder for Stable Diffusion 1",
            ),
            (
                vec![("model.diffusion_model.double_blocks.0.img_attn.norm.key_norm.scale", &[128])],
                "a Flux diffusion network",
            ),
            (vec![("whatever.weight", &[3, 3])], "a file of another kind"),
            (vec![], "a file of another kind"),
        ] {
            assert_eq!(identified(&tensors).to_string(), name);
        }
    }
}
