//! The engine of the shipped program: a `DiffusionPipeline`.

use std::num::NonZeroUsize;
use std::sync::Arc;

use image::RgbImage;

use crate::base::device::{self, Capacity, ComputeDevice, DeviceChoice, DtypeChoice, KernelChoice, Memory};
use crate::base::error::Result;
use crate::base::model_ref::ModelRef;
use crate::base::stop::Outcome;
use crate::content::request::{MAX_SIDE, Request, Valid};
use crate::ops;
use crate::pipelines::{self, DiffusionPipeline, Drawn, Hooks, Inspection, OnLoading, Resumption};
use crate::worker::engine::Engine;
use crate::worker::guard;
use crate::worker::protocol::ModelInfo;
use crate::worker::tokens::TokenCounter;

/// The guidance scale that a form shows for a model without guidance: Diffusers' default of the others.
const GUIDANCE_SCALE: f64 = 7.5;

/// The device and the limits that models are opened with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// Which device.
    pub device: DeviceChoice,
    /// What models compute in.
    pub dtype: DtypeChoice,
    /// How a GPU's kernels are compiled.
    pub kernels: KernelChoice,
    /// Threads of the CPU; all of them by default. The first model settles it for the thread that opens it.
    pub threads: Option<NonZeroUsize>,
    /// Bytes of memory that a model and its pictures may take; what there is by default.
    pub memory_limit: Option<u64>,
}

impl Host {
    fn memory(self, there: Memory) -> Memory {
        self.memory_limit.map_or(there, Memory::Limited)
    }
}

/// Opens a model.
///
/// # Errors
/// There is no such device, the model can't be opened, or the system can't start the threads; what `on_loading` says.
pub fn open(model: &ModelRef, host: Host, on_loading: &mut OnLoading<'_>) -> Outcome<DiffusionPipeline> {
    ops::use_own_threads(host.threads)?;
    guard::ensure(host.device, host.kernels, on_loading)?;
    let compute = device::open_with(host.device, host.dtype, host.kernels)?;
    let memory = host.memory(compute.memory);
    DiffusionPipeline::open(model, ComputeDevice { memory, ..compute }, on_loading)
}

/// Looks into a model, on any thread: nothing is opened but its configs and headers.
///
/// # Errors
/// No such device or model, or the model's files are damaged.
pub fn inspect(model: &ModelRef, host: Host) -> Result<Inspection> {
    let capacity = device::capacity(host.device, host.dtype, host.kernels)?;
    pipelines::inspect(model, Capacity { memory: host.memory(capacity.memory), ..capacity })
}

impl Engine for DiffusionPipeline {
    fn info(&self) -> ModelInfo {
        let (width, height) = self.default_size();
        let recommended = self.recommended();
        ModelInfo {
            class_name: self.class_name().to_owned(),
            scheduler: self.scheduler().ok(),
            tasks: self.tasks().to_vec(),
            width,
            height,
            steps: recommended.num_inference_steps.unwrap_or_else(|| self.default_steps()),
            scheduler_config: self.scheduler_config().clone(),
            guidance_scale: recommended.guidance_scale.or(self.default_guidance_scale()).unwrap_or(GUIDANCE_SCALE),
            device: self.compute().name.clone(),
            dtype: self.compute().dtype.name().to_owned(),
            kernels: self.compute().kernels_reason.clone(),
            on_gpu: self.compute().is_gpu(),
            parameters: self.num_params(),
            weight_bytes: (self.num_params() * self.compute().dtype.size()) as u64,
            size_multiple: self.size_multiple(),
            sizes: sizes(width, height, self.size_multiple()),
            refused: self.refused_schedulers().into_iter().map(|(kind, error)| (kind, error.to_string())).collect(),
            token_counter: token_counter(self),
            footprint: Some(self.footprint().clone()),
            notes: self.notes().to_vec(),
        }
    }

    fn run(&mut self, request: &Valid<Request>, hooks: Hooks<'_>) -> Outcome<Vec<Drawn>> {
        Self::run(self, request, hooks)
    }

    fn resume(&mut self, request: &Valid<Request>, resumption: &Resumption, hooks: Hooks<'_>) -> Outcome<Vec<Drawn>> {
        Self::resume(self, request, resumption, hooks)
    }

    fn check_resumption(&self, request: &Request, resumption: &Resumption) -> Result<()> {
        Self::check_resumption(self, request, resumption)
    }

    fn run_side_by_side(
        &mut self,
        requests: &[Valid<Request>],
        hooks: Hooks<'_>,
        on_drawn: &mut dyn FnMut(usize, Drawn) -> Outcome<()>,
    ) -> Outcome<()> {
        Self::run_side_by_side(self, requests, hooks, on_drawn)
    }

    fn kept_steps(&self) -> Option<(Request, usize)> {
        Self::kept_steps(self)
    }

    fn look_back(&mut self, step: usize) -> Outcome<Option<RgbImage>> {
        Self::look_back(self, step)
    }

    fn held_bytes(&self) -> u64 {
        self.loaded_bytes()
    }

    fn is_sound(&self) -> bool {
        !device::is_lost(&self.compute().device)
    }

    fn free(self) {
        let device = self.compute().device.clone();
        drop(self);
        // The device keeps what is freed for the next tensors.
        device.memory_cleanup();
    }
}

/// The sizes to offer for a model that is made for this one: that, and for a square also portraits and landscapes whose longer side
/// is five quarters or one and a half times it.
///
/// A model draws best near what it was trained on, which is mostly a square; from twice the side on it repeats its subject. Stable
/// Diffusion's 512 gives 512 x 640 (what Forge begins with) and 512 x 768, the 768 models 768 x 960 and 768 x 1152.
fn sizes(width: usize, height: usize, multiple: usize) -> Vec<(usize, usize)> {
    let mut sizes = vec![(width, height)];
    if width == height {
        let longer = [width * 5 / 4, width * 3 / 2].map(|side| side / multiple * multiple);
        for longer in longer.into_iter().filter(|&longer| longer > width && longer <= MAX_SIDE) {
            sizes.extend([(width, longer), (longer, width)]);
        }
    }
    sizes
}

fn token_counter(pipeline: &DiffusionPipeline) -> Option<TokenCounter> {
    let tokenizer = Arc::clone(pipeline.tokenizer()?);
    // No prompt is known that can't be split.
    Some(TokenCounter::new(move |prompt| tokenizer.count(prompt).unwrap_or_default()))
}
