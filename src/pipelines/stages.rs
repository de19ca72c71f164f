//! The stages that all tasks are made of: encode the prompt, make latents, denoise, decode.

use std::ops::ControlFlow;
use std::time::Instant;

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

/// The denoising loop. `None` when cancelled.
pub(super) fn denoise(
    pipeline: &DiffusionPipeline,
    scheduler: &mut dyn Scheduler,
    mut latents: Tensor<4>,
    prompt_embeds: &Tensor<3>,
    guidance: Guidance,
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
        let input =
            if guidance.is_on() { Tensor::cat(vec![latents.clone(), latents.clone()], 0) } else { latents.clone() };
        let input = scheduler.scale_model_input(input, index).cast(pipeline.compute.dtype);
        let Some(output) = pipeline.unet.forward(input, timestep, prompt_embeds, pace, hooks.cancel) else {
            return Ok(None);
        };
        let output = guidance.apply(output.cast(DType::F32));
        let step = scheduler.step(output, index, latents, generators)?;
        latents = step.prev_sample;
        // Without waiting the whole run would be queued at once: no progress to show, nothing to cancel.
        pipeline.compute.device.sync().map_err(|e| Error::new("The device failed during a step").caused_by(e))?;
        // What was interrupted means nothing.
        if hooks.cancel.is_cancelled() {
            return Ok(None);
        }
        step_secs = began.elapsed().as_secs_f64();
        record(hooks, &format!("latents_{index}"), || latents.clone());
        let mut decode = || preview(pipeline, &step.pred_original_sample, hooks.cancel);
        let mut sketch = || sketch::draw(&step.pred_original_sample).map(Some);
        let flow = (hooks.on_step)(Step {
            index,
            of: timesteps.len(),
            timestep,
            latents: &latents,
            pred_original_sample: &step.pred_original_sample,
            decode: &mut decode,
            sketch: if pipeline.can_sketch { Some(&mut sketch) } else { None },
        });
        if flow == ControlFlow::Break(()) || hooks.cancel.is_cancelled() {
            return Ok(None);
        }
    }
    Ok(Some(latents))
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
