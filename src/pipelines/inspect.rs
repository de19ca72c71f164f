//! Looking into a model without loading it: configs and headers are all that is read.

use crate::checkpoint::{Checkpoint, Description, ModelRef};
use crate::error::Result;

/// What there is to know of a model that isn't loaded.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// What it is made of.
    pub description: Description,
}

/// Looks into a model. It reads configs and the headers of weight files, and allocates nothing on a device.
///
/// # Errors
/// There is no such model, it is none that we know, or its files are damaged.
pub fn inspect(model: &ModelRef) -> Result<Inspection> {
    Ok(Inspection { description: Checkpoint::open(model)?.describe()? })
}
