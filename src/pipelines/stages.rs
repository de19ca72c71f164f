//! The stages that all tasks are made of: encode the prompt, make latents, denoise, decode.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use burn::tensor::{DType, Tensor, TensorData};
use image::RgbImage;

use super::{DiffusionPipeline, Hooks, Run, Step, memory, sketch};
use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::imaging::pixels::rgb_image_from_unit;
use crate::models::unet_2d_condition::Pace;
use crate::request::Request;
use crate::rng::Generators;
use crate::schedulers::Scheduler;

/// A step that takes longer is cut up, so that a cancel doesn't have to wait for all of it. In steps as long as this, waiting
/// for the device after every block costs less than a fiftieth.
const LONG_STEP_SECS: f64 = 0.3;

/// Classifier-free guidance (Ho and Salimans, 2022), as Diffusers applies it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guidance {
    scale: f64,
    rescale: f64,
}

impl Guidance {
    pub(super) fn of(request: &Request) -> Self {
        Self { scale: request.guidance_scale, rescale: request.guidance_rescale }
    }

    /// Whether the model is asked twice a step, with and without the prompt.
    pub(super) fn is_on(self) -> bool {
        self.scale > 1.0
    }

    /// The model's answer for a batch whose first half had the negative prompt.
    fn apply(self, output: Tensor<4>) -> Tensor<4> {
        if !self.is_on() {
            return output;
        }
        let half = output.dims()[0] / 2;
        let (negative, positive) = (output.clone().narrow(0, 0, half), output.narrow(0, half, half));
        let guided = negative.clone() + (positive.clone() - negative) * self.scale;
        if self.rescale > 0.0 { self.rescaled(guided, positive) } else { guided }
    }

    /// `rescale_noise_cfg` (`pipeline_stable_diffusion.py`, after Lin et al., 2023, section 3.4).
    fn rescaled(self, guided: Tensor<4>, positive: Tensor<4>) -> Tensor<4> {
        let deviation = |x: Tensor<4>| {
            let batch = x.dims()[0];
            x.flatten::<2>(1, 3).var(1).sqrt().reshape([batch, 1, 1, 1])
        };
        let rescaled = guided.clone() * (deviation(positive) / deviation(guided.clone()));
        rescaled * self.rescale + guided * (1.0 - self.rescale)
    }
}

/// Refuses what would not fit into memory.
pub(super) fn check_memory(pipeline: &DiffusionPipeline, request: &Request) -> Result<()> {
    let scale = pipeline.vae.scale_factor();
    let batch = if Guidance::of(request).is_on() { 2 * request.count } else { request.count };
    memory::check(pipeline, batch, request.height / scale, request.width / scale)
}

/// The text as the UNet reads it, `[batch, tokens, width]`; under guidance the negative prompts come first.
pub(super) fn encode_prompt(pipeline: &DiffusionPipeline, request: &Request, guidance: Guidance) -> Result<Tensor<3>> {
    let mut prompts = vec![pipeline.tokenizer.encode(&request.prompt)?];
    if guidance.is_on() {
        prompts.insert(0, pipeline.tokenizer.encode(&request.negative_prompt)?);
    }
    let embeds = pipeline.text_encoder.forward(&prompts)?;
    let [halves, tokens, width] = embeds.dims();
    let each = |i| embeds.clone().narrow(0, i, 1).expand([request.count, tokens, width]);
    Ok(Tensor::cat((0..halves).map(each).collect(), 0))
}

/// Unit noise at the sampler's first level, `[batch, channels, height, width]`, f32.
pub(super) fn initial_latents(
    pipeline: &DiffusionPipeline,
    request: &Request,
    init_noise_sigma: f64,
    generators: &mut Generators,
) -> Tensor<4> {
    let scale = pipeline.vae.scale_factor();
    let shape = [request.count, pipeline.vae.latent_channels(), request.height / scale, request.width / scale];
    let noise = TensorData::new(generators.randn(shape), shape);
    Tensor::from_data(noise, (&pipeline.compute.device, DType::F32)) * init_noise_sigma
}

