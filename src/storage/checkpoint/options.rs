//! What a model is opened with beside its name.

use std::path::PathBuf;

/// What a model is opened with beside its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckpointOptions {
    /// A safetensors file with another VAE than the model's own.
    pub vae: Option<PathBuf>,
    /// Whether to take the weights that are averaged over the training (EMA) out of a single file that has both, rather than
    /// the last ones, which Diffusers takes.
    pub use_averaged: bool,
}
