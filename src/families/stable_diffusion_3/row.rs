//! The row of Stable Diffusion 3.

use crate::storage::checkpoint::family::{Architecture, FamilyRow, Recognition};

static SD3: Architecture = Architecture::named("Stable Diffusion 3", "diffusion network");

/// The row of Stable Diffusion 3.
pub(crate) static ROW: FamilyRow = FamilyRow {
    named_pipelines: &[("StableDiffusion3", &SD3)],
    ..FamilyRow::named(
        "stable_diffusion_3",
        "Stable Diffusion 3",
        &[&SD3],
        Recognition { marks: &[("joint_blocks.0.context_block.adaLN_modulation.1.bias", &SD3)], ..Recognition::NONE },
    )
};
