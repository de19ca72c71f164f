//! A model, and what of it stays loaded while a run goes on.

use std::sync::{Mutex, MutexGuard, PoisonError};

use image::RgbImage;

use super::memory::Wish;
use super::plan::Plan;
use crate::base::device::ComputeDevice;
use crate::base::error::Result;
use crate::base::stop::Outcome;
use crate::content::imaging::depth::DepthMap;
use crate::content::request::Verdict;
use crate::families::{ComponentId, Footprint, LatentCodec, Model, ModelSpec, StageComponents};
use crate::ops;

/// A model under a memory plan.
pub(super) struct Resident {
    model: Box<dyn Model>,
    footprint: Footprint,
    /// The plan of the run that goes on, or of the last one.
    plan: Mutex<Plan>,
}

impl Resident {
    /// Puts a model under a plan.
    pub(super) fn new(model: Box<dyn Model>, footprint: Footprint, plan: Plan) -> Self {
        Self { model, footprint, plan: Mutex::new(plan) }
    }

    /// Makes the plan of a run, and frees what doesn't stay.
    ///
    /// # Errors
    /// It won't fit.
    pub(super) fn make_room(&self, wish: &Wish) -> Result<()> {
        let components = self.model.components();
        let plan = self.footprint.plan(wish, self.footprint.budget(components.loaded_bytes()));
        plan.check()?;
        // What this run doesn't use may stay if there is room for that, too.
        let mut spare = plan.budget_bytes.map(|budget| budget.saturating_sub(plan.peak_bytes));
        for id in components.loaded().into_iter().filter(|id| !plan.kept.contains(id)) {
            let bytes = self.footprint.weights(id);
            match &mut spare {
                _ if plan.lent.contains(&id) => components.free(id),
                Some(spare) if *spare < bytes => components.free(id),
                Some(spare) => *spare -= bytes,
                None => {}
            }
        }
        *self.plan() = plan;
        Ok(())
    }

    /// Decodes this run in tiles of half the side for each time that the decoding has failed, whatever the plan says.
    pub(super) fn shrink_tiles(&self, times: u32) {
        let mut plan = self.plan();
        (0..times).for_each(|_| plan.shrink_tiles(self.footprint.factor));
    }

    /// Ends a stage that needed these components: they are freed, unless the plan lets them stay.
    pub(super) fn done_with(&self, stage: &[ComponentId]) {
        let lent = self.plan().lent.clone();
        for id in stage.iter().filter(|id| lent.contains(id)) {
            self.model.components().free(*id);
        }
    }

    /// The side of the tiles in which pictures are decoded, and encoded, in latents; `None` for whole.
    pub(super) fn tile(&self) -> Option<usize> {
        self.plan().tile
    }

    /// Checks a finished picture; `None` for a model without a safety checker.
    ///
    /// # Errors
    /// It was cancelled, or the checker can't be used.
    pub(super) fn judge(&self, picture: &RgbImage) -> Outcome<Option<Verdict>> {
        let StageComponents { code, safety, .. } = &self.footprint.stages;
        if safety.is_empty() {
            return Ok(None);
        }
        self.done_with(code);
        let verdict = self.model.judge(picture);
        self.done_with(safety);
        ops::check_cancelled()?;
        verdict
    }

    /// Estimates how near everything in a picture is.
    ///
    /// # Errors
    /// It was cancelled, or the model has no depth estimator that can be used.
    pub(super) fn estimate_depth(&self, picture: &RgbImage) -> Outcome<DepthMap> {
        let depth = self.model.estimate_depth(picture);
        self.done_with(&self.footprint.stages.depth);
        ops::check_cancelled()?;
        depth
    }

    pub(super) fn model(&self) -> &dyn Model {
        &*self.model
    }

    pub(super) fn spec(&self) -> &ModelSpec {
        self.model.spec()
    }

    pub(super) fn codec(&self) -> &dyn LatentCodec {
        self.model.codec()
    }

    pub(super) fn compute(&self) -> &ComputeDevice {
        self.model.components().compute()
    }

    pub(super) fn footprint(&self) -> &Footprint {
        &self.footprint
    }

    pub(super) fn stages(&self) -> &StageComponents {
        &self.footprint.stages
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
