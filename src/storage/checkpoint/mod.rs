//! Checkpoints: opening a model in diffusers format and loading its weights into burn modules.
//!
//! A model is a folder with a `model_index.json` that names its components, each in a folder of its own with a config
//! and safetensors weights. The bundled model is the same, read out of the binary; a single file is made to look the same.
//! Nothing here knows a family of models by name, or what a component does: what can be opened is told by the rows of
//! [`family::Families`], configs are handed out as JSON, and weights go wherever a module's field names say.
//! Limits: no pickles (`.bin`).

mod backing;
mod bundled;
mod card;
mod component;
mod describe;
pub mod family;
mod file_tree;
mod files;
mod index;
mod json;
mod keys;
mod load;
mod opened;
mod options;
mod single_file;
mod weight_files;

pub use card::Recommended;
pub use component::Component;
pub use describe::{ComponentDescription, Description, WeightsDescription};
pub use load::{Comparison, MisShaped, Mismatch, OnTensor};
pub use opened::Checkpoint;
pub use options::CheckpointOptions;
pub use weight_files::Variant;

pub(crate) use file_tree::FileTree;
pub(crate) use files::{Files, is_plain_name, read_json};
pub(crate) use index::{
    NamedComponent, beside_index, check_class, config_file, has_weights, named_components, pipeline,
};
pub(crate) use single_file::is_scaled;
pub(crate) use weight_files::{WeightFiles, Weights, inside, read_index, weight_files};
