//! Comparisons with golden data from the reference, part by part.

mod rng;
mod scheduler_expectations;
mod schedulers;
