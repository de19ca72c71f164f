//! A model that reads text and draws in latents.

use std::sync::Arc;

use burn::tensor::{DType, Tensor};
use image::RgbImage;

use super::depth::DepthEstimator;
use super::latents::sketch_map;
use super::safety::SafetyChecker;
use super::text::TextReader;
use crate::base::error::{Error, Result};
use crate::base::stop::Outcome;
use crate::content::imaging::depth::DepthMap;
use crate::content::request::{TaskKind, Verdict};
use crate::content::text::Tokenizer;
use crate::families::codec::{LatentCodec, LatentScale};
use crate::families::component::ComponentId;
use crate::families::components::Components;
use crate::families::conditioning::{Conditioning, PromptPair};
use crate::families::denoiser::{Denoiser, DenoiserInput};
use crate::families::footprint::{Footprint, NetworkCost, StageComponents};
use crate::families::kl_codec::KlCodec;
use crate::families::model::{GuidanceKind, Model, ModelSpec, no_depth_estimator};
use crate::families::sizes::sample_size;
use crate::families::slot::{AnySlot, ModelFiles, OnHeaders, Slot, of_component};
use crate::models::autoencoder_kl::AutoencoderKL;
use crate::models::clip::ClipTextModel;
use crate::models::dpt::DptForDepthEstimation;
use crate::models::safety_checker::StableDiffusionSafetyChecker;
use crate::models::unet_2d_condition::UNet2DConditionModel;

/// Layers of the first level that are alive at once in a UNet step: its skips and the widest transformer layer.
const LIVE_LAYERS: u64 = 40;
/// How many times as wide as the first level the widest tensor is: between the two layers of a transformer's feed-forward part.
const WIDEST: u64 = 8;
/// The same for the widest input of a convolution: where the last up block begins, two levels and a skip meet.
const WIDEST_CONVOLVED: u64 = 3;

/// A text-guided model on a device.
pub(super) struct StableDiffusionModel {
    spec: ModelSpec,
    files: Arc<ModelFiles>,
    components: Components,
    text: TextReader,
    unet: Arc<Slot<UNet2DConditionModel>>,
    codec: KlCodec,
    safety_checker: Option<SafetyChecker>,
    depth_estimator: Option<DepthEstimator>,
}

impl StableDiffusionModel {
    /// Opens a model without its weights.
    ///
    /// # Errors
    /// An option that isn't built here, weights that don't fit their config, components that don't fit each other; what
    /// `on_headers` says.
    pub(super) fn open(files: Arc<ModelFiles>, on_headers: &mut OnHeaders<'_>) -> Outcome<Self> {
        let text_encoder = Slot::new(ComponentId::TEXT_ENCODER, &files, ClipTextModel::new, on_headers)?;
        let unet = Slot::new(ComponentId::UNET, &files, UNet2DConditionModel::new, on_headers)?;
        let vae = Slot::new(ComponentId::VAE, &files, AutoencoderKL::new, on_headers)?;
        let checker =
            Slot::if_there(ComponentId::SAFETY_CHECKER, &files, StableDiffusionSafetyChecker::new, on_headers)?;
        let estimator = Slot::if_there(ComponentId::DEPTH_ESTIMATOR, &files, DptForDepthEstimation::new, on_headers)?;
        let tasks = tasks(&text_encoder.outline, &unet.outline, &vae.outline, estimator.is_some())?;

        // In the order of what it costs to load them again.
        let mut slots: Vec<Arc<dyn AnySlot>> = vec![unet.clone(), vae.clone(), text_encoder.clone()];
        slots.extend(estimator.clone().map(|slot| slot as Arc<dyn AnySlot>));
        slots.extend(checker.clone().map(|slot| slot as Arc<dyn AnySlot>));
        let components = Components::new(Arc::clone(&files), slots);

        let config = |component: ComponentId| files.checkpoint.component(component.name()).map(|found| &found.config);
        let vae_config = config(ComponentId::VAE)?;
        let scale = LatentScale::of(vae_config, vae.outline.latent_channels());
        let scale = scale.map_err(|error| of_component(ComponentId::VAE, error))?;
        let factor = vae.outline.scale_factor();
        let (width, height) = sample_size(config(ComponentId::UNET)?);
        let spec = ModelSpec {
            tasks,
            size: (width * factor, height * factor),
            size_multiple: factor,
            steps: files.checkpoint.pipeline().steps,
            guidance_scale: files.checkpoint.pipeline().guidance_scale,
            guidance: GuidanceKind::ClassifierFree,
            scales_noise: true,
            reads_mask: unet.outline.in_channels() > vae.outline.latent_channels(),
            scheduler_config: files.checkpoint.component("scheduler")?.config.clone(),
        };
        Ok(Self {
            spec,
            components,
            text: TextReader::new(text_encoder, &files)?,
            unet,
            codec: KlCodec::new(vae, files.compute.dtype, scale, sketch_map(vae_config)),
            safety_checker: checker.map(|slot| SafetyChecker::new(slot, &files)).transpose()?,
            depth_estimator: estimator.map(|slot| DepthEstimator::new(slot, &files)).transpose()?,
            files,
        })
    }
}

