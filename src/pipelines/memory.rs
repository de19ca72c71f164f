//! How much memory a model and a run take, before they take it, and how much there is.
//!
//! The figures are upper estimates from the networks' shapes. Limits: what a GPU of its own memory has is known only where its
//! driver writes it down; what other programs will take in the meantime isn't known at all.

use serde::Serialize;
use sysinfo::{MemoryRefreshKind, RefreshKind, System};

use crate::base::device::{Capacity, Memory};
use crate::content::request::{Request, SafetyMode, Task};

/// Layers of the first level that are alive at once in a UNet step: its skips and the widest transformer layer.
const LIVE_UNET_LAYERS: u64 = 40;
/// Tensors of the widest layer that are alive at once in a decode.
const LIVE_DECODE_TENSORS: u64 = 4;
/// Channels of a depth estimator's head, and how many of its full-size tensors are alive at once.
const DEPTH_CHANNELS: u64 = 256;
const LIVE_DEPTH_TENSORS: u64 = 3;

/// A component that takes memory, the first of them the dearest to load again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// What clears the noise away.
    Unet,
    /// What makes pictures of latents, and latents of pictures.
    Vae,
    /// What reads the prompt.
    TextEncoder,
    /// What tells near from far.
    DepthEstimator,
    /// What looks at finished pictures.
    SafetyChecker,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Unet, Self::Vae, Self::TextEncoder, Self::DepthEstimator, Self::SafetyChecker];

    /// Its name in `model_index.json`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unet => "unet",
            Self::Vae => "vae",
            Self::TextEncoder => "text_encoder",
            Self::DepthEstimator => "depth_estimator",
            Self::SafetyChecker => "safety_checker",
        }
    }
}

/// What a model takes on a device: plain numbers, told from its configs and headers.
#[derive(Clone, Debug, PartialEq)]
pub struct Footprint {
    /// Numbers of each component that the model has.
    pub(super) parameters: Vec<(Part, u64)>,
    pub(super) capacity: Capacity,
    /// Channels of the unet's level at full size, and how many times as large its widest tensor is.
    pub(super) unet_channels: u64,
    pub(super) unet_widest: u64,
    /// Channels of the decoder at full size; `None` for a model that draws pixels.
    pub(super) decoder_channels: Option<u64>,
    /// Pixels a latent, each way.
    pub(super) scale: usize,
    /// Whether a look at a picture in the making needs the decoder.
    pub(super) looks_decode: bool,
    /// The side of what the depth estimator sees.
    pub(super) depth_side: u64,
    /// The size that the model is made for, in pixels.
    pub(super) size: (usize, usize),
}

/// What a run asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// In pixels.
    pub width: usize,
    /// In pixels.
    pub height: usize,
    /// Samples that the unet sees at a time: both halves of guidance count.
    pub batch: usize,
    /// Whether it begins with a picture.
    pub encodes: bool,
    /// Components beyond those that every run uses: the depth estimator, the safety checker.
    pub also: Vec<Part>,
    /// Whether pictures are decoded while others are still being drawn.
    pub side_by_side: bool,
}

impl Wish {
    /// What a request asks for, if its pictures are drawn as one batch.
    pub fn of(request: &Request) -> Self {
        let guided = request.start.task.kind().has_prompt() && request.guidance.scale > 1.0;
        let estimates_depth = matches!(&request.start.task, Task::DepthToImage { depth: None, .. });
        let mut also = Vec::new();
        also.extend(estimates_depth.then_some(Part::DepthEstimator));
        also.extend((request.finish.safety != SafetyMode::Off).then_some(Part::SafetyChecker));
        Self {
            width: request.size.width,
            height: request.size.height,
            batch: if guided { 2 * request.seeds.count } else { request.seeds.count },
            encodes: request.start.task.kind().needs_image(),
            also,
            side_by_side: false,
        }
    }

    /// What the first picture of a model asks for as a rule: its own size, with guidance.
    pub fn usual(footprint: &Footprint) -> Self {
        let (width, height) = footprint.size;
        Self { width, height, batch: 2, encodes: false, also: Vec::new(), side_by_side: false }
    }
}

