//! Loading the weights of a pipeline's components, one after the other, and telling how far it has come.

use std::ops::ControlFlow;

use burn::module::Module;
use serde_json::Value;

use super::Loading;
use crate::checkpoint::Checkpoint;
use crate::device::ComputeDevice;
use crate::error::{Error, Result};
use crate::models::config::Config;

/// A checkpoint whose components are being loaded onto a device.
pub(super) struct Opening<'a> {
    pub(super) checkpoint: &'a Checkpoint,
    pub(super) compute: &'a ComputeDevice,
    on_loading: &'a mut dyn FnMut(Loading<'_>) -> ControlFlow<()>,
    /// Bytes of all weights, and of those that have been read.
    total: u64,
    read: u64,
}

impl<'a> Opening<'a> {
    /// `components` are those that [`Self::load`] will be called for.
    ///
    /// # Errors
    /// The weight files of one of them are missing, damaged or pickled.
    pub(super) fn new(
        checkpoint: &'a Checkpoint,
        compute: &'a ComputeDevice,
        components: &[&str],
        on_loading: &'a mut dyn FnMut(Loading<'_>) -> ControlFlow<()>,
    ) -> Result<Self> {
        let mut total = 0;
        for component in components {
            total += checkpoint.weight_bytes(component, compute.dtype)?;
        }
        Ok(Self { checkpoint, compute, on_loading, total, read: 0 })
    }

    /// Fills a component's network with its weights; `None` when stopped.
    ///
    /// # Errors
    /// The weights don't fit the network.
    pub(super) fn load<M: Module>(&mut self, component: &str, network: M) -> Result<Option<M>> {
        let Self { checkpoint, compute, on_loading, total, read } = self;
        checkpoint.load(component, network, compute.dtype, &mut |bytes| {
            *read += bytes;
            on_loading(Loading { component, fraction: *read as f32 / *total as f32 })
        })
    }
}

/// A component's config.
///
/// # Errors
/// The model has no such component.
pub(super) fn config<'a>(checkpoint: &'a Checkpoint, component: &str) -> Result<&'a Config> {
    checkpoint.component(component).map(|component| &component.config)
}

/// Builds a component's network from its config: an error then names the component.
///
/// # Errors
/// There is no such component, or what its config asks for isn't built here.
pub(super) fn build<M>(checkpoint: &Checkpoint, component: &str, new: impl FnOnce(&Config) -> Result<M>) -> Result<M> {
    new(config(checkpoint, component)?).map_err(|e| Error::new(format!("{component}: {}", e.headline())).caused_by(e))
}

/// Width and height in the unet's `sample_size` (a number, or height and width); 64 where the config has none.
pub(super) fn sample_size(config: &Config) -> (usize, usize) {
    let side = |value: Option<&Value>| value.and_then(Value::as_u64).map_or(64, |side| side.clamp(1, 1 << 12) as usize);
    match config.get("sample_size").and_then(Value::as_array) {
        Some(sides) => (side(sides.get(1)), side(sides.first())),
        None => (side(config.get("sample_size")), side(config.get("sample_size"))),
    }
}
