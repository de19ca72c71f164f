//! Burnisher: local image generation.

pub mod error;
pub mod models;
pub mod pipelines;
pub mod request;
pub mod rng;
pub mod schedulers;
