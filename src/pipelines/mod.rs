//! `DiffusionPipeline`: the components of a checkpoint, put to work.
//!
//! One file a task; the stages they share (encode, latents, denoise, decode) are in `stages`, where the loop exists once.

mod memory;
mod sketch;
mod stages;
mod text_to_image;
mod trace;

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use burn::module::Module;
use burn::tensor::Tensor;
use image::RgbImage;

use crate::cancel::CancelToken;
use crate::checkpoint::{Checkpoint, ModelRef, Recommended};
use crate::device::ComputeDevice;
use crate::error::{Error, Result};
use crate::models::autoencoder_kl::AutoencoderKL;
use crate::models::clip::ClipTextModel;
use crate::models::clip_tokenizer::ClipTokenizer;
use crate::models::unet_2d_condition::UNet2DConditionModel;
use crate::ops;
use crate::request::{Request, Task, Verdict};
use crate::schedulers::{SamplingOptions, SchedulerConfig, SchedulerKind};

pub use trace::Trace;

/// A checkpoint with its weights loaded, on a device.
pub struct DiffusionPipeline {
    class_name: String,
    recommended: Recommended,
    compute: ComputeDevice,
    tokenizer: Arc<ClipTokenizer>,
    text_encoder: ClipTextModel,
    unet: UNet2DConditionModel,
    vae: AutoencoderKL,
    scheduler_config: SchedulerConfig,
    sample_size: usize,
    /// Whether its latents are those of Stable Diffusion 1 and 2.
    can_sketch: bool,
}

/// How far the opening of a model has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loading<'a> {
    /// The component whose weights are being read.
    pub component: &'a str,
    /// How much of the weights of all components has been read, 0 to 1.
    pub fraction: f32,
}

/// What a run tells on its way, and what it looks at.
pub struct Hooks<'a> {
    /// A phase begins.
    pub on_phase: &'a mut dyn FnMut(Phase),
    /// A step is done; `Break` stops the run.
    pub on_step: &'a mut dyn FnMut(Step<'_>) -> ControlFlow<()>,
    /// Polled between the layers of the networks, and on the CPU within them; once raised, the run ends as [`Run::Cancelled`].
    pub cancel: &'a CancelToken,
    /// Takes the numbers inside the run.
    pub trace: Option<&'a mut Trace>,
}

/// What a run goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The prompt is read.
    Encoding,
    /// Noise becomes latents, step by step.
    Denoising,
    /// Latents become a picture.
    Decoding,
}

/// A step of the denoising that is done. Tensors are on the device: reading one back waits for it.
pub struct Step<'a> {
    /// Counted from 0.
    pub index: usize,
    /// How many there are: some samplers call the model more often than the request's number says.
    pub of: usize,
    /// The step's timestep.
    pub timestep: f64,
    /// The latents after the step, `[batch, channels, height / 8, width / 8]`.
    pub latents: &'a Tensor<4>,
    /// The model's present idea of the finished latents.
    pub pred_original_sample: &'a Tensor<4>,
    /// Decodes what the first picture looks like by now. It costs as much as a finished picture's decode.
    pub decode: &'a mut Look<'a>,
    /// The same by a linear map, one pixel a latent, for next to nothing; `None` for latents whose map isn't known.
    pub sketch: Option<&'a mut Look<'a>>,
}

/// A look at a picture in the making; `None` when the run was cancelled meanwhile.
pub type Look<'a> = dyn FnMut() -> Result<Option<RgbImage>> + 'a;

/// The components that have weights, in the order in which they are loaded.
const WITH_WEIGHTS: [&str; 3] = ["text_encoder", "unet", "vae"];

/// How a run ended. Cancelled is no error.
#[derive(Debug)]
pub enum Run {
    /// The pictures, in the order of their seeds.
    Done(Vec<Drawn>),
    /// Someone asked it to stop.
    Cancelled,
}

/// A finished picture.
#[derive(Clone, Debug)]
pub struct Drawn {
    /// What it looks like.
    pub image: RgbImage,
    /// What the safety checker says of it; `None` if it wasn't asked.
    pub verdict: Option<Verdict>,
}

impl From<RgbImage> for Drawn {
    fn from(image: RgbImage) -> Self {
        Self { image, verdict: None }
    }
}

