//! What lies on disks and on the Hugging Face Hub: models, pictures, and the settings inside pictures.

pub mod checkpoint;
pub mod gallery;
pub mod hub;
pub mod library;
pub mod recipe;
pub(crate) mod weights;
