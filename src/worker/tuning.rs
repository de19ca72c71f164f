//! When a GPU has to be tuned.
//!
//! Kernels are compiled, and the fastest of their variants chosen, when shapes are seen for the first time: in every phase of the
//! first picture of a model and size. Limits: only what this process did is known; what the backend kept on disk from earlier
//! processes makes the tuning shorter than it is told.

use std::collections::HashSet;
use std::fs;

use crate::base::device::tuning_file;
use crate::content::request::Request;
use crate::pipelines::Phase;

/// Returns how many kernels the backend has tuned for the GPU in use, in this process and before.
pub fn kernels_tuned() -> usize {
    let bytes = fs::read(tuning_file()).unwrap_or_default();
    bytes.split(|byte| *byte == b'\n').count().saturating_sub(1)
}

/// A piece of work, by what its tensors' shapes depend on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct TunedWork {
    model: String,
    phase: Phase,
    width: usize,
    height: usize,
    count: usize,
    /// Whether the model is asked twice a step.
    guided: bool,
}

/// The work that was done on a GPU so far.
#[derive(Debug, Default)]
pub(super) struct Tuning {
    done: HashSet<TunedWork>,
    now: Option<TunedWork>,
}

impl Tuning {
    /// Begins a phase, which ends the one before it. Returns whether it is the first of its kind.
    pub(super) fn begin(&mut self, model: &str, phase: Phase, request: &Request) -> bool {
        self.done();
        // Saving doesn't use the GPU.
        let first = Some(TunedWork::of(model, phase, request))
            .filter(|work| phase != Phase::Saving && !self.done.contains(work));
        self.now = first;
        self.now.is_some()
    }

    /// Notes that the work that goes on has been done once.
    pub(super) fn done(&mut self) {
        self.done.extend(self.now.take());
    }

    /// Forgets the work that goes on: it came to nothing.
    pub(super) fn abandon(&mut self) {
        self.now = None;
    }

    /// Notes that the latents of an unfinished picture were decoded. Returns whether it was the first decode of its kind.
    pub(super) fn decoded(&mut self, model: &str, request: &Request) -> bool {
        self.done.insert(TunedWork::of(model, Phase::Decoding, request))
    }
}

impl TunedWork {
    fn of(model: &str, phase: Phase, request: &Request) -> Self {
        let (width, height) = (request.size.width, request.size.height);
        // Pictures are decoded one by one.
        let (count, guided) =
            if phase == Phase::Decoding { (1, false) } else { (request.seeds.count, request.guidance.scale > 1.0) };
        Self { model: model.to_owned(), phase, width, height, count, guided }
    }
}
