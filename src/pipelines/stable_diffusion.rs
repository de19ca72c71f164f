//! The components of a model that reads text and draws in latents: Stable Diffusion 1 and 2 and their variants.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use burn::tensor::Tensor;
use image::RgbImage;

use super::memory::{Footprint, Part, Room, Wish};
use super::opening::{Loading, Opening, config, sample_size, uncancelled};
use super::parts::Parts;
use super::plan::Plan;
use super::slot::{Component, Slot};
use crate::base::cancel::CancelToken;
use crate::base::device::ComputeDevice;
use crate::base::error::{Error, Result};
use crate::base::model_ref::ModelRef;
use crate::content::imaging::depth::DepthMap;
use crate::content::request::TaskKind;
use crate::content::text::{self, Tokenizer};
use crate::schedulers::SchedulerConfig;
use crate::storage::checkpoint::Checkpoint;

/// Prompts whose embeddings are kept, with what they are for: as many as someone goes back and forth between.
const EMBEDS_KEPT: usize = 8;

/// A text-guided model on a device.
pub(super) struct StableDiffusion {
    /// Its files, from which components are loaded as they are needed.
    checkpoint: Checkpoint,
    pub(super) compute: ComputeDevice,
    pub(super) tokenizer: Arc<dyn Tokenizer>,
    pub(super) parts: Parts,
    pub(super) scheduler_config: SchedulerConfig,
    /// What of it stays loaded in the run that goes on, or did in the last one.
    plan: Mutex<Plan>,
    /// What the text encoder made of the last prompts, by their tokens, the newest last.
    embeds: Mutex<Vec<(Vec<Vec<u32>>, Tensor<3>)>>,
}

impl StableDiffusion {
    /// Loads what every run needs, as far as it fits; `None` when `on_loading` stopped it.
    ///
    /// # Errors
    /// An option that we don't know, weights that don't fit their config, components that don't fit each other.
    pub(super) fn open(
        model: &ModelRef,
        checkpoint: Checkpoint,
        compute: ComputeDevice,
        on_loading: &mut dyn FnMut(Loading<'_>) -> ControlFlow<()>,
    ) -> Result<Option<Self>> {
        let mut goes_on =
            |part: Part| on_loading(Loading { component: part.name(), ..Loading::default() }).is_continue();
        let Some(parts) = Parts::new(&checkpoint, &compute, &mut goes_on)? else { return Ok(None) };
        let class = &checkpoint.component("tokenizer")?.class;
        let tokenizer = text::open(class, Path::new(&format!("{model}/tokenizer")), &|name| {
            checkpoint.bytes(&format!("tokenizer/{name}"))
        })?;
        let scheduler_config = config(&checkpoint, "scheduler")?.clone();
        let footprint = parts.footprint(&compute, sample_size(config(&checkpoint, "unet")?));
        let usual = Wish::usual(&footprint);
        let room = Room { needed: footprint.plan(&usual, None).peak_bytes, memory: compute.memory };
        if on_loading(Loading { room: Some(room), ..Loading::default() }).is_break() {
            return Ok(None);
        }
        // Only now, since room may have been made.
        let plan = footprint.plan(&usual, footprint.budget(0));
        let stays = |part: &Part| plan.kept.contains(part);
        let wanted: Vec<Part> = [Part::TextEncoder, Part::Unet, Part::Vae].into_iter().filter(stays).collect();
        let comparisons: Vec<_> = wanted.iter().filter_map(|part| parts.comparison(*part)).collect();
        let mut opening = Opening::new(&checkpoint, &compute, &comparisons, on_loading);
        for part in wanted {
            if !parts.fill(part, &mut opening)? {
                return Ok(None);
            }
        }
        let (plan, embeds) = (Mutex::new(plan), Mutex::default());
        Ok(Some(Self { checkpoint, compute, tokenizer, parts, scheduler_config, plan, embeds }))
    }

    /// Makes the plan of a run, and lets go of what doesn't stay.
    ///
    /// # Errors
    /// It won't fit.
    pub(super) fn make_room(&self, wish: &Wish) -> Result<()> {
        let footprint = self.footprint();
        let held = self.parts.loaded().into_iter().map(|part| footprint.weights(part)).sum();
        let plan = footprint.plan(wish, footprint.budget(held));
        plan.check()?;
        // What this run doesn't use may stay if there is room for that, too.
        let mut spare = plan.budget_bytes.map(|budget| budget.saturating_sub(plan.peak_bytes));
        for part in self.parts.loaded().into_iter().filter(|part| !plan.kept.contains(part)) {
            let bytes = footprint.weights(part);
            match &mut spare {
                _ if plan.lent.contains(&part) => self.let_go(part),
                Some(spare) if *spare < bytes => self.let_go(part),
                Some(spare) => *spare -= bytes,
                None => {}
            }
        }
        *lock(&self.plan) = plan;
        Ok(())
    }

    /// What it takes of the memory.
    pub(super) fn footprint(&self) -> Footprint {
        self.parts.footprint(&self.compute, self.sample_size())
    }

    /// A component, loaded if it isn't; `None` when cancelled.
    ///
    /// # Errors
    /// Its files can't be read any more.
    pub(super) fn part<T: Component>(&self, slot: &Slot<T>, cancel: &CancelToken) -> Result<Option<Arc<T>>> {
        slot.take(&self.checkpoint, &self.compute, cancel)
    }

    /// A phase is over that needed this component: it goes, unless the plan lets it stay.
    pub(super) fn done_with(&self, part: Part) {
        if lock(&self.plan).lent.contains(&part) {
            self.let_go(part);
        }
    }

    fn let_go(&self, part: Part) {
        self.parts.empty(part);
        // The device keeps what is freed for the next tensors.
        self.compute.device.memory_cleanup();
    }

    /// The side of the tiles in which pictures are decoded, and encoded, in latents; `None` for whole.
    pub(super) fn tile(&self) -> Option<usize> {
        lock(&self.plan).tile
    }

    /// What the text encoder makes of some prompts, `[prompts, tokens, width]`; `None` when cancelled.
    ///
    /// # Errors
    /// The encoder can't be loaded, or doesn't know a token.
    pub(super) fn embed(&self, prompts: Vec<Vec<u32>>, cancel: &CancelToken) -> Result<Option<Tensor<3>>> {
        let known = {
            let mut kept = lock(&self.embeds);
            let at = kept.iter().position(|(tokens, _)| *tokens == prompts);
            at.map(|at| {
                // To the end of the row.
                let found = kept.remove(at);
                kept.push(found.clone());
                found.1
            })
        };
        if known.is_some() {
            return Ok(known);
        }
        let Some(encoder) = self.part(&self.parts.text_encoder, cancel)? else { return Ok(None) };
        let Some(embeds) = uncancelled(encoder.forward(&prompts))? else { return Ok(None) };
        if cancel.is_cancelled() {
            // What was interrupted means nothing.
            return Ok(None);
        }
        let mut kept = lock(&self.embeds);
        if kept.len() == EMBEDS_KEPT {
            kept.remove(0);
        }
        kept.push((prompts, embeds.clone()));
        Ok(Some(embeds))
    }

    /// What it can do, which shows in what its unet reads.
    pub(super) fn tasks(&self) -> &'static [TaskKind] {
        self.parts.tasks()
    }

