//! Burnisher: local image generation.

pub mod checkpoint;
pub mod error;
pub mod pipelines;
pub mod request;
pub mod rng;
pub mod schedulers;
