//! Comparisons with golden data from the reference, part by part.

mod checkpoints;
mod rng;
mod scheduler_expectations;
mod schedulers;
#[path = "../support/mod.rs"]
mod support;
mod tokenizer;