/// A denoising under way: latents, what clears them, and what they are to become.
pub(super) struct Denoising<'a> {
    pub(super) pipeline: &'a DiffusionPipeline,
    pub(super) scheduler: Box<dyn Scheduler>,
    /// `[batch, channels, height, width]`, f32, at the level of the next step.
    pub(super) latents: Tensor<4>,
    /// `[batch, tokens, width]`; under guidance the negative prompts come first.
    pub(super) prompt_embeds: Tensor<3>,
    pub(super) guidance: Guidance,
    pub(super) generators: Generators,
    /// Which of several drawn side by side it is, counted from 0.
    pub(super) variant: usize,
    /// The next step.
    pub(super) index: usize,
}

impl Denoising<'_> {
    /// Steps that are done, and all there are.
    pub(super) fn progress(&self) -> (usize, usize) {
        (self.index, self.scheduler.timesteps().len())
    }

    /// Does what is left. `None` when cancelled.
    pub(super) fn finish(mut self, hooks: &mut Hooks<'_>) -> Result<Option<Tensor<4>>> {
        if let Some(trace) = &mut hooks.trace {
            let values: Vec<f32> = self.scheduler.timesteps().iter().map(|t| *t as f32).collect();
            trace.record("timesteps", [values.len()], &values);
        }
        let mut pace = Pace::BlockByBlock;
        while self.index < self.progress().1 {
            let began = Instant::now();
            if !self.step(pace, hooks)? {
                return Ok(None);
            }
            pace = pace_after(began.elapsed());
        }
        Ok(Some(self.latents))
    }

    /// Does the next step, and tells of it. `false` when cancelled.
    pub(super) fn step(&mut self, pace: Pace, hooks: &mut Hooks<'_>) -> Result<bool> {
        let (pipeline, index, latents) = (self.pipeline, self.index, &self.latents);
        let (timesteps, of) = (self.scheduler.timesteps(), self.progress().1);
        let Some(&timestep) = timesteps.get(index) else { return Ok(true) };
        let is_guided = self.guidance.is_on();
        let input = if is_guided { Tensor::cat(vec![latents.clone(), latents.clone()], 0) } else { latents.clone() };
        let input = self.scheduler.scale_model_input(input, index).cast(pipeline.compute.dtype);
        let Some(output) = pipeline.unet.forward(input, timestep, &self.prompt_embeds, pace, hooks.cancel) else {
            return Ok(false);
        };
        let output = self.guidance.apply(output.cast(DType::F32));
        let step = self.scheduler.step(output, index, latents.clone(), &mut self.generators)?;
        self.latents = step.prev_sample;
        self.index += 1;
        // Without waiting the whole run would be queued at once: no progress to show, nothing to cancel.
        pipeline.compute.device.sync().map_err(|e| Error::new("The device failed during a step").caused_by(e))?;
        // What was interrupted means nothing.
        if hooks.cancel.is_cancelled() {
            return Ok(false);
        }
        record(hooks, &format!("latents_{index}"), || self.latents.clone());
        let mut decode = || preview(pipeline, &step.pred_original_sample, hooks.cancel);
        let mut sketch = || sketch::draw(&step.pred_original_sample).map(Some);
        let flow = (hooks.on_step)(Step {
            variant: self.variant,
            index,
            of,
            timestep,
            latents: &self.latents,
            pred_original_sample: &step.pred_original_sample,
            decode: &mut decode,
            sketch: if pipeline.can_sketch { Some(&mut sketch) } else { None },
        });
        Ok(flow == ControlFlow::Continue(()) && !hooks.cancel.is_cancelled())
    }
}

