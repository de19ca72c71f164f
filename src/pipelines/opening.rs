//! Loading the weights of a pipeline's components, one after the other, and telling how far it has come.

use std::ops::ControlFlow;

use burn::module::Module;
use serde_json::Value;

use super::memory::Room;
use crate::base::device::ComputeDevice;
use crate::base::error::{Error, Result};
use crate::base::stop::{Outcome, Stop};
use crate::models::config::NetworkConfig;
use crate::storage::checkpoint::{Checkpoint, Comparison};

/// How far the opening of a model has come.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Loading<'a> {
    /// The component whose weights are being read.
    pub component: &'a str,
    /// Which of the components it is, counted from 1, and how many are read.
    pub number: usize,
    /// See `number`.
    pub of: usize,
    /// How much of the weights of all components has been read, 0 to 1.
    pub fraction: f32,
    /// Told once, before the first weight is read: what there has to be room for.
    pub room: Option<Room>,
}

/// A checkpoint whose components are being loaded onto a device.
pub(super) struct Opening<'a> {
    pub(super) checkpoint: &'a Checkpoint,
    pub(super) compute: &'a ComputeDevice,
    on_loading: &'a mut dyn FnMut(Loading<'_>) -> ControlFlow<()>,
    /// Components that are begun, and all of them.
    begun: usize,
    of: usize,
    /// Bytes of all weights, and of those that have been read.
    total: u64,
    read: u64,
}

impl<'a> Opening<'a> {
    /// `components` are those that [`Self::load`] will be called for.
    pub(super) fn new(
        checkpoint: &'a Checkpoint,
        compute: &'a ComputeDevice,
        components: &[&Comparison],
        on_loading: &'a mut dyn FnMut(Loading<'_>) -> ControlFlow<()>,
    ) -> Self {
        let total = components.iter().map(|comparison| comparison.stored_bytes).sum();
        Self { checkpoint, compute, on_loading, begun: 0, of: components.len(), total, read: 0 }
    }

    /// Fills a component's network with its weights; `None` when stopped.
    ///
    /// # Errors
    /// The weights don't fit the network.
    pub(super) fn load<M: Module>(&mut self, component: &str, network: M) -> Result<Option<M>> {
        self.begun += 1;
        let Self { checkpoint, compute, on_loading, begun, of, total, read } = self;
        let mut told = |read: u64| {
            let fraction = if *total == 0 { 1.0 } else { read as f32 / *total as f32 };
            on_loading(Loading { component, number: *begun, of: *of, fraction, room: None })
        };
        // Headers take time where a disk is slow.
        if told(*read).is_break() {
            return Ok(None);
        }
        uncancelled(checkpoint.load(component, network, compute.dtype, &mut |bytes| {
            *read += bytes;
            if told(*read).is_break() { Err(Stop::Cancelled) } else { Ok(()) }
        }))
    }
}

/// The result of work; `None` if it was cancelled.
pub(super) fn uncancelled<T>(outcome: Outcome<T>) -> Result<Option<T>> {
    match outcome {
        Ok(done) => Ok(Some(done)),
        Err(Stop::Cancelled) => Ok(None),
        Err(Stop::Failed(error)) => Err(error),
    }
}

/// A component's config.
///
/// # Errors
/// The model has no such component.
pub(super) fn config<'a>(checkpoint: &'a Checkpoint, component: &str) -> Result<&'a NetworkConfig> {
    checkpoint.component(component).map(|component| &component.config)
}

/// Builds a component's network from its config: an error then names the component.
///
/// # Errors
/// There is no such component, or what its config asks for isn't built here.
pub(super) fn build<M>(
    checkpoint: &Checkpoint,
    component: &str,
    new: impl FnOnce(&NetworkConfig) -> Result<M>,
) -> Result<M> {
    new(config(checkpoint, component)?).map_err(|e| Error::new(format!("{component}: {}", e.headline())).caused_by(e))
}

/// Width and height in the unet's `sample_size` (a number, or height and width); 64 where the config has none.
pub(super) fn sample_size(config: &NetworkConfig) -> (usize, usize) {
    let side = |value: Option<&Value>| value.and_then(Value::as_u64).map_or(64, |side| side.clamp(1, 1 << 12) as usize);
    match config.get("sample_size").and_then(Value::as_array) {
        Some(sides) => (side(sides.get(1)), side(sides.first())),
        None => (side(config.get("sample_size")), side(config.get("sample_size"))),
    }
}
