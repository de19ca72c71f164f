//! The components of a model that reads text and draws in latents: Stable Diffusion 1 and 2 and their variants.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use burn::module::Module;
use image::RgbImage;

use super::depth_estimator::{self, DepthEstimator};
use super::opening::{Opening, build, config, sample_size};
use super::safety::{self, SafetyChecker};
use super::{Loading, sketch};
use crate::checkpoint::{Checkpoint, ModelRef};
use crate::device::ComputeDevice;
use crate::error::{Error, Result};
use crate::imaging::depth::DepthMap;
use crate::models::autoencoder_kl::AutoencoderKL;
use crate::models::clip::ClipTextModel;
use crate::models::clip_tokenizer::ClipTokenizer;
use crate::models::unet_2d_condition::UNet2DConditionModel;
use crate::request::TaskKind;
use crate::schedulers::SchedulerConfig;

/// A text-guided model with its weights, on a device.
pub(super) struct StableDiffusion {
    pub(super) compute: ComputeDevice,
    pub(super) tokenizer: Arc<ClipTokenizer>,
    pub(super) text_encoder: ClipTextModel,
    pub(super) unet: UNet2DConditionModel,
    pub(super) vae: AutoencoderKL,
    pub(super) safety_checker: Option<SafetyChecker>,
    pub(super) depth_estimator: Option<DepthEstimator>,
    pub(super) scheduler_config: SchedulerConfig,
    /// Width and height that it is made for, in latents.
    sample_size: (usize, usize),
    /// Whether its latents are those of Stable Diffusion 1 and 2.
    pub(super) can_sketch: bool,
}

impl StableDiffusion {
    /// Loads the components that the checkpoint has; `None` when `on_loading` stopped it.
    ///
    /// # Errors
    /// An option that we don't know, weights that don't fit their config, components that don't fit each other.
    pub(super) fn open(
        model: &ModelRef,
        checkpoint: &Checkpoint,
        compute: ComputeDevice,
        on_loading: &mut dyn FnMut(Loading<'_>) -> ControlFlow<()>,
    ) -> Result<Option<Self>> {
        let device = &compute.device;
        let unet = build(checkpoint, "unet", |config| UNet2DConditionModel::new(config, device))?;
        let vae = build(checkpoint, "vae", |config| AutoencoderKL::new(config, device))?;
        let text_encoder = build(checkpoint, "text_encoder", |config| ClipTextModel::new(config, device))?;
        let tokenizer = ClipTokenizer::from_files(Path::new(&format!("{model}/tokenizer")), &|name| {
            checkpoint.bytes(&format!("tokenizer/{name}"))
        })?;
        let safety_checker = SafetyChecker::build(checkpoint, &compute)?;
        let depth_estimator = DepthEstimator::build(checkpoint, &compute)?;
        let mut components = vec!["text_encoder", "unet", "vae"];
        components.extend(safety_checker.is_some().then_some(safety::COMPONENT));
        components.extend(depth_estimator.is_some().then_some(depth_estimator::COMPONENT));
        let mut opening = Opening::new(checkpoint, &compute, &components, on_loading)?;
        let Some(text_encoder) = opening.load("text_encoder", text_encoder)? else { return Ok(None) };
        let Some(unet) = opening.load("unet", unet)? else { return Ok(None) };
        let Some(vae) = opening.load("vae", vae)? else { return Ok(None) };
        let safety_checker = match safety_checker.map(|checker| checker.load(&mut opening)).transpose()? {
            Some(None) => return Ok(None),
            loaded => loaded.flatten(),
        };
        let depth_estimator = match depth_estimator.map(|estimator| estimator.load(&mut opening)).transpose()? {
            Some(None) => return Ok(None),
            loaded => loaded.flatten(),
        };
        let opened = Self {
            tokenizer: Arc::new(tokenizer),
            text_encoder,
            unet,
            vae,
            safety_checker,
            depth_estimator,
            scheduler_config: config(checkpoint, "scheduler")?.clone(),
            sample_size: sample_size(config(checkpoint, "unet")?),
            can_sketch: sketch::knows(config(checkpoint, "vae")?),
            compute,
        };
        opened.check_fit()?;
        Ok(Some(opened))
    }

    /// Components of one model fit each other; a folder put together by hand may not.
    fn check_fit(&self) -> Result<()> {
        let (text, unet) = (self.text_encoder.width(), self.unet.cross_attention_dim());
        if text != unet {
            return Err(Error::new(format!("The text encoder gives {text} values a token, but the unet reads {unet}"))
                .advise("Take both from the same model"));
        }
        let (latents, inputs) = (self.vae.latent_channels(), self.unet.in_channels());
        if inputs == latents + 1 && self.depth_estimator.is_none() {
            return Err(Error::new("The unet reads a depth beside the latents, but the model has no depth_estimator")
                .advise("The model isn't complete: download all of it"));
        }
        if self.tasks().is_empty() {
            return Err(Error::new(format!("The vae has {latents} latent channels, but the unet reads {inputs}"))
                .advise("Take both from the same model"));
        }
        Ok(())
    }

    /// What it can do, which shows in what its unet reads.
    pub(super) fn tasks(&self) -> &'static [TaskKind] {
        let (latents, inputs) = (self.vae.latent_channels(), self.unet.in_channels());
        if inputs == latents {
            &[TaskKind::TextToImage, TaskKind::ImageToImage, TaskKind::Inpaint]
        } else if inputs == 2 * latents + 1 {
            // The latents, the mask, and the latents of the picture with its hole.
            &[TaskKind::Inpaint]
        } else if inputs == latents + 1 && self.depth_estimator.is_some() {
            &[TaskKind::DepthToImage]
        } else {
            &[]
        }
    }

    /// How near everything in a picture is.
    ///
    /// # Errors
    /// The model has no depth estimator, or its parts don't fit each other.
    pub(super) fn estimate_depth(&self, picture: &RgbImage) -> Result<DepthMap> {
        let Some(estimator) = &self.depth_estimator else { return Err(no_depth_estimator()) };
        estimator.estimate(picture, &self.compute)
    }

    /// Width and height that it is made for, in pixels.
    pub(super) fn default_size(&self) -> (usize, usize) {
        let ((width, height), scale) = (self.sample_size, self.vae.scale_factor());
        (width * scale, height * scale)
    }

    /// How many parameters it has.
    pub(super) fn num_params(&self) -> usize {
        self.text_encoder.num_params() + self.unet.num_params() + self.vae.num_params()
    }
}

/// What is said of a model that can't tell near from far.
pub(super) fn no_depth_estimator() -> Error {
    Error::new("This model can't tell near from far: it has no depth estimator")
        .advise(format!("Choose a depth map of your own, or {}", TaskKind::DepthToImage.suitable_models()))
}
