//! Looking into a model without loading it: configs and headers are all that is read.

use burn::tensor::Device;
use serde::Serialize;

use super::depth_estimator::DepthEstimator;
use super::memory::{Footprint, Part, Wish};
use super::opening::{config, sample_size};
use super::parts::Parts;
use super::plan::Plan;
use super::safety::SafetyChecker;
use super::slot::{Component, Slot};
use super::unconditional;
use crate::base::device::{Capacity, ComputeDevice};
use crate::base::error::{Error, Result};
use crate::base::model_ref::ModelRef;
use crate::families;
use crate::models::autoencoder_kl::AutoencoderKL;
use crate::models::clip::ClipTextModel;
use crate::models::unet_2d::UNet2DModel;
use crate::models::unet_2d_condition::UNet2DConditionModel;
use crate::storage::checkpoint::{Checkpoint, Comparison, Description, Mismatch};

/// What there is to know of a model that isn't loaded.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// What it is made of.
    pub description: Description,
    /// Its components that have weights, beside the networks that their configs ask for.
    pub components: Vec<ComponentInspection>,
    /// What it takes on the device, or why it can't be used.
    pub footprint: Result<Footprint>,
}

/// A component's files beside the network that its config asks for.
#[derive(Clone, Debug, Serialize)]
pub struct ComponentInspection {
    /// The component.
    pub part: Part,
    /// How they differ.
    #[serde(flatten)]
    pub mismatch: Mismatch,
    /// Why nothing can be said of it, in a line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl ComponentInspection {
    /// What is to be said of the component's files, in a line that begins with its name; `None` if there is nothing.
    pub fn note(&self) -> Option<String> {
        let fatal = || self.mismatch.is_fatal().then(|| self.mismatch.to_string());
        let said = self.error.clone().or_else(fatal).or_else(|| self.mismatch.note())?;
        Some(format!("{}: {said}", self.part.name()))
    }
}

impl Inspection {
    /// The memory plan of a run; the model in use holds so many bytes.
    ///
    /// # Errors
    /// The model can't be used.
    pub fn plan(&self, wish: impl FnOnce(&Footprint) -> Wish, held: u64) -> Result<Plan> {
        let footprint = self.footprint.as_ref().map_err(Error::clone)?;
        Ok(footprint.plan(&wish(footprint), footprint.budget(held)))
    }

    /// How a component's files differ from its network, if it has any.
    pub fn component(&self, name: &str) -> Option<&ComponentInspection> {
        self.components.iter().find(|component| component.part.name() == name)
    }
}

/// Looks into a model, for a device that isn't opened. It reads configs and the headers of weight files, and allocates nothing.
///
/// # Errors
/// There is no such model, it is none that we know, or its files are damaged.
pub fn inspect(model: &ModelRef, capacity: Capacity) -> Result<Inspection> {
    let checkpoint = families::open(model)?;
    let Capacity { dtype, max_tensor_bytes, memory, has_f16 } = capacity;
    // Networks without weights don't care where they are.
    let compute =
        ComputeDevice { device: Device::flex(), name: String::new(), dtype, max_tensor_bytes, memory, has_f16 };
    let components = Part::ALL.into_iter().filter_map(|part| compare(&checkpoint, &compute, part)).collect();
    Ok(Inspection { description: checkpoint.describe()?, components, footprint: footprint(&checkpoint, &compute) })
}

fn footprint(checkpoint: &Checkpoint, compute: &ComputeDevice) -> Result<Footprint> {
    if checkpoint.family().id == families::unconditional::row::ROW.id {
        return unconditional::footprint(checkpoint, compute, &Slot::new(checkpoint, compute)?);
    }
    let parts = Parts::new(checkpoint, compute, &mut |_| true)?;
    let parts = parts.ok_or_else(|| Error::new("the model wasn't looked into"))?;
    Ok(parts.footprint(compute, sample_size(config(checkpoint, "unet")?)))
}

/// A component's files beside its network; `None` if the model has no such component.
fn compare(checkpoint: &Checkpoint, compute: &ComputeDevice, part: Part) -> Option<ComponentInspection> {
    fn of<T: Component>(checkpoint: &Checkpoint, compute: &ComputeDevice) -> Result<Comparison> {
        checkpoint.compare(T::PART.name(), T::build(checkpoint, compute)?.network(), compute.dtype)
    }
    checkpoint.component(part.name()).ok()?;
    let compared = match part {
        Part::Unet if checkpoint.family().id == families::unconditional::row::ROW.id => {
            of::<UNet2DModel>(checkpoint, compute)
        }
        Part::Unet => of::<UNet2DConditionModel>(checkpoint, compute),
        Part::Vae => of::<AutoencoderKL>(checkpoint, compute),
        Part::TextEncoder => of::<ClipTextModel>(checkpoint, compute),
        Part::DepthEstimator => of::<DepthEstimator>(checkpoint, compute),
        Part::SafetyChecker => of::<SafetyChecker>(checkpoint, compute),
    };
    let (mismatch, error) = match compared {
        Ok(comparison) => (comparison.mismatch, None),
        Err(error) => (Mismatch::default(), Some(error.to_string())),
    };
    Some(ComponentInspection { part, mismatch, error })
}
