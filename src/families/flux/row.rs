//! The row of Flux.1.

use crate::storage::checkpoint::family::{Architecture, FamilyRow, Recognition};

static FLUX: Architecture = Architecture::named("Flux", "diffusion network");

/// A VAE of 16 channels tells no more.
static WITH_16_CHANNELS: Architecture = Architecture::named("Stable Diffusion 3 or Flux", "diffusion network");

/// The row of Flux.1.
pub(crate) static ROW: FamilyRow = FamilyRow {
    named_pipelines: &[("Flux", &FLUX)],
    ..FamilyRow::named(
        "flux",
        "Flux",
        &[&FLUX, &WITH_16_CHANNELS],
        Recognition {
            marks: &[("double_blocks.0.img_attn.norm.key_norm.scale", &FLUX)],
            lora_marks: &[("double_blocks", &FLUX), ("single_transformer_blocks", &FLUX)],
            latent_channels: &[(16, &WITH_16_CHANNELS)],
            ..Recognition::NONE
        },
    )
};
