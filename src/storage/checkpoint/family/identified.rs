//! What a weight file turns out to be: whose it is, and whether it is a whole checkpoint, one component, or something that is
//! put on top of a model.

use std::fmt;

use serde::Serialize;

use super::architecture::Architecture;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
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
pub enum KeyLayout {
    /// As the models' authors publish them, all components in one file.
    Ldm,
    /// As Diffusers and transformers save a component.
    Diffusers,
}

/// What [`Families::identify`](super::Families::identify) finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identified {
    /// The network that it is, or is for; `None` where nothing tells.
    pub architecture: Option<&'static Architecture>,
    /// What of it is in the file.
    pub kind: FileKind,
    /// How its tensors are named.
    pub layout: KeyLayout,
    /// Whether there is a text encoder.
    pub has_text_encoder: bool,
    /// Whether there is a VAE.
    pub has_vae: bool,
    /// Whether there is a second set of weights, averaged over the training.
    pub has_ema: bool,
}

impl fmt::Display for Identified {
    /// Returns what people call it, with an article: `a Stable Diffusion 1 checkpoint`, `a LoRA for Stable Diffusion XL`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, is_for) = match self.kind {
            FileKind::Checkpoint => ("checkpoint", false),
            FileKind::Unet => (self.architecture.map_or("UNet", |architecture| architecture.network), false),
            FileKind::Vae => ("VAE", true),
            FileKind::TextEncoder => ("text encoder", true),
            FileKind::Lora => ("LoRA", true),
            FileKind::Embedding => ("textual inversion embedding", true),
            FileKind::ControlNet => ("ControlNet", true),
            FileKind::Adapter => ("adapter", true),
            FileKind::MotionModule => ("motion module", true),
            FileKind::Upscaler => ("network that enlarges pictures", true),
            FileKind::Unknown => ("file of another kind", true),
        };
        let article = |word: &str| if word.starts_with(['A', 'I', 'a']) { "an" } else { "a" };
        match self.architecture {
            None => write!(f, "{} {kind}", article(kind)),
            Some(architecture) if is_for => write!(f, "{} {kind} for {architecture}", article(kind)),
            Some(architecture) => write!(f, "{} {architecture} {kind}", article(architecture.name)),
        }
    }
}
