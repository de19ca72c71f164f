//! Classifier-free guidance, and the denoiser that reads text.

use std::sync::Arc;

use burn::tensor::{DType, Tensor};
use image::RgbImage;

use super::conditioning::Conditioning;
use super::decode::preview;
use super::denoise::{After, At, Denoiser};
use super::sketch;
use super::stable_diffusion::StableDiffusion;
use crate::base::cancel::CancelToken;
use crate::base::device::ComputeDevice;
use crate::base::error::Result;
use crate::content::request::Request;
use crate::models::unet_2d_condition::UNet2DConditionModel;

/// Classifier-free guidance (Ho and Salimans, 2022), as Diffusers applies it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guidance {
    scale: f64,
    rescale: f64,
}

impl Guidance {
    pub(super) fn of(request: &Request) -> Self {
        Self { scale: request.guidance.scale, rescale: request.guidance.rescale }
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

/// A text-guided model at work on one prompt.
pub(super) struct Guided<'a> {
    pub(super) model: &'a StableDiffusion,
    /// The model's, held for as long as it is at work.
    pub(super) unet: Arc<UNet2DConditionModel>,
    /// `[batch, tokens, width]`; under guidance the negative prompts come first.
    pub(super) prompt_embeds: Tensor<3>,
    pub(super) guidance: Guidance,
    pub(super) conditioning: Conditioning,
}

impl Denoiser for Guided<'_> {
    fn compute(&self) -> &ComputeDevice {
        &self.model.compute
    }

    fn predict(&self, latents: &Tensor<4>, at: At<'_>, _: &CancelToken) -> Option<Tensor<4>> {
        let mut input = at.scheduler.scale_model_input(latents.clone(), at.index);
        if let Some(channels) = &self.conditioning.channels {
            input = Tensor::cat(vec![input, channels.clone()], 1);
        }
        if self.guidance.is_on() {
            input = Tensor::cat(vec![input.clone(), input], 0);
        }
        let input = input.cast(self.model.compute.dtype);
        let output = self.unet.forward(input, at.timestep, &self.prompt_embeds, at.pace).ok()?;
        Some(self.guidance.apply(output.cast(DType::F32)))
    }

    fn after_step(&self, latents: Tensor<4>, after: After<'_>) -> Tensor<4> {
        match &self.conditioning.keep {
            Some(keep) => keep.apply(latents, after.scheduler, after.next, after.progress),
            None => latents,
        }
    }

    fn look(&self, latents: &Tensor<4>, cancel: &CancelToken) -> Result<Option<RgbImage>> {
        preview(self.model, latents, cancel)
    }

    fn sketch(&self) -> Option<fn(&Tensor<4>) -> Result<RgbImage>> {
        self.model.parts.can_sketch.then_some(sketch::draw)
    }
}