impl DiffusionPipeline {
    /// Opens a model and loads its weights onto a device. `on_loading` is told after each tensor; once it breaks, the
    /// rest is left out and the result is `None`.
    ///
    /// # Errors
    /// No such model, a class or an option that we don't know, a damaged or missing file, weights that don't fit their config.
    pub fn open(
        model: &ModelRef,
        compute: ComputeDevice,
        on_loading: &mut dyn FnMut(Loading<'_>) -> ControlFlow<()>,
    ) -> Result<Option<Self>> {
        let checkpoint = Checkpoint::open(model)?;
        let (device, dtype) = (&compute.device, compute.dtype);
        let config = |name: &str| checkpoint.component(name).map(|component| &component.config);
        let named = |name: &'static str| move |e: Error| Error::new(format!("{name}: {}", e.headline())).caused_by(e);
        let sample_size = sample_size(config("unet")?);
        let unet = UNet2DConditionModel::new(config("unet")?, device).map_err(named("unet"))?;
        let vae = AutoencoderKL::new(config("vae")?, device).map_err(named("vae"))?;
        let text_encoder = ClipTextModel::new(config("text_encoder")?, device).map_err(named("text_encoder"))?;
        let tokenizer = ClipTokenizer::from_files(Path::new(&format!("{model}/tokenizer")), &|name| {
            checkpoint.bytes(&format!("tokenizer/{name}"))
        })?;
        let mut total = 0;
        for component in WITH_WEIGHTS {
            total += checkpoint.weight_bytes(component, dtype)?;
        }
        let mut read = 0;
        let mut on_tensor = |component: &str, bytes: u64| {
            read += bytes;
            on_loading(Loading { component, fraction: read as f32 / total as f32 })
        };
        let [text, denoiser, autoencoder] = WITH_WEIGHTS;
        let Some(text_encoder) = checkpoint.load(text, text_encoder, dtype, &mut |n| on_tensor(text, n))? else {
            return Ok(None);
        };
        let Some(unet) = checkpoint.load(denoiser, unet, dtype, &mut |n| on_tensor(denoiser, n))? else {
            return Ok(None);
        };
        let Some(vae) = checkpoint.load(autoencoder, vae, dtype, &mut |n| on_tensor(autoencoder, n))? else {
            return Ok(None);
        };
        let pipeline = Self {
            class_name: checkpoint.class_name().to_owned(),
            recommended: checkpoint.recommended(),
            tokenizer: Arc::new(tokenizer),
            text_encoder,
            unet,
            vae,
            scheduler_config: config("scheduler")?.clone(),
            sample_size,
            can_sketch: sketch::knows(config("vae")?),
            compute,
        };
        pipeline.check_fit()?;
        Ok(Some(pipeline))
    }

    /// Components of one model fit each other; a folder put together by hand may not.
    fn check_fit(&self) -> Result<()> {
        let (text, unet) = (self.text_encoder.width(), self.unet.cross_attention_dim());
        if text != unet {
            return Err(Error::new(format!("The text encoder gives {text} values a token, but the unet reads {unet}"))
                .advise("Take both from the same model"));
        }
        let (latents, inputs) = (self.vae.latent_channels(), self.unet.in_channels());
        if latents > inputs {
            return Err(Error::new(format!("The vae has {latents} latent channels, but the unet reads {inputs}"))
                .advise("Take both from the same model"));
        }
        Ok(())
    }

    /// Draws what the request asks for, as one batch: picture k from seed + k.
    ///
    /// # Errors
    /// The request doesn't fit the model or the memory, or the arithmetic failed.
    pub fn run(&self, request: &Request, hooks: Hooks<'_>) -> Result<Run> {
        request.validate()?;
        let cancel = hooks.cancel;
        ops::interruptible(cancel, || match &request.task {
            Task::TextToImage => text_to_image::run(self, request, hooks),
            other => Err(Error::new(format!("This version has no {}", other.name()))),
        })
    }

    /// The pipeline's Diffusers class.
    pub fn class_name(&self) -> &str {
        &self.class_name
    }

    /// The sampler that the checkpoint asks for.
    ///
    /// # Errors
    /// It is none that we know.
    pub fn scheduler(&self) -> Result<SchedulerKind> {
        SchedulerKind::from_config(&self.scheduler_config)
    }

    /// The checkpoint's configuration of its sampler.
    pub fn scheduler_config(&self) -> &SchedulerConfig {
        &self.scheduler_config
    }

    /// Samplers that can't draw with it, and why.
    pub fn refused_schedulers(&self) -> Vec<(SchedulerKind, Error)> {
        // Enough steps for any of them.
        const STEPS: usize = 20;
        let refused = |kind: &SchedulerKind| {
            Some((*kind, kind.build(&self.scheduler_config, STEPS, &SamplingOptions::default()).err()?))
        };
        SchedulerKind::ALL.iter().filter_map(refused).collect()
    }

    /// What the model's card recommends.
    pub fn recommended(&self) -> Recommended {
        self.recommended
    }

    /// The side of the square picture that the model is made for, in pixels.
    pub fn default_size(&self) -> usize {
        self.sample_size * self.vae.scale_factor()
    }

    /// Its tokenizer, for whoever wants to know how long a prompt is.
    pub fn tokenizer(&self) -> &Arc<ClipTokenizer> {
        &self.tokenizer
    }

    /// Where it runs.
    pub fn compute(&self) -> &ComputeDevice {
        &self.compute
    }

    /// How many parameters it has.
    pub fn num_params(&self) -> usize {
        self.text_encoder.num_params() + self.unet.num_params() + self.vae.num_params()
    }
}

/// The unet's `sample_size` (a number, or height and width), in latents; Stable Diffusion's 64 where the config has none.
fn sample_size(config: &crate::models::config::Config) -> usize {
    let value = config.get("sample_size");
    let side = value.and_then(|v| v.as_u64().or_else(|| v.as_array()?.first()?.as_u64()));
    side.map_or(64, |side| side.clamp(1, 1 << 12) as usize)
}
