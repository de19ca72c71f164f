//! What the worker is told, and what it tells.
//!
//! Facts travel as [`Event`]s in order; previews don't (see [`crate::worker::WorkerHandle::previews`]). Steps may be
//! left out when nobody drains the events; everything else arrives.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use image::RgbImage;
use serde::{Deserialize, Serialize};

use crate::base::cancel::CancelToken;
use crate::base::error::Error;
use crate::base::model_ref::ModelRef;
use crate::base::stop::Stop;
use crate::content::request::{Request, TaskKind};
use crate::pipelines::{Footprint, Phase};
use crate::schedulers::{SchedulerConfig, SchedulerKind};
use crate::storage::gallery::{Destination, Entry};
use crate::storage::recipe::local_files::LocalFiles;
use crate::worker::kept_run::KeptRun;
use crate::worker::rescue::UnsavedPicture;
use crate::worker::run_keeper::Keeping;
use crate::worker::tokens::TokenCounter;
use crate::worker::work::Work;

/// What the worker can be told to do. It does one thing at a time and holds one more.
#[derive(Clone, Debug)]
pub enum Command {
    /// Opens a model in place of the present one, which stays in use until the new one stands. Ends in [`Event::ModelLoaded`], [`Event::ModelFailed`] or
    /// [`Event::ModelCancelled`].
    Load {
        /// The model.
        model: ModelRef,
        /// Raised by anyone who keeps a clone, it ends the loading after the tensor that is being read.
        cancel: CancelToken,
    },
    /// Frees the model's memory. Ends in [`Event::ModelUnloaded`]. The next job opens the model again.
    Unload,
    /// Shows what the last picture that was drawn looked like after a step: a preview. Ends in [`Event::LookedBack`].
    LookBack {
        /// The job that drew it.
        id: JobId,
        /// Counted from 1.
        step: usize,
    },
    /// Draws with the loaded model. Ends in exactly one [`Event::JobEnded`].
    Generate(Box<Job>),
}

impl Command {
    /// Whether it ends in this event.
    pub(super) fn ends_in(&self, event: &Event) -> bool {
        match (self, event) {
            (
                Self::Load { .. },
                Event::ModelLoaded { .. } | Event::ModelFailed { .. } | Event::ModelCancelled { .. },
            )
            | (Self::Unload, Event::ModelUnloaded)
            | (Self::LookBack { .. }, Event::LookedBack { .. }) => true,
            (Self::Generate(job), Event::JobEnded { id, .. }) => job.id == *id,
            _ => false,
        }
    }

    /// The event in which it ends if it came to nothing; `left` is the model that the worker has then.
    pub(super) fn stopped(self, stop: Stop, left: Option<Left>) -> Event {
        match (self, stop) {
            (Self::Load { model, .. }, Stop::Cancelled) => Event::ModelCancelled { model, left },
            (Self::Load { model, .. }, Stop::Failed(error)) => Event::ModelFailed { model, error, left },
            // The memory is free, if in a hard way.
            (Self::Unload, _) => Event::ModelUnloaded,
            (Self::LookBack { id, step }, Stop::Cancelled) => Event::LookedBack { id, step, error: None },
            (Self::LookBack { id, step }, Stop::Failed(error)) => Event::LookedBack { id, step, error: Some(error) },
            (Self::Generate(job), Stop::Cancelled) => Event::JobEnded { id: job.id, outcome: JobEnd::Cancelled },
            (Self::Generate(job), Stop::Failed(error)) => {
                Event::JobEnded { id: job.id, outcome: JobEnd::Failed(error) }
            }
        }
    }
}

/// Tells one job from another, in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct JobId(u64);

impl JobId {
    /// An id that no other job has.
    fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// Its number, counted from 1.
    pub fn number(self) -> u64 {
        self.0
    }
}

/// Work with where its results go and how to stop it.
#[derive(Clone, Debug)]
pub struct Job {
    /// Tells its events from those of other jobs.
    pub id: JobId,
    /// What to draw.
    pub work: Work,
    /// What it gives.
    pub output: Output,
    /// Where the pictures lie that requests name by their content.
    pub local_files: LocalFiles,
    /// Keeps its pictures in the making; `None` if nobody does.
    pub keeping: Option<Keeping>,
    /// The first of its pictures, half done.
    pub begun: Option<Arc<KeptRun>>,
    /// Raised by anyone who keeps a clone, it ends the job within a block of the UNet or a tile of the decode.
    pub cancel: CancelToken,
}

