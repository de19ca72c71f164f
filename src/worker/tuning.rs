//! What a GPU has to get ready for.
//!
//! Kernels are compiled, and the fastest of their variants found, when shapes are seen for the first time: so in every phase of
//! the first picture of a model and size. Limits: what this process did counts, not what the backend kept of earlier ones on
//! disk; with that, it is over sooner.

use std::collections::HashSet;

use crate::content::request::Request;
use crate::pipelines::Phase;

/// A piece of work by what shapes its tensors have.
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

/// What was done on a GPU so far.
#[derive(Debug, Default)]
pub(super) struct Tuning {
    done: HashSet<TunedWork>,
    now: Option<TunedWork>,
}

impl Tuning {
    /// A phase begins, and the one before it is over. Says whether it is the first of its kind.
    pub(super) fn begin(&mut self, model: &str, phase: Phase, request: &Request) -> bool {
        self.done();
        // The GPU has no part in the saving.
        let first = Some(TunedWork::of(model, phase, request))
            .filter(|work| phase != Phase::Saving && !self.done.contains(work));
        self.now = first;
        self.now.is_some()
    }

    /// What goes on has been done once.
    pub(super) fn done(&mut self) {
        self.done.extend(self.now.take());
    }

    /// What goes on came to nothing.
    pub(super) fn abandon(&mut self) {
        self.now = None;
    }

    /// The latents of a picture in the making were decoded. Says whether it was the first decode of its kind.
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
