//! The row of Stable Diffusion XL.

use crate::families::ldm::{self, FoundUnet};
use crate::storage::checkpoint::family::{Architecture, FamilyRow, FoundNetwork, Recognition, Tensors};

static XL: Architecture = Architecture::named("Stable Diffusion XL", "UNet");
static XL_INPAINT: Architecture = Architecture::named("Stable Diffusion XL Inpainting", "UNet");
static XL_REFINER: Architecture = Architecture::named("Stable Diffusion XL Refiner", "UNet");

/// The row of Stable Diffusion XL.
pub(crate) static ROW: FamilyRow = FamilyRow {
    named_pipelines: &[("StableDiffusionXL", &XL)],
    ..FamilyRow::named(
        "stable_diffusion_xl",
        "Stable Diffusion XL",
        &[&XL, &XL_INPAINT, &XL_REFINER],
        Recognition {
            network: Some(recognise),
            // CLIP L beside OpenCLIP bigG, and bigG alone.
            text_widths: &[(2048, &XL), (1280, &XL_REFINER)],
            // kohya-ss/sd-scripts, and Diffusers.
            lora_marks: &[("lora_te2_", &XL), ("text_encoder_2.", &XL)],
            ..Recognition::NONE
        },
    )
};

/// Tells the architectures apart by what their UNets read.
fn recognise(tensors: &Tensors<'_>) -> Option<FoundNetwork> {
    let FoundUnet { prefix, layout, channels, text_width } = ldm::find_unet(tensors)?;
    let is_base = match text_width {
        Some(1280) => return Some((Some(&XL_REFINER), layout)),
        Some(2048) => true,
        // The widths of Stable Diffusion 1 and 2.
        Some(768 | 1024) => false,
        // Other widths are of models for tests: the text encoders tell, or what the UNet adds to the timestep.
        _ => tensors.any("conditioner.embedders.") || tensors.any(&format!("{prefix}add_embedding.")),
    };
    let architecture = if channels == 9 { &XL_INPAINT } else { &XL };
    is_base.then_some((Some(architecture), layout))
}