impl Job {
    /// A job that gives this.
    pub fn new(work: impl Into<Work>, output: impl Into<Output>) -> Self {
        let (id, local_files, cancel) = (JobId::next(), LocalFiles::default(), CancelToken::new());
        let (work, output) = (work.into(), output.into());
        Self { id, work, output, local_files, keeping: None, begun: None, cancel }
    }
}

/// What a job gives: the pictures, and what there is to see on the way to them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// Where the pictures go.
    pub destination: Destination,
    /// What to show of pictures in the making.
    pub previews: Previews,
    /// A safetensors file for the numbers inside the run. All pictures are drawn as one batch then.
    #[serde(with = "crate::base::path_text")]
    pub trace: Option<PathBuf>,
}

impl From<Destination> for Output {
    /// The pictures alone.
    fn from(destination: Destination) -> Self {
        Self { destination, previews: Previews::Off, trace: None }
    }
}

/// What is shown of a picture in the making: the model's present idea of the finished one, decoded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Previews {
    /// Nothing.
    Off,
    /// The newest one, in the handle's slot, after one in `every` steps: made only if the slot is empty, so a slow or
    /// hidden window costs nothing, and seldomer than that where it would cost more than it may (`worker::preview`).
    Newest {
        /// Steps from one to the next.
        every: NonZeroUsize,
    },
    /// One in `every` steps, as `<seed>-<step>.png` in `folder`.
    Files {
        /// Steps from one to the next.
        every: NonZeroUsize,
        /// Made if its parent exists.
        #[serde(with = "crate::base::path_text")]
        folder: PathBuf,
    },
}

/// A picture in the making.
#[derive(Clone, Debug)]
pub struct Preview {
    /// The job that draws it.
    pub id: JobId,
    /// Which of the job's pictures, counted from 0.
    pub picture: usize,
    /// Steps done so far, counted from 1.
    pub step: usize,
    /// How many there are.
    pub steps: usize,
    /// What it looks like: as large as the finished picture, or one pixel a latent, and never larger than a texture. To be
    /// shown at the size of the finished picture.
    pub image: RgbImage,
    /// The size of the finished picture, in pixels.
    pub width: usize,
    /// See `width`.
    pub height: usize,
    /// What making it took, in seconds.
    pub cost_secs: f64,
}

/// What there is to know of a loaded model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelInfo {
    /// The pipeline's diffusers class.
    pub class_name: String,
    /// What it can do, the first of them by default.
    pub tasks: Vec<TaskKind>,
    /// The sampler that the checkpoint asks for; `None` if it is none that we know.
    pub scheduler: Option<SchedulerKind>,
    /// The checkpoint's own configuration of it, which is what other samplers are built from, too.
    pub scheduler_config: SchedulerConfig,
    /// The size that it is made for, in pixels.
    pub width: usize,
    /// See `width`.
    pub height: usize,
    /// The steps that its card recommends, or diffusers' default.
    pub steps: usize,
    /// The guidance scale that its card recommends, or diffusers' default.
    pub guidance_scale: f64,
    /// Where it runs, in words.
    pub device: String,
    /// What it computes in: `f32`, `f16`, `bf16`.
    pub dtype: String,
    /// The kernels of a GPU and why it has these, in words; empty on the CPU.
    pub kernels: String,
    /// Whether it runs on a GPU, whose kernels are compiled and tuned when they are first used.
    pub on_gpu: bool,
    /// How many numbers its weights are.
    pub parameters: usize,
    /// What its weights take in the memory of the device, in bytes.
    pub weight_bytes: u64,
    /// Both sides of a picture are multiples of it, in pixels.
    pub size_multiple: usize,
    /// Widths and heights that it draws well, in pixels, its own size first.
    pub sizes: Vec<(usize, usize)>,
    /// Samplers that it can't be drawn with, and why.
    pub refused: Vec<(SchedulerKind, String)>,
    /// Counts the tokens of a prompt as the model reads it; `None` for a model that reads none.
    #[serde(skip)]
    pub token_counter: Option<TokenCounter>,
    /// What it takes of the memory; `None` if nobody knows.
    #[serde(skip)]
    pub footprint: Option<Footprint>,
    /// What is to be said of its files: tensors that nothing reads.
    pub notes: Vec<String>,
}

