//! `DiffusionPipeline`: a model put to work, whatever its family is.
//!
//! One file a task; what tasks share is in `stages`, `denoise` (the loop, which exists once), `guidance` and `decode`. What takes
//! part in a step beside the denoiser and the scheduler is a `step_hook`. What of a model stays loaded is decided in `plan` and kept
//! in `resident`.

mod decode;
mod denoise;
mod depth_to_image;
mod from_noise;
mod guidance;
mod image_conditioning;
mod image_to_image;
mod inpaint;
mod inspect;
mod latents;
#[cfg(test)]
mod made_up;
mod memory;
mod opening;
mod overflow;
mod pipeline;
mod plan;
mod resident;
mod rewind;
mod run;
mod run_context;
mod run_start;
mod run_state;
mod side_by_side;
mod stages;
mod step_hook;
mod trace;

pub use crate::families::{ComponentId, Footprint};
pub use inspect::{ComponentInspection, Inspection, inspect};
pub use memory::{Room, Wish};
pub use opening::{Loading, OnLoading};
pub use overflow::Overflow;
pub use pipeline::DiffusionPipeline;
pub use plan::Plan;
pub use run::{Drawn, Hooks, Look, Phase, Step, TakeState};
pub use run_start::Resumption;
pub use run_state::{HostTensor, RunRecord, RunState};
pub use trace::Trace;
