//! The row of Z-Image.

use crate::storage::checkpoint::family::{Architecture, FamilyRow, Recognition};

static Z_IMAGE: Architecture = Architecture::named("Z-Image", "diffusion network");

/// The row of Z-Image.
pub(crate) static ROW: FamilyRow = FamilyRow {
    named_pipelines: &[("ZImage", &Z_IMAGE)],
    ..FamilyRow::named(
        "z_image",
        "Z-Image",
        &[&Z_IMAGE],
        Recognition { marks: &[("layers.0.adaLN_modulation.0.weight", &Z_IMAGE)], ..Recognition::NONE },
    )
};
