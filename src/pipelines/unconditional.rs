//! Models that draw pictures of the kind they were trained on, as Diffusers' `DDPMPipeline` and `DDIMPipeline`.
//!
//! As there, the model works on pixels, the noise is taken as it is drawn, and the sampler doesn't scale what the model sees:
//! samplers that count on either (Euler and its like) give noise.

use std::ops::ControlFlow;
use std::sync::Arc;

use burn::tensor::{DType, Tensor, TensorData};
use image::RgbImage;

use super::decode::{finish, picture_of, to_unit};
use super::denoise::{At, Denoiser, Denoising};
use super::memory::{Footprint, Room, Wish};
use super::opening::{Loading, Opening, config, sample_size};
use super::rewind::{Place, Start};
use super::slot::Slot;
use super::stages::{record, scheduler};
use super::{Hooks, Phase, Run};
use crate::base::cancel::CancelToken;
use crate::base::device::ComputeDevice;
use crate::base::error::{Error, Result};
use crate::base::rng::Generators;
use crate::content::request::{Request, SafetyMode};
use crate::models::unet_2d::UNet2DModel;
use crate::schedulers::{Scheduler, SchedulerConfig, SchedulerKind};
use crate::storage::checkpoint::Checkpoint;

/// An unconditional model with its weights, on a device.
pub(super) struct Unconditional {
    pub(super) compute: ComputeDevice,
    unet: Arc<UNet2DModel>,
    footprint: Footprint,
    /// What is to be said of the model's files.
    pub(super) notes: Vec<String>,
    pub(super) scheduler_config: SchedulerConfig,
}