/// How the step after one that took this long is done.
pub(super) fn pace_after(step: Duration) -> Pace {
    if step.as_secs_f64() > LONG_STEP_SECS { Pace::BlockByBlock } else { Pace::AtOnce }
}

/// The first picture of a batch of latents, as it would be if these were the last. `None` when cancelled.
fn preview(pipeline: &DiffusionPipeline, latents: &Tensor<4>, cancel: &CancelToken) -> Result<Option<RgbImage>> {
    let Some(picture) = decode_one(pipeline, latents.clone().narrow(0, 0, 1), cancel) else { return Ok(None) };
    let [_, _, height, width] = picture.dims();
    let picture = rgb_image_from_unit(&values(picture)?, width, height)?;
    // What was interrupted means nothing.
    Ok((!cancel.is_cancelled()).then_some(picture))
}

/// Latents to pictures, one after the other so that memory doesn't grow with the batch.
pub(super) fn decode(pipeline: &DiffusionPipeline, latents: &Tensor<4>, hooks: &mut Hooks<'_>) -> Result<Run> {
    let mut pictures = Vec::new();
    let mut traced = Vec::new();
    let count = latents.dims()[0];
    for k in 0..count {
        let Some(picture) = decode_one(pipeline, latents.clone().narrow(0, k, 1), hooks.cancel) else {
            return Ok(Run::Cancelled);
        };
        let [_, _, height, width] = picture.dims();
        let values = values(picture)?;
        if hooks.cancel.is_cancelled() {
            return Ok(Run::Cancelled);
        }
        if values.iter().any(|x| !x.is_finite()) {
            return Err(Error::new("The picture came out as NaN: the model's numbers overflowed")
                .advise("Try --dtype f32, another sampler or a lower guidance scale"));
        }
        pictures.push(rgb_image_from_unit(&values, width, height)?.into());
        if let Some(trace) = &mut hooks.trace {
            traced.extend(values);
            if k + 1 == count {
                let shape = if count == 1 { vec![height, width, 3] } else { vec![count, height, width, 3] };
                trace.record("image", shape, &traced);
            }
        }
    }
    Ok(Run::Done(pictures))
}

/// One picture in 0..1, `[1, 3, height, width]`; `None` when cancelled.
fn decode_one(pipeline: &DiffusionPipeline, latents: Tensor<4>, cancel: &CancelToken) -> Option<Tensor<4>> {
    let [_, _, height, width] = latents.dims();
    let latents = pipeline.vae.unscale_latents(latents).cast(pipeline.compute.dtype);
    let picture = match memory::decode_tile(pipeline, height, width) {
        None => pipeline.vae.decode(latents, cancel),
        Some(tile) => pipeline.vae.decode_tiled(&latents, tile, cancel),
    }?;
    // `VaeImageProcessor.denormalize`.
    Some((picture.cast(DType::F32) * 0.5 + 0.5).clamp(0.0, 1.0))
}

/// A picture's values in the order of pixels: `[height, width, 3]`, row-major.
fn values(picture: Tensor<4>) -> Result<Vec<f32>> {
    read(picture.permute([0, 2, 3, 1]))
}

/// Reads a tensor back from the device.
pub(super) fn read<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    let failed = |e: &dyn std::fmt::Debug| Error::new(format!("The device failed: {e:?}"));
    let data = tensor.cast(DType::F32).try_into_data().map_err(|e| failed(&e))?;
    data.try_into_vec().map_err(|e| failed(&e))
}

/// Keeps a tensor in the trace, if there is one.
pub(super) fn record<const D: usize>(hooks: &mut Hooks<'_>, name: &str, tensor: impl FnOnce() -> Tensor<D>) {
    if let Some(trace) = &mut hooks.trace {
        let tensor = tensor();
        let shape = tensor.dims();
        // What can't be read back is left out: the run itself fails at its next step.
        if let Ok(values) = read(tensor) {
            trace.record(name, shape, &values);
        }
    }
}
