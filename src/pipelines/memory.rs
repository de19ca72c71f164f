//! What a run asks of the memory, and how much there is.
//!
//! Limits: what a GPU of its own memory has is known only where its driver writes it down; what other programs will take in the
//! meantime isn't known at all.

use sysinfo::{MemoryRefreshKind, RefreshKind, System};

use crate::base::device::{Capacity, Memory};
use crate::content::request::{Request, SafetyMode, Task};
use crate::families::Footprint;

/// The most bytes that the kept steps of a run take.
pub(super) const MOST_KEPT_BYTES: u64 = 256 << 20;

/// Bytes of the steps of a run with so many numbers in its samples, if all of them are kept.
pub(super) fn kept_bytes(numbers: u64, steps: u64) -> u64 {
    // The samples, and what the denoiser expects of them, in f32.
    let of_step = 2 * size_of::<f32>() as u64;
    of_step.saturating_mul(numbers).saturating_mul(steps)
}

/// The memory needs of a run, before it is known on which model.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a stage that a run has or lacks")]
pub struct Wish {
    /// In pixels.
    pub width: usize,
    /// In pixels.
    pub height: usize,
    /// Pictures that are drawn at a time.
    pub pictures: usize,
    /// Whether it is guided: a model may then be asked twice a step.
    pub is_guided: bool,
    /// Steps that are kept for looking back; 0 for none.
    pub kept_steps: usize,
    /// Whether it begins with a picture.
    pub encodes: bool,
    /// Whether depth is estimated.
    pub estimates_depth: bool,
    /// Whether finished pictures are checked.
    pub checks_safety: bool,
    /// Whether pictures are decoded while others are still being drawn.
    pub side_by_side: bool,
}

impl Wish {
    /// The needs of a request, if its pictures are drawn as one batch.
    pub fn of(request: &Request) -> Self {
        Self {
            width: request.size.width,
            height: request.size.height,
            pictures: request.seeds.count,
            is_guided: request.start.task.kind().has_prompt() && request.guidance.scale > 1.0,
            kept_steps: if request.seeds.count == 1 { request.sampling.steps } else { 0 },
            encodes: request.start.task.kind().needs_image(),
            estimates_depth: matches!(&request.start.task, Task::DepthToImage { depth: None, .. }),
            checks_safety: request.finish.safety != SafetyMode::Off,
            side_by_side: false,
        }
    }

    /// The needs of a model's first picture as a rule: its own size, with guidance.
    pub fn usual(footprint: &Footprint) -> Self {
        let (width, height) = footprint.size;
        Self {
            width,
            height,
            pictures: 1,
            is_guided: true,
            kept_steps: 0,
            encodes: false,
            estimates_depth: false,
            checks_safety: false,
            side_by_side: false,
        }
    }

    /// Samples that the denoiser of a model sees at a time.
    pub(super) fn batch(&self, footprint: &Footprint) -> u64 {
        let asked = if self.is_guided && footprint.asks_twice { 2 } else { 1 };
        (self.pictures as u64).saturating_mul(asked)
    }
}

/// The memory that a model needs, told before the first of its weights is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Bytes for the whole model and a picture of its own size.
    pub needed: u64,
    /// Whose bytes.
    pub memory: Memory,
}

impl Room {
    /// Returns whether there is as much beside a model that holds so many bytes. Where the driver tells nothing, there isn't: a GPU
    /// that runs out of memory fails for good.
    pub fn is_beside(&self, held: u64) -> bool {
        match self.memory {
            Memory::Main => available().is_none_or(|free| self.needed <= free),
            Memory::Own(total) => total.is_some_and(|total| self.needed + held <= total),
            Memory::Limited(limit) => self.needed + held <= limit,
        }
    }
}

impl Footprint {
    /// Bytes that the model may take, the `held` ones that it has already among them; `None` if nobody knows.
    pub fn budget(&self, held: u64) -> Option<u64> {
        match self.capacity.memory {
            Memory::Limited(limit) => Some(limit),
            Memory::Own(total) => total,
            // Weights that are mapped count as free for the system: they are ours, but not to be counted twice.
            Memory::Main if !self.capacity.is_gpu() => {
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

    /// Bytes of the denoiser's widest tensor, and of all that is alive in a step.
    pub(super) fn step(&self, wish: &Wish) -> (u64, u64) {
        let latents = (wish.height / self.factor) as u64 * (wish.width / self.factor) as u64;
        self.denoiser.bytes(latents.saturating_mul(wish.batch(self)), &self.capacity)
    }

    /// Bytes of the codec's widest tensor, and of all that is alive while so many latents are decoded, or encoded.
    pub(super) fn coding(&self, height: usize, width: usize) -> (u64, u64) {
        let factor = self.factor as u64;
        self.codec.bytes(height as u64 * width as u64 * factor * factor, &self.capacity)
    }

    /// Bytes of the steps that are kept.
    pub(super) fn kept(&self, wish: &Wish) -> u64 {
        let latents = (wish.height / self.factor) as u64 * (wish.width / self.factor) as u64;
        kept_bytes(latents.saturating_mul(self.channels as u64), wish.kept_steps as u64).min(MOST_KEPT_BYTES)
    }

    /// Bytes of all that is alive while depth is estimated.
    pub(super) fn estimating(&self) -> u64 {
        self.depth * self.capacity.dtype.size() as u64
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
