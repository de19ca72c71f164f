//! Where a run begins that doesn't begin with its task's own samples: in the middle of another run, or of itself.

use std::sync::Arc;

use super::latents;
use super::resident::Resident;
use super::rewind::{BranchPoint, FirstSamples};
use super::run_state::RunState;
use crate::base::error::Result;
use crate::content::request::Request;
use crate::schedulers::Scheduler;

/// A run that was interrupted, and how it is gone on with.
#[derive(Clone, Debug)]
pub struct Resumption {
    /// What it was after its last kept step.
    pub state: Arc<RunState>,
    /// How often its decoding has failed. It is decoded in tiles of half the side for each.
    pub failed_decodes: u32,
}

/// Where a run begins.
pub(super) enum RunStart {
    /// In the middle of another run.
    Branch(Box<BranchPoint>),
    /// In its own middle.
    Interrupted(Resumption),
}

impl RunStart {
    /// Finds the samples that the run goes on with, and prepares its sampler.
    ///
    /// # Errors
    /// The device failed, or the kept state is of another run.
    pub(super) fn take_up(
        self,
        resident: &Resident,
        scheduler: &mut Scheduler,
        request: &Request,
    ) -> Result<FirstSamples> {
        match self {
            Self::Branch(branch) => branch.take_up(scheduler, request),
            Self::Interrupted(Resumption { state, .. }) => {
                let (shape, device) = (latents::shape(resident, request), &resident.compute().device);
                Arc::unwrap_or_clone(state).take_up(scheduler, shape, device)
            }
        }
    }

    /// How often the decoding has failed before.
    pub(super) fn failed_decodes(&self) -> u32 {
        match self {
            Self::Branch(_) => 0,
            Self::Interrupted(resumption) => resumption.failed_decodes,
        }
    }
}