/// What loading a model asks for, told before the first of its weights is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Bytes for the whole model and a picture of its own size.
    pub needed: u64,
    /// Whose bytes.
    pub memory: Memory,
}

impl Room {
    /// Whether there is as much beside a model that holds so many bytes. Where the driver tells nothing, there isn't: a GPU that
    /// runs out of memory takes everything with it.
    pub fn is_beside(&self, held: u64) -> bool {
        match self.memory {
            Memory::Main => available().is_none_or(|free| self.needed <= free),
            Memory::Own(total) => total.is_some_and(|total| self.needed + held <= total),
            Memory::Limited(limit) => self.needed + held <= limit,
        }
    }
}

impl Footprint {
    /// Bytes of a component's weights; 0 if the model has none.
    pub(super) fn weights(&self, part: Part) -> u64 {
        let parameters = self.parameters.iter().find(|(other, _)| *other == part).map_or(0, |(_, count)| *count);
        parameters * self.value()
    }

    /// Whether the model has it.
    pub(super) fn has(&self, part: Part) -> bool {
        self.parameters.iter().any(|(other, _)| *other == part)
    }

    /// Bytes of what is loaded with the model.
    pub fn usual_bytes(&self) -> u64 {
        [Part::Unet, Part::Vae, Part::TextEncoder].into_iter().map(|part| self.weights(part)).sum()
    }

    /// Bytes that the model may take, the `held` ones that it has already among them; `None` if nobody knows.
    pub fn budget(&self, held: u64) -> Option<u64> {
        match self.capacity.memory {
            Memory::Limited(limit) => Some(limit),
            Memory::Own(total) => total,
            // Weights that are mapped count as free for the system: they are ours, but not to be counted twice.
            Memory::Main if self.capacity.max_tensor_bytes.is_none() => {
                available().map(|free| free + held.min(own_bytes().unwrap_or(held)))
            }
            Memory::Main => available().map(|free| free + held),
        }
    }

    /// The same numbers at half the width, if the device has f16 and isn't asked for it yet.
    pub(super) fn halved(&self) -> Option<Self> {
        let (capacity, f16) = (self.capacity, burn::tensor::DType::F16);
        let can = capacity.has_f16 && capacity.dtype.size() > f16.size();
        can.then(|| Self { capacity: Capacity { dtype: f16, ..capacity }, ..self.clone() })
    }

    fn value(&self) -> u64 {
        self.capacity.dtype.size() as u64
    }

    /// Bytes of the unet's widest tensor, and of all that is alive in a step.
    pub(super) fn step(&self, wish: &Wish) -> (u64, u64) {
        let pixels = (wish.height / self.scale) as u64 * (wish.width / self.scale) as u64;
        let level = wish.batch as u64 * pixels * self.unet_channels * self.value();
        (level * self.unet_widest, level * LIVE_UNET_LAYERS)
    }

    /// Bytes of the autoencoder's widest tensor, and of all that is alive in a decode, of so many latents: the encoder holds as
    /// much.
    pub(super) fn decode(&self, height: usize, width: usize) -> (u64, u64) {
        let scale = self.scale as u64;
        let pixels = height as u64 * width as u64 * scale * scale;
        let tensor = pixels * self.decoder_channels.unwrap_or(0) * self.value();
        (tensor, tensor * LIVE_DECODE_TENSORS)
    }

    /// Bytes of all that is alive while depth is estimated.
    pub(super) fn depth(&self) -> u64 {
        self.depth_side * self.depth_side * DEPTH_CHANNELS * self.value() * LIVE_DEPTH_TENSORS
    }
}

/// Bytes of main memory that are free for us; `None` if the system doesn't tell.
fn available() -> Option<u64> {
    let what = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    Some(System::new_with_specifics(what).available_memory()).filter(|&bytes| bytes > 0)
}

/// Bytes of main memory that are ours alone, without mapped files; `None` where the system has no such count (`proc(5)`, `RssAnon`).
fn own_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}