/// The model in use after a load that came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Left {
    /// The model: what the next job is drawn with.
    pub model: ModelRef,
    /// Whether it is loaded. If not, the next job opens it again.
    pub is_loaded: bool,
}

/// What happened.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::large_enum_variant, reason = "few events carry a model's facts, and none are kept")]
pub enum Event {
    /// A model is being opened. Told once at the beginning, with no component, and then as it goes on. A load that a
    /// job began, because the model was unloaded or broke down, may end with that job.
    ModelLoading {
        /// The model.
        model: ModelRef,
        /// The component whose weights are being read: `text_encoder`, `unet`, `vae`.
        component: Option<String>,
        /// Which of the components that are read it is, counted from 1, and how many there are; 0 while nothing is read.
        number: usize,
        /// See `number`.
        of: usize,
        /// How much of all the weights has been read, 0 to 1.
        fraction: f32,
    },
    /// A model is ready.
    ModelLoaded {
        /// The model.
        model: ModelRef,
        /// What it is.
        info: ModelInfo,
    },
    /// The model in use was let go, before the one that is being opened stands: both don't fit into the memory.
    ModelLetGo {
        /// The model in use.
        model: ModelRef,
    },
    /// A model couldn't be opened.
    ModelFailed {
        /// The model.
        model: ModelRef,
        /// Why.
        error: Error,
        /// The model in use, if there is one.
        left: Option<Left>,
    },
    /// Someone stopped the loading of a model.
    ModelCancelled {
        /// The model.
        model: ModelRef,
        /// The model in use, if there is one.
        left: Option<Left>,
    },
    /// The model's memory is free.
    ModelUnloaded,
    /// A job has begun.
    JobStarted {
        /// The job.
        id: JobId,
        /// What it draws, with the sampler that the checkpoint chose if the request left it open.
        request: Request,
    },
    /// The picture that was half done is drawn from the start after all.
    StartedOver {
        /// The job.
        id: JobId,
        /// Why.
        why: Error,
    },
    /// A picture of a job has come into its next phase.
    JobPhase {
        /// The job.
        id: JobId,
        /// Which of its pictures, counted from 0.
        picture: usize,
        /// The phase that begins.
        phase: Phase,
        /// Whether the GPU's kernels for this model and size are compiled and tuned in it, which can take minutes: so
        /// for the first picture of a size in this process. In the denoising it is over with the first step.
        tuning: bool,
    },
    /// A step is done.
    JobStep {
        /// The job.
        id: JobId,
        /// Which of its pictures, counted from 0.
        picture: usize,
        /// Steps done so far, counted from 1.
        step: usize,
        /// How many there are: some samplers call the model more often than the request's number says.
        steps: usize,
        /// How long this one took, in seconds, without its preview.
        step_secs: f64,
        /// What previews have taken so far of the job's denoising, 0 to 1.
        preview_share: f64,
    },
    /// The steps of the picture that was drawn last, finished or not, can be looked back at, and gone on from.
    StepsKept {
        /// The job.
        id: JobId,
        /// What drew it.
        request: Request,
        /// Steps that were done.
        steps: usize,
    },
    /// A look back was taken, or couldn't be.
    LookedBack {
        /// The job.
        id: JobId,
        /// Counted from 1.
        step: usize,
        /// Why nothing is shown, if so.
        error: Option<Error>,
    },
    /// A picture is finished and in its place on disk.
    PictureSaved {
        /// The job.
        id: JobId,
        /// Which of its pictures, counted from 0.
        picture: usize,
        /// The picture.
        entry: Entry,
    },
    /// Something beside the pictures couldn't be done, such as a preview or a trace; the job goes on without it.
    JobNote {
        /// The job.
        id: JobId,
        /// What, and why.
        note: Error,
    },
    /// A picture is finished, and can be written nowhere: it is lost unless someone saves it.
    PictureUnsaved {
        /// The job.
        id: JobId,
        /// Which of its pictures, counted from 0.
        picture: usize,
        /// The picture.
        #[serde(skip)]
        unsaved: UnsavedPicture,
    },
    /// A job is over.
    JobEnded {
        /// The job.
        id: JobId,
        /// How.
        outcome: JobEnd,
    },
}

/// How a job ended. Pictures saved before a cancel or failure stay.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobEnd {
    /// Every picture is saved.
    Finished(Vec<Entry>),
    /// It was cancelled.
    Cancelled,
    /// It failed, and why.
    Failed(Error),
}
