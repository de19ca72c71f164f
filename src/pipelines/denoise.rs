//! The denoising loop: noise becomes a sample, step by step. It exists once, for all tasks.

use std::ops::ControlFlow;
use std::time::Instant;

use burn::tensor::{DType, Tensor};
use image::RgbImage;

use super::stages::record;
use super::{Hooks, Look, Step};
use crate::cancel::CancelToken;
use crate::device::ComputeDevice;
use crate::error::{Error, Result};
use crate::models::unet_blocks::Pace;
use crate::rng::Generators;
use crate::schedulers::Scheduler;

/// A step that takes longer is cut up, so that a cancel doesn't have to wait for all of it. In steps as long as this, waiting
/// for the device after every block costs less than a fiftieth.
const LONG_STEP_SECS: f64 = 0.3;

/// What the loop asks of a model. Samples are `[batch, channels, height, width]`, f32.
pub(super) trait Denoiser {
    /// Where it runs.
    fn compute(&self) -> &ComputeDevice;

    /// Its answer for the samples of a step, for the scheduler; `None` when cancelled.
    fn predict(&self, samples: &Tensor<4>, at: At<'_>, cancel: &CancelToken) -> Option<Tensor<4>>;

    /// What the first of some samples looks like, as if they were the last; `None` when cancelled.
    fn look(&self, samples: &Tensor<4>, cancel: &CancelToken) -> Result<Option<RgbImage>>;

    /// What does the same for next to nothing, if there is something.
    fn sketch(&self) -> Option<fn(&Tensor<4>) -> Result<RgbImage>>;
}

/// The step that a model is asked for.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) scheduler: &'a dyn Scheduler,
    /// Counted from 0.
    pub(super) index: usize,
    pub(super) timestep: f64,
    pub(super) pace: Pace,
}

/// Takes samples through all steps. `None` when cancelled.
pub(super) fn denoise(
    model: &dyn Denoiser,
    scheduler: &mut dyn Scheduler,
    mut samples: Tensor<4>,
    generators: &mut Generators,
    hooks: &mut Hooks<'_>,
) -> Result<Option<Tensor<4>>> {
    let timesteps = scheduler.timesteps().to_vec();
    if let Some(trace) = &mut hooks.trace {
        let values: Vec<f32> = timesteps.iter().map(|t| *t as f32).collect();
        trace.record("timesteps", [values.len()], &values);
    }
    let mut step_secs = f64::INFINITY;
    for (index, &timestep) in timesteps.iter().enumerate() {
        let began = Instant::now();
        let pace = if step_secs > LONG_STEP_SECS { Pace::BlockByBlock } else { Pace::AtOnce };
        let at = At { scheduler, index, timestep, pace };
        let Some(output) = model.predict(&samples, at, hooks.cancel) else { return Ok(None) };
        let step = scheduler.step(output.cast(DType::F32), index, samples, generators)?;
        samples = step.prev_sample;
        // Without waiting the whole run would be queued at once: no progress to show, nothing to cancel.
        model.compute().device.sync().map_err(|e| Error::new("The device failed during a step").caused_by(e))?;
        // What was interrupted means nothing.
        if hooks.cancel.is_cancelled() {
            return Ok(None);
        }
        step_secs = began.elapsed().as_secs_f64();
        record(hooks, &format!("latents_{index}"), || samples.clone());
        let pred_original_sample = &step.pred_original_sample;
        let mut decode = || model.look(pred_original_sample, hooks.cancel);
        let mut sketch = model.sketch().map(|draw| move || draw(pred_original_sample).map(Some));
        let flow = (hooks.on_step)(Step {
            index,
            of: timesteps.len(),
            timestep,
            latents: &samples,
            pred_original_sample,
            decode: &mut decode,
            sketch: sketch.as_mut().map(|sketch| sketch as &mut Look<'_>),
        });
        if flow == ControlFlow::Break(()) || hooks.cancel.is_cancelled() {
            return Ok(None);
        }
    }
    Ok(Some(samples))
}
