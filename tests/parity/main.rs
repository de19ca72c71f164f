//! Comparisons with golden data from the reference, part by part.

mod by_hand;
mod checkpoints;
mod depth_estimator;
mod families;
mod from_pictures;
mod gpu;
mod imaging;
mod layers;
mod memory;
mod model_files;
mod models;
mod ops;
mod overflow;
mod pasting;
mod published_configs;
mod rng;
mod runs;
mod safety_checker;
mod schedulers;
mod single_files;
mod small_factor;
#[path = "../support/mod.rs"]
mod support;
mod text_to_image;
mod tokenizer;
mod unconditional;
