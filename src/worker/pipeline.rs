//! The engine of the shipped program: a `DiffusionPipeline`.

use std::num::NonZeroUsize;

use crate::checkpoint::ModelRef;
use crate::device::{self, DeviceChoice, DtypeChoice};
use crate::error::Result;
use crate::pipelines::{self, DiffusionPipeline, Run};
use crate::request::Request;
use crate::worker::engine::{Engine, Hooks, StepDone};
use crate::worker::protocol::{ModelInfo, Phase};

/// Diffusers' defaults (`StableDiffusionPipeline.__call__`), for models whose card recommends nothing.
const STEPS: usize = 50;
const GUIDANCE_SCALE: f64 = 7.5;

/// Opens a model on a device. `threads` is for the CPU; the first call settles it for the whole process.
///
/// # Errors
/// No such device, or the model can't be opened.
pub fn open(
    model: &ModelRef,
    device: DeviceChoice,
    dtype: DtypeChoice,
    threads: Option<NonZeroUsize>,
) -> Result<DiffusionPipeline> {
    if let Some(threads) = threads {
        // A pool that stands already has the number of the first call: the command line makes only one.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(threads.get()).build_global();
    }
    DiffusionPipeline::open(model, device::open(device, dtype)?)
}

impl Engine for DiffusionPipeline {
    fn info(&self) -> ModelInfo {
        let size = self.default_size();
        let recommended = self.recommended();
        ModelInfo {
            class_name: self.class_name().to_owned(),
            scheduler: self.scheduler().ok(),
            width: size,
            height: size,
            steps: recommended.num_inference_steps.unwrap_or(STEPS),
            guidance_scale: recommended.guidance_scale.unwrap_or(GUIDANCE_SCALE),
            device: self.compute().name.clone(),
            dtype: self.compute().dtype.name().to_owned(),
        }
    }

    fn run(&mut self, request: &Request, hooks: Hooks<'_>) -> Result<Run> {
        let on_step = hooks.on_step;
        let hooks = pipelines::Hooks {
            on_phase: &mut |phase| {
                (hooks.on_phase)(match phase {
                    pipelines::Phase::Encoding => Phase::Encoding,
                    pipelines::Phase::Denoising => Phase::Denoising,
                    pipelines::Phase::Decoding => Phase::Decoding,
                });
            },
            on_step: &mut |step| on_step(StepDone { index: step.index, of: step.of, preview: step.preview }),
            cancel: hooks.cancel,
            trace: hooks.trace,
        };
        Self::run(self, request, hooks)
    }
}
