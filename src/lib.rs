//! Burnisher: local image generation.

pub mod cancel;
pub mod checkpoint;
pub mod cli;
pub mod device;
pub mod error;
pub mod models;
pub mod ops;
pub mod gallery;
pub mod imaging;
pub mod pipelines;
pub mod request;
pub mod rng;
pub mod schedulers;
pub mod worker;