    /// How near everything in a picture is; `None` when cancelled.
    ///
    /// # Errors
    /// The model has no depth estimator, or its parts don't fit each other.
    pub(super) fn estimate_depth(&self, picture: &RgbImage, cancel: &CancelToken) -> Result<Option<DepthMap>> {
        let Some(slot) = &self.parts.depth_estimator else { return Err(no_depth_estimator()) };
        let Some(estimator) = self.part(slot, cancel)? else { return Ok(None) };
        let depth = estimator.estimate(picture, &self.compute);
        drop(estimator);
        self.done_with(Part::DepthEstimator);
        depth.map(Some)
    }

    /// Width and height that it is made for, in latents.
    pub(super) fn sample_size(&self) -> (usize, usize) {
        config(&self.checkpoint, "unet").map_or((64, 64), sample_size)
    }

    /// Width and height that it is made for, in pixels.
    pub(super) fn default_size(&self) -> (usize, usize) {
        let ((width, height), scale) = (self.sample_size(), self.parts.vae.outline.scale_factor());
        (width * scale, height * scale)
    }

    /// How many parameters it has: those of its text encoder, unet and autoencoder.
    pub(super) fn num_params(&self) -> usize {
        let Parts { text_encoder, unet, vae, .. } = &self.parts;
        let counts = [text_encoder.comparison.parameters, unet.comparison.parameters, vae.comparison.parameters];
        counts.iter().sum::<u64>() as usize
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is said of a model that can't tell near from far.
pub(super) fn no_depth_estimator() -> Error {
    Error::new("This model can't tell near from far: it has no depth estimator")
        .advise(format!("Choose a depth map of your own, or {}", TaskKind::DepthToImage.suitable_models()))
}
