//! Comparisons with golden data from the reference, part by part.

mod checkpoints;
mod rng;
#[path = "../support/mod.rs"]
mod support;
mod tokenizer;