/// Finds the tasks that the model can do, which show in what its UNet reads.
///
/// # Errors
/// Components of one model fit each other; those of a folder put together by hand may not.
fn tasks(
    text_encoder: &ClipTextModel,
    unet: &UNet2DConditionModel,
    vae: &AutoencoderKL,
    has_depth_estimator: bool,
) -> Result<&'static [TaskKind]> {
    let (width, read) = (text_encoder.width(), unet.cross_attention_dim());
    if width != read {
        return Err(Error::new(format!("The text encoder gives {width} values a token, but the unet reads {read}"))
            .advise("Take both from the same model"));
    }
    let (latents, inputs) = (vae.latent_channels(), unet.in_channels());
    if inputs == latents {
        Ok(&[TaskKind::TextToImage, TaskKind::ImageToImage, TaskKind::Inpaint])
    } else if inputs == 2 * latents + 1 {
        // The latents, the mask, and the latents of the picture with its hole.
        Ok(&[TaskKind::Inpaint])
    } else if inputs == latents + 1 && has_depth_estimator {
        Ok(&[TaskKind::DepthToImage])
    } else if inputs == latents + 1 {
        Err(Error::new("The unet reads a depth beside the latents, but the model has no depth_estimator")
            .advise("The model isn't complete: download all of it"))
    } else {
        Err(Error::new(format!("The vae has {latents} latent channels, but the unet reads {inputs}"))
            .advise("Take both from the same model"))
    }
}

impl Model for StableDiffusionModel {
    fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    fn components(&self) -> &Components {
        &self.components
    }

    fn footprint(&self) -> Footprint {
        let channels = self.unet.outline.first_channels() as u64;
        let stages = StageComponents {
            encode: vec![ComponentId::TEXT_ENCODER],
            denoise: vec![ComponentId::UNET],
            code: vec![ComponentId::VAE],
            depth: self.depth_estimator.iter().map(|_| ComponentId::DEPTH_ESTIMATOR).collect(),
            safety: self.safety_checker.iter().map(|_| ComponentId::SAFETY_CHECKER).collect(),
        };
        Footprint {
            parameters: self.components.parameters(),
            capacity: self.files.compute.capacity(),
            stages,
            denoiser: NetworkCost {
                widest: channels * WIDEST,
                alive: channels * LIVE_LAYERS,
                convolved: channels * WIDEST_CONVOLVED,
            },
            codec: self.codec.cost(),
            depth: self.depth_estimator.as_ref().map_or(0, DepthEstimator::cost),
            channels: self.codec.channels(),
            factor: self.codec.factor(),
            size: self.spec.size,
            size_multiple: self.spec.size_multiple,
            looks_decode: self.codec.sketch().is_none(),
            asks_twice: true,
        }
    }

    fn encode(&self, prompts: PromptPair<'_>) -> Outcome<Conditioning> {
        Ok(Conditioning { text: Some(self.text.encode(prompts)?), ..Conditioning::default() })
    }

    fn denoiser(&self) -> Outcome<Arc<dyn Denoiser>> {
        Ok(Arc::new(TextGuidedUNet { unet: self.unet.take()?, dtype: self.files.compute.dtype }))
    }

    fn codec(&self) -> &dyn LatentCodec {
        &self.codec
    }

    fn tokenizer(&self) -> Option<&Arc<dyn Tokenizer>> {
        Some(&self.text.tokenizer)
    }

    fn estimate_depth(&self, picture: &RgbImage) -> Outcome<DepthMap> {
        self.depth_estimator.as_ref().ok_or_else(no_depth_estimator)?.estimate(picture, &self.files)
    }

    fn judge(&self, picture: &RgbImage) -> Outcome<Option<Verdict>> {
        self.safety_checker.as_ref().map(|checker| checker.judge(picture, &self.files)).transpose()
    }
}

/// The UNet at work.
struct TextGuidedUNet {
    unet: Arc<UNet2DConditionModel>,
    dtype: DType,
}

impl Denoiser for TextGuidedUNet {
    fn predict(&self, input: DenoiserInput<'_>) -> Outcome<Tensor<4>> {
        let no_text = || Error::new("The unet reads a text, and there is none");
        let text = input.conditioning.text.as_ref().ok_or_else(no_text)?;
        self.unet.forward(input.sample.cast(self.dtype), input.timestep, text, input.residuals, input.pace)
    }
}
