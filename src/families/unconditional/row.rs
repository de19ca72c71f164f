//! The row of models that read no text.

use crate::content::request::TaskKind;
use crate::storage::checkpoint::family::{Architecture, ComponentSpec, FamilyRow, PipelineClass, Recognition};

/// Their files have nothing that tells them from other UNets: the pipeline's class does.
static UNCONDITIONAL: Architecture = Architecture::named("Unconditional", "UNet");

/// The row of models that read no text.
pub(crate) static ROW: FamilyRow = FamilyRow {
    pipelines: &[pipeline("DDPMPipeline", 1000), pipeline("DDIMPipeline", 50)],
    components: &[
        ComponentSpec::new("unet", "UNet", &["UNet2DModel"]),
        ComponentSpec::new("scheduler", "scheduler", &[]),
    ],
    ..FamilyRow::named("unconditional", "Unconditional", &[&UNCONDITIONAL], Recognition::NONE)
};

const fn pipeline(name: &'static str, steps: usize) -> PipelineClass {
    PipelineClass {
        name,
        required: &["unet", "scheduler"],
        optional: &[],
        tasks: &[TaskKind::Unconditional],
        steps,
        guidance_scale: None,
        architecture: Some(&UNCONDITIONAL),
    }
}
