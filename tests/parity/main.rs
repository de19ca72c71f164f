//! Comparisons with golden data from the reference, part by part.

mod checkpoints;
mod model_files;
mod rng;
mod scheduler_expectations;
mod schedulers;
#[path = "../support/mod.rs"]
mod support;
mod tokenizer;
