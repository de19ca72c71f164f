//! The row of Flux.2.

use crate::storage::checkpoint::family::{Architecture, FamilyRow, Recognition};

static FLUX_2: Architecture = Architecture::named("Flux.2", "diffusion network");

/// The row of Flux.2.
pub(crate) static ROW: FamilyRow = FamilyRow {
    named_pipelines: &[("Flux2", &FLUX_2)],
    ..FamilyRow::named(
        "flux_2",
        "Flux.2",
        &[&FLUX_2],
        Recognition { marks: &[("single_stream_modulation.lin.weight", &FLUX_2)], ..Recognition::NONE },
    )
};
