//! A component's slot in an opened model: empty until the component is needed, and again once its memory is.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use burn::module::Module;
use burn::tensor::{DType, Device};

use super::component::ComponentId;
use crate::base::device::ComputeDevice;
use crate::base::error::{Error, Result};
use crate::base::stop::{Outcome, Stop};
use crate::models::config::NetworkConfig;
use crate::ops;
use crate::storage::checkpoint::{Checkpoint, Comparison, OnTensor};

/// Builds a network from its config, without weights.
pub(super) type BuildNetwork<M> = fn(&NetworkConfig, &Device) -> Result<M>;

/// Is told which component's files are looked at next; an error ends the opening.
pub type OnHeaders<'a> = dyn FnMut(ComponentId) -> Outcome<()> + 'a;

/// The files of a model, and the device that its components are loaded on.
pub struct ModelFiles {
    /// The model as the user names it, for messages.
    pub name: String,
    /// The files.
    pub checkpoint: Checkpoint,
    /// The device, and what it computes in.
    pub compute: ComputeDevice,
}

/// The slot of a component whose network is an `M`.
pub(super) struct Slot<M> {
    id: ComponentId,
    files: Arc<ModelFiles>,
    build: BuildNetwork<M>,
    /// The network without weights: tells what it is made for at any time.
    pub(super) outline: M,
    comparison: Comparison,
    content: Mutex<Option<Arc<M>>>,
}

/// A slot, whatever its network is.
pub trait AnySlot {
    /// The component's name.
    fn id(&self) -> ComponentId;

    /// The comparison of its files with its network, with the sizes of both.
    fn comparison(&self) -> &Comparison;

    /// The type of its numbers once it is loaded.
    fn dtype(&self) -> DType;

    /// Bytes of its weights once it is loaded.
    fn bytes(&self) -> u64 {
        self.comparison().parameters * self.dtype().size() as u64
    }

    /// Returns whether it is loaded.
    fn is_loaded(&self) -> bool;

    /// Loads it; `on_tensor` is told after each tensor.
    ///
    /// # Errors
    /// Its files have changed since the model was opened, or what `on_tensor` says.
    fn load(&self, on_tensor: &mut OnTensor<'_>) -> Outcome<()>;

    /// Frees it. Whoever holds the network keeps it until it is done.
    fn free(&self);
}

impl<M: Module> Slot<M> {
    /// Makes an empty slot. The headers of the files are checked, which takes time where a disk is slow: `on_headers` is asked
    /// first.
    ///
    /// # Errors
    /// The config asks for what isn't built here; files are missing or damaged, or don't fit the config; what `on_headers` says.
    pub(super) fn new(
        id: ComponentId,
        files: &Arc<ModelFiles>,
        build: BuildNetwork<M>,
        on_headers: &mut OnHeaders<'_>,
    ) -> Outcome<Arc<Self>> {
        if files.checkpoint.component(id.name()).is_ok() {
            on_headers(id)?;
        }
        let ModelFiles { checkpoint, compute, .. } = &**files;
        let outline = built(id, checkpoint, compute, build)?;
        let comparison = checkpoint.compare(id.name(), &outline, compute.dtype)?;
        comparison.check()?;
        Ok(Arc::new(Self { id, files: Arc::clone(files), build, outline, comparison, content: Mutex::default() }))
    }

    /// Makes an empty slot if the model has such a component at all.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub(super) fn if_there(
        id: ComponentId,
        files: &Arc<ModelFiles>,
        build: BuildNetwork<M>,
        on_headers: &mut OnHeaders<'_>,
    ) -> Outcome<Option<Arc<Self>>> {
        let is_there = files.checkpoint.component(id.name()).is_ok();
        is_there.then(|| Self::new(id, files, build, on_headers)).transpose()
    }

    /// Gives the network, which is loaded if it isn't there.
    ///
    /// # Errors
    /// As [`AnySlot::load`]; the work was cancelled.
    pub(super) fn take(&self) -> Outcome<Arc<M>> {
        if let Some(there) = self.lock().clone() {
            return Ok(there);
        }
        // Headers take time where a disk is slow.
        ops::check_cancelled()?;
        self.read(&mut |_| ops::check_cancelled()).map_err(|stop| match stop {
            Stop::Cancelled => Stop::Cancelled,
            Stop::Failed(cause) => Error::new(format!("the {} can't be loaded", self.id)).caused_by(cause).into(),
        })
    }

    fn read(&self, on_tensor: &mut OnTensor<'_>) -> Outcome<Arc<M>> {
        let ModelFiles { checkpoint, compute, .. } = &*self.files;
        let network = built(self.id, checkpoint, compute, self.build)?;
        let network = Arc::new(checkpoint.load(self.id.name(), network, compute.dtype, on_tensor)?);
        *self.lock() = Some(Arc::clone(&network));
        Ok(network)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<M>>> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<M: Module> AnySlot for Slot<M> {
    fn id(&self) -> ComponentId {
        self.id
    }

    fn comparison(&self) -> &Comparison {
        &self.comparison
    }

    fn dtype(&self) -> DType {
        self.files.compute.dtype
    }

    fn is_loaded(&self) -> bool {
        self.lock().is_some()
    }

    fn load(&self, on_tensor: &mut OnTensor<'_>) -> Outcome<()> {
        self.read(on_tensor).map(|_| ())
    }

    fn free(&self) {
        *self.lock() = None;
    }
}

/// Compares a component's files with its network, for a [`ComponentKind`](super::component::ComponentKind).
///
/// # Errors
/// The config asks for what isn't built here, or files are missing or damaged.
pub(super) fn compare<M: Module>(
    id: ComponentId,
    checkpoint: &Checkpoint,
    compute: &ComputeDevice,
    build: BuildNetwork<M>,
) -> Result<Comparison> {
    checkpoint.compare(id.name(), &built(id, checkpoint, compute, build)?, compute.dtype)
}

/// Builds a component's network from its config; an error then names the component.
fn built<M>(id: ComponentId, checkpoint: &Checkpoint, compute: &ComputeDevice, build: BuildNetwork<M>) -> Result<M> {
    let config = &checkpoint.component(id.name())?.config;
    build(config, &compute.device).map_err(|error| of_component(id, error))
}

/// Names the component that an error about a config belongs to.
pub(super) fn of_component(id: ComponentId, error: Error) -> Error {
    error.about(id)
}
