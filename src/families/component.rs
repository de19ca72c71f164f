//! The names of a model's components, and what a family says of each.

use std::fmt;

use serde::Serialize;

use crate::base::device::ComputeDevice;
use crate::base::error::Result;
use crate::storage::checkpoint::{Checkpoint, Comparison};

/// The name of a component that has weights, as in `model_index.json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct ComponentId(&'static str);

impl ComponentId {
    /// The denoiser of a UNet family.
    pub const UNET: Self = Self::new("unet");
    /// The autoencoder between pictures and latents.
    pub const VAE: Self = Self::new("vae");
    /// The encoder of the prompt.
    pub const TEXT_ENCODER: Self = Self::new("text_encoder");
    /// The network that tells near from far.
    pub const DEPTH_ESTIMATOR: Self = Self::new("depth_estimator");
    /// The network that looks at finished pictures.
    pub const SAFETY_CHECKER: Self = Self::new("safety_checker");

    /// Names a component of a family.
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// The name itself.
    pub fn name(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for ComponentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Compares a component's files with the network that its config asks for.
pub type CompareFiles = fn(&Checkpoint, &ComputeDevice) -> Result<Comparison>;

/// A component that a family may have.
pub struct ComponentKind {
    /// Its name.
    pub id: ComponentId,
    /// How its files are checked while nothing of the model is loaded.
    pub compare: CompareFiles,
}