impl Unconditional {
    /// Loads the model; `None` when `on_loading` stopped it.
    ///
    /// # Errors
    /// An option that we don't know, or weights that don't fit their config.
    pub(super) fn open(
        checkpoint: &Checkpoint,
        compute: ComputeDevice,
        on_loading: &mut dyn FnMut(Loading<'_>) -> ControlFlow<()>,
    ) -> Result<Option<Self>> {
        let slot = Slot::new(checkpoint, &compute)?;
        let footprint = footprint(checkpoint, &compute, &slot)?;
        let usual = Wish { batch: 1, ..Wish::usual(&footprint) };
        let room = Room { needed: footprint.plan(&usual, None).peak_bytes, memory: compute.memory };
        if on_loading(Loading { room: Some(room), ..Loading::default() }).is_break() {
            return Ok(None);
        }
        let mut opening = Opening::new(checkpoint, &compute, &[&slot.comparison], on_loading);
        if !slot.fill(&mut opening)? {
            return Ok(None);
        }
        let Some(unet) = slot.take(checkpoint, &compute, &CancelToken::new())? else { return Ok(None) };
        let mut scheduler_config = config(checkpoint, "scheduler")?.clone();
        if checkpoint.class_name() == "DDIMPipeline" {
            // `DDIMScheduler.from_config(scheduler.config)`, in its constructor.
            scheduler_config.insert("_class_name".into(), "DDIMScheduler".into());
        }
        let notes = slot.comparison.mismatch.note().map(|note| format!("unet: {note}"));
        Ok(Some(Self { compute, unet, footprint, notes: notes.into_iter().collect(), scheduler_config }))
    }

    /// Draws the request's pictures as one batch.
    pub(super) fn run(&self, request: &Request, start: Option<Start>, mut hooks: Hooks<'_>) -> Result<Run> {
        self.check_size(request)?;
        let mut scheduler = scheduler(&self.scheduler_config, request)?;

        (hooks.on_phase)(Phase::Denoising);
        let mut generators = Generators::per_image((0..request.seeds.count).map(|k| request.seed_of(k)));
        let shape = [request.seeds.count, self.unet.in_channels(), request.size.height, request.size.width];
        let noise = TensorData::new(generators.randn(shape), shape);
        let samples = Tensor::from_data(noise, (&self.compute.device, DType::F32));
        let (samples, generators, begin) = match start {
            None => (samples, generators, 0),
            Some(start) => {
                let Place { samples, generators, begin } = start.place(&mut scheduler, request)?;
                (samples, generators, begin)
            }
        };
        record(&mut hooks, "initial_latents", || samples.clone());
        let denoising = Denoising::new(self, scheduler, samples, generators, begin);
        let Some(drawn) = denoising.finish(&mut hooks)? else { return Ok(Run::Cancelled) };

        (hooks.on_phase)(Phase::Decoding);
        finish(request.seeds.count, &mut hooks, |k| Ok(Some(unit(&drawn, k))), |_| Ok(None), SafetyMode::Off)
    }

    /// Why a sampler gives noise here; `None` if it doesn't.
    pub(super) fn objection(kind: SchedulerKind, scheduler: &Scheduler) -> Option<Error> {
        ((scheduler.init_noise_sigma() - 1.0).abs() > f64::EPSILON).then(|| {
            let label = kind.label();
            Error::new(format!("{label} gives noise here: as in DDPMPipeline, it gets noise that it expects scaled"))
                .advise("Choose ddpm or ddim")
        })
    }

    /// Refuses sizes that the network can't halve often enough, and what would not fit into memory.
    fn check_size(&self, request: &Request) -> Result<()> {
        let multiple = self.unet.side_multiple();
        for (name, side) in [("width", request.size.width), ("height", request.size.height)] {
            if side % multiple != 0 {
                let nearest = side.div_ceil(multiple) * multiple;
                return Err(Error::new(format!(
                    "This model needs a {name} that is a multiple of {multiple}, not {side}"
                ))
                .advise(format!("Choose {nearest}, for example")));
            }
        }
        let held = self.footprint.usual_bytes();
        self.footprint.plan(&Wish::of(request), self.footprint.budget(held)).check()
    }

    /// What it takes.
    pub(super) fn footprint(&self) -> &Footprint {
        &self.footprint
    }

    /// Width and height that it is made for, in pixels.
    pub(super) fn default_size(&self) -> (usize, usize) {
        self.footprint.size
    }

    /// How many parameters it has.
    pub(super) fn num_params(&self) -> usize {
        self.footprint.parameters.iter().map(|(_, count)| *count as usize).sum()
    }
}

/// What a model takes whose unet is this one.
///
/// # Errors
/// It draws no pictures.
pub(super) fn footprint(
    checkpoint: &Checkpoint,
    compute: &ComputeDevice,
    unet: &Slot<UNet2DModel>,
) -> Result<Footprint> {
    let channels = unet.outline.in_channels();
    if ![1, 3].contains(&channels) {
        return Err(Error::new(format!("The unet draws {channels} channels, which is no picture"))
            .advise("An unconditional model draws 1 channel (grey) or 3 (colours)"));
    }
    Ok(Footprint {
        parameters: vec![unet.parameters()],
        capacity: compute.capacity(),
        unet_channels: unet.outline.first_channels() as u64,
        // Two levels and a skip meet where the last up block begins.
        unet_widest: 3,
        decoder_channels: None,
        scale: 1,
        looks_decode: false,
        depth_side: 0,
        size: sample_size(config(checkpoint, "unet")?),
    })
}

impl Denoiser for &Unconditional {
    fn compute(&self) -> &ComputeDevice {
        &self.compute
    }

    fn predict(&self, samples: &Tensor<4>, at: At<'_>, _: &CancelToken) -> Option<Tensor<4>> {
        self.unet.forward(samples.clone().cast(self.compute.dtype), at.timestep, at.pace).ok()
    }

    fn look(&self, samples: &Tensor<4>, _: &CancelToken) -> Result<Option<RgbImage>> {
        sketch(samples).map(Some)
    }

    fn sketch(&self) -> Option<fn(&Tensor<4>) -> Result<RgbImage>> {
        Some(sketch)
    }
}

/// The first of some samples: they are pictures already.
pub(super) fn sketch(samples: &Tensor<4>) -> Result<RgbImage> {
    picture_of(unit(samples, 0))
}

/// Sample `k` in 0..1, `[1, 3, height, width]`, also where it is grey.
fn unit(samples: &Tensor<4>, k: usize) -> Tensor<4> {
    let [_, _, height, width] = samples.dims();
    to_unit(samples.clone().narrow(0, k, 1)).expand([1, 3, height, width])
}
