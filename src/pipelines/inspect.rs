//! Looking into a model without loading it: configs and headers are all that is read.

use std::sync::Arc;

use burn::tensor::Device;
use serde::Serialize;

use super::memory::Wish;
use super::plan::Plan;
use crate::base::device::{Capacity, ComputeDevice};
use crate::base::error::{Error, Result};
use crate::base::model_ref::ModelRef;
use crate::base::stop::Stop;
use crate::families::{self, ComponentId, ComponentKind, Footprint, ModelFiles};
use crate::storage::checkpoint::{Checkpoint, Description, Mismatch};

/// Facts about a model that isn't loaded.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// What it is made of.
    pub description: Description,
    /// Its components that have weights, compared with the networks that their configs ask for.
    pub components: Vec<ComponentInspection>,
    /// What it takes on the device, or why it can't be used.
    pub footprint: Result<Footprint>,
}

/// A component's files compared with the network that its config asks for.
#[derive(Clone, Debug, Serialize)]
pub struct ComponentInspection {
    /// The component.
    pub part: ComponentId,
    /// How they differ.
    #[serde(flatten)]
    pub mismatch: Mismatch,
    /// Why they can't be compared, in a line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl ComponentInspection {
    /// A note on the component's files, in a line that begins with its name; `None` if there is nothing to say.
    pub fn note(&self) -> Option<String> {
        let fatal = || self.mismatch.is_fatal().then(|| self.mismatch.to_string());
        let said = self.error.clone().or_else(fatal).or_else(|| self.mismatch.note())?;
        Some(format!("{}: {said}", self.part))
    }
}

impl Inspection {
    /// Makes the memory plan of a run; the model in use holds so many bytes.
    ///
    /// # Errors
    /// The model can't be used.
    pub fn plan(&self, wish: impl FnOnce(&Footprint) -> Wish, held: u64) -> Result<Plan> {
        let footprint = self.footprint.as_ref().map_err(Error::clone)?;
        Ok(footprint.plan(&wish(footprint), footprint.budget(held)))
    }

    /// The comparison of a component's files with its network, if it has any.
    pub fn component(&self, name: &str) -> Option<&ComponentInspection> {
        self.components.iter().find(|component| component.part.name() == name)
    }
}

/// Looks into a model, for a device that isn't opened. It reads configs and the headers of weight files, and allocates nothing.
///
/// # Errors
/// There is no such model, it is none that is known here, or its files are damaged.
pub fn inspect(model: &ModelRef, capacity: Capacity) -> Result<Inspection> {
    let checkpoint = families::open(model)?;
    let Capacity { dtype, max_tensor_bytes, memory, has_f16 } = capacity;
    // Networks without weights don't care where they are.
    let compute = ComputeDevice {
        device: Device::flex(),
        name: String::new(),
        kernels: None,
        kernels_reason: String::new(),
        dtype,
        max_tensor_bytes,
        memory,
        has_f16,
    };
    let kinds = families::runtime_of(&checkpoint)?.components.iter();
    let components = kinds.filter_map(|kind| compare(&checkpoint, &compute, kind)).collect();
    let description = checkpoint.describe()?;
    let files = Arc::new(ModelFiles { name: model.to_string(), checkpoint, compute });
    let footprint = match families::open_model(files, &mut |_| Ok(())) {
        Ok(model) => Ok(model.footprint()),
        Err(Stop::Failed(error)) => Err(error),
        Err(Stop::Cancelled) => Err(Error::new("The model wasn't looked into")),
    };
    Ok(Inspection { description, components, footprint })
}

/// Compares a component's files with its network; `None` if the model has no such component.
fn compare(checkpoint: &Checkpoint, compute: &ComputeDevice, kind: &ComponentKind) -> Option<ComponentInspection> {
    checkpoint.component(kind.id.name()).ok()?;
    let (mismatch, error) = match (kind.compare)(checkpoint, compute) {
        Ok(comparison) => (comparison.mismatch, None),
        Err(error) => (Mismatch::default(), Some(error.to_string())),
    };
    Some(ComponentInspection { part: kind.id, mismatch, error })
}
