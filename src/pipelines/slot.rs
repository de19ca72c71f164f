//! A component's place in a loaded model: filled while the component is needed, or for as long as the memory allows.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use burn::module::Module;

use super::memory::Part;
use super::opening::Opening;
use crate::base::cancel::CancelToken;
use crate::base::device::ComputeDevice;
use crate::base::error::{Error, Result};
use crate::storage::checkpoint::{Checkpoint, Comparison};

/// Something of a model that has weights.
pub(super) trait Component: Sized {
    /// What it is called.
    const PART: Part;
    /// What has the weights.
    type Network: Module;

    /// Builds it from its config. It has no weights yet, and takes no memory.
    ///
    /// # Errors
    /// A config that makes no sense, or asks for what isn't built here.
    fn build(checkpoint: &Checkpoint, compute: &ComputeDevice) -> Result<Self>;

    /// What has the weights.
    fn network(&self) -> &Self::Network;

    /// Fills it with its weights; `None` when stopped.
    ///
    /// # Errors
    /// They don't fit its config.
    fn load(self, opening: &mut Opening<'_>) -> Result<Option<Self>>;
}

/// The place of a component.
pub(super) struct Slot<T> {
    /// The component without its weights: what it is made for can be asked at any time.
    pub(super) outline: T,
    /// Its files beside its network.
    pub(super) comparison: Comparison,
    content: Mutex<Option<Arc<T>>>,
}

impl<T: Component> Slot<T> {
    /// An empty place. The headers of the files are checked.
    ///
    /// # Errors
    /// As for [`Component::build`]; files are missing or damaged, or don't fit the config.
    pub(super) fn new(checkpoint: &Checkpoint, compute: &ComputeDevice) -> Result<Self> {
        let outline = T::build(checkpoint, compute)?;
        let comparison = checkpoint.compare(T::PART.name(), outline.network(), compute.dtype)?;
        comparison.check()?;
        Ok(Self { outline, comparison, content: Mutex::default() })
    }

    /// The same, if the model has such a component at all.
    ///
    /// # Errors
    /// As for [`Self::new`].
    pub(super) fn if_there(checkpoint: &Checkpoint, compute: &ComputeDevice) -> Result<Option<Self>> {
        checkpoint.component(T::PART.name()).is_ok().then(|| Self::new(checkpoint, compute)).transpose()
    }

    /// Which component, and how many numbers it has.
    pub(super) fn parameters(&self) -> (Part, u64) {
        (T::PART, self.comparison.parameters)
    }

    /// Fills the place; `false` when stopped.
    ///
    /// # Errors
    /// As for [`Component::load`].
    pub(super) fn fill(&self, opening: &mut Opening<'_>) -> Result<bool> {
        let loaded = T::build(opening.checkpoint, opening.compute)?.load(opening)?;
        let is_there = loaded.is_some();
        *self.lock() = loaded.map(Arc::new);
        Ok(is_there)
    }

    /// The component, which is loaded if it isn't there; `None` when cancelled.
    ///
    /// # Errors
    /// As for [`Component::load`]: files have changed since the model was opened.
    pub(super) fn take(
        &self,
        checkpoint: &Checkpoint,
        compute: &ComputeDevice,
        cancel: &CancelToken,
    ) -> Result<Option<Arc<T>>> {
        if let Some(there) = self.get() {
            return Ok(Some(there));
        }
        let mut polled = |_: super::Loading<'_>| {
            if cancel.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let mut opening = Opening::new(checkpoint, compute, &[&self.comparison], &mut polled);
        let filled = self.fill(&mut opening);
        let failed = |cause| Error::new(format!("the {} can't be loaded", T::PART.name())).caused_by(cause);
        Ok(if filled.map_err(failed)? { self.get() } else { None })
    }

    /// Whether the component is loaded.
    pub(super) fn is_full(&self) -> bool {
        self.lock().is_some()
    }

    /// Empties the place.
    pub(super) fn empty(&self) {
        *self.lock() = None;
    }

    fn get(&self) -> Option<Arc<T>> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<T>>> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
