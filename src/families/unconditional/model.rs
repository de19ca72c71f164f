//! A model that draws pixels.
//!
//! As in Diffusers, the noise is taken as it is drawn, and the sampler doesn't scale what the model sees: samplers that count on
//! either (Euler and its like) give noise.

use std::sync::Arc;

use burn::tensor::{DType, Tensor};

use super::pixels::PixelCodec;
use crate::base::error::Error;
use crate::base::stop::Outcome;
use crate::content::request::TaskKind;
use crate::families::codec::LatentCodec;
use crate::families::component::ComponentId;
use crate::families::components::Components;
use crate::families::conditioning::{Conditioning, PromptPair};
use crate::families::denoiser::{Denoiser, DenoiserInput};
use crate::families::footprint::{Footprint, NetworkCost, StageComponents};
use crate::families::model::{GuidanceKind, Model, ModelSpec};
use crate::families::sizes::sample_size;
use crate::families::slot::{AnySlot, ModelFiles, OnHeaders, Slot};
use crate::models::unet_2d::UNet2DModel;
use crate::schedulers::{Scheduler, SchedulerKind};

/// Layers of the first level that are alive at once in a step.
const LIVE_LAYERS: u64 = 40;
/// How many times as wide as the first level the widest tensor is: where the last up block begins, two levels and a skip meet.
const WIDEST: u64 = 3;

/// An unconditional model on a device.
pub(super) struct UnconditionalModel {
    spec: ModelSpec,
    files: Arc<ModelFiles>,
    components: Components,
    unet: Arc<Slot<UNet2DModel>>,
    codec: PixelCodec,
}

impl UnconditionalModel {
    /// Opens a model without its weights.
    ///
    /// # Errors
    /// An option that isn't built here, weights that don't fit their config, a UNet that draws no pictures; what `on_headers`
    /// says.
    pub(super) fn open(files: Arc<ModelFiles>, on_headers: &mut OnHeaders<'_>) -> Outcome<Self> {
        let unet = Slot::new(ComponentId::UNET, &files, UNet2DModel::new, on_headers)?;
        let channels = unet.outline.in_channels();
        let codec = PixelCodec::of(channels).ok_or_else(|| {
            Error::new(format!("The unet draws {channels} channels, which is no picture"))
                .advise("An unconditional model draws 1 channel (grey) or 3 (colours)")
        })?;
        let components = Components::new(Arc::clone(&files), vec![unet.clone() as Arc<dyn AnySlot>]);
        let mut scheduler_config = files.checkpoint.component("scheduler")?.config.clone();
        if files.checkpoint.class_name() == "DDIMPipeline" {
            // `DDIMScheduler.from_config(scheduler.config)`, in its constructor.
            scheduler_config.insert("_class_name".into(), "DDIMScheduler".into());
        }
        let spec = ModelSpec {
            tasks: &[TaskKind::Unconditional],
            size: sample_size(&files.checkpoint.component(ComponentId::UNET.name())?.config),
            size_multiple: unet.outline.side_multiple(),
            steps: files.checkpoint.pipeline().steps,
            guidance_scale: files.checkpoint.pipeline().guidance_scale,
            guidance: GuidanceKind::None,
            scales_noise: false,
            reads_mask: false,
            scheduler_config,
        };
        Ok(Self { spec, files, components, unet, codec })
    }
}

impl Model for UnconditionalModel {
    fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    fn components(&self) -> &Components {
        &self.components
    }

    fn footprint(&self) -> Footprint {
        let channels = self.unet.outline.first_channels() as u64;
        let (widest, alive) = (channels * WIDEST, channels * LIVE_LAYERS);
        Footprint {
            parameters: self.components.parameters(),
            capacity: self.files.compute.capacity(),
            stages: StageComponents { denoise: vec![ComponentId::UNET], ..StageComponents::default() },
            denoiser: NetworkCost { widest, alive, convolved: widest },
            codec: NetworkCost::default(),
            depth: 0,
            channels: self.codec.channels(),
            factor: self.codec.factor(),
            size: self.spec.size,
            size_multiple: self.spec.size_multiple,
            looks_decode: false,
            asks_twice: false,
        }
    }

    fn encode(&self, _prompts: PromptPair<'_>) -> Outcome<Conditioning> {
        Ok(Conditioning::default())
    }

    fn denoiser(&self) -> Outcome<Arc<dyn Denoiser>> {
        Ok(Arc::new(PixelUNet { unet: self.unet.take()?, dtype: self.files.compute.dtype }))
    }

    fn codec(&self) -> &dyn LatentCodec {
        &self.codec
    }

    fn objection(&self, kind: SchedulerKind, scheduler: &Scheduler) -> Option<Error> {
        ((scheduler.init_noise_sigma() - 1.0).abs() > f64::EPSILON).then(|| {
            let label = kind.label();
            Error::new(format!("{label} gives noise here: as in DDPMPipeline, it gets noise that it expects scaled"))
                .advise("Choose ddpm or ddim")
        })
    }
}

/// The UNet at work.
struct PixelUNet {
    unet: Arc<UNet2DModel>,
    dtype: DType,
}

impl Denoiser for PixelUNet {
    fn predict(&self, input: DenoiserInput<'_>) -> Outcome<Tensor<4>> {
        self.unet.forward(input.sample.cast(self.dtype), input.timestep, input.pace)
    }
}
