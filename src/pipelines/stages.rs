//! The stages that text-guided tasks begin with: check the memory, encode the prompt, make latents. The loop is in `denoise`, the
//! end in `decode`.

use burn::tensor::{DType, Tensor, TensorData};

use super::Hooks;
use super::guidance::Guidance;
use super::memory::{self, Work};
use super::stable_diffusion::StableDiffusion;
use crate::error::{Error, Result};
use crate::request::Request;
use crate::rng::Generators;
use crate::schedulers::{Scheduler, SchedulerConfig, SchedulerKind};

/// Refuses what would not fit into memory.
pub(super) fn check_memory(model: &StableDiffusion, request: &Request) -> Result<()> {
    let scale = model.vae.scale_factor();
    let work = Work {
        batch: if Guidance::of(request).is_on() { 2 * request.count } else { request.count },
        height: request.height / scale,
        width: request.width / scale,
        channels: model.unet.first_channels(),
        // Between the two layers of a transformer's feed-forward part.
        widest: 8,
        scale,
    };
    memory::check(&model.compute, work)
}

/// The sampler that the request asks for, or else the checkpoint's own.
pub(super) fn scheduler(config: &SchedulerConfig, request: &Request) -> Result<Box<dyn Scheduler>> {
    let kind = request.scheduler.map_or_else(|| SchedulerKind::from_config(config), Ok)?;
    kind.build(config, request.steps, &request.sampling)
}

/// The text as the UNet reads it, `[batch, tokens, width]`; under guidance the negative prompts come first.
pub(super) fn encode_prompt(model: &StableDiffusion, request: &Request, guidance: Guidance) -> Result<Tensor<3>> {
    let mut prompts = vec![model.tokenizer.encode(&request.prompt)?];
    if guidance.is_on() {
        prompts.insert(0, model.tokenizer.encode(&request.negative_prompt)?);
    }
    let embeds = model.text_encoder.forward(&prompts)?;
    let [halves, tokens, width] = embeds.dims();
    let each = |i| embeds.clone().narrow(0, i, 1).expand([request.count, tokens, width]);
    Ok(Tensor::cat((0..halves).map(each).collect(), 0))
}

/// Unit noise at the sampler's first level, `[batch, channels, height, width]`, f32.
pub(super) fn initial_latents(
    model: &StableDiffusion,
    request: &Request,
    init_noise_sigma: f64,
    generators: &mut Generators,
) -> Tensor<4> {
    let scale = model.vae.scale_factor();
    let shape = [request.count, model.vae.latent_channels(), request.height / scale, request.width / scale];
    let noise = TensorData::new(generators.randn(shape), shape);
    Tensor::from_data(noise, (&model.compute.device, DType::F32)) * init_noise_sigma
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
