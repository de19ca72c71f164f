//! The samplers: Diffusers' schedulers, one file an algorithm.
//!
//! A [`Scheduler`] is built for a number of steps and used for one run. It has three parts:
//! - `NoiseLevels`: the timesteps and noise levels of the run, how noise is added, how the model's input is scaled, and
//!   what its output means. The four kinds (`Space`) are in `levels`;
//! - a `Stepper`: the algorithm that takes a sample from one noise level to the next after a call of the model;
//! - a `StepHistory`: what the stepper remembers of earlier calls. It is the only state of a scheduler, so that a
//!   [`Snapshot`] of any sampler is taken and restored in one place.
//!
//! Coefficients are scalars, computed in f64 on the CPU from the f32 tables that Diffusers has. Tensors are only added
//! and multiplied by scalars, in f32 whatever their dtype, on the device they are on, and nothing is read back. What
//! can't be computed is refused when the scheduler is built.
//!
//! # To add a sampler
//! One file and one row. A file such as `samplers/ipndm.rs` has the options, the algorithm as a `Stepper`, and a
//! constant that describes the class:
//! ```text
//! pub(super) const CLASS: SamplerClass =
//!     SamplerClass::new("IPNDMScheduler", ModelKind::ContinuousTime, defaults, build).keeping_history();
//!
//! fn defaults() -> Value {
//!     json!({"num_train_timesteps": 1000, "trained_betas": null})
//! }
//!
//! fn build(options: &SchedulerOptions, steps: usize) -> Result<BuiltSampler> {
//!     Ok(BuiltSampler::new(levels, Ipndm))
//! }
//!
//! impl Stepper for Ipndm {
//!     fn step(&self, call: &mut ModelCall<'_>) -> Result<Tensor<4>> { .. }
//! }
//! ```
//! Its `mod` line and its row stand in `samplers/mod.rs`, the row at its place in the menus:
//! ```text
//! SamplerRow { name: "ipndm", label: "iPNDM v-diffusion", class: &ipndm::CLASS, overrides: || json!({}) },
//! ```
//! Menus, command line, recipes, tooltips, refusals and snapshots follow from the row and the class. Two tests fail
//! until the sampler is compared with Diffusers: `tests/golden/schedulers/generate.py` needs the same row, and so does
//! that of `text_to_image`.

mod build;
mod class;
mod clip;
mod config;
mod distilled;
mod dpm_solver;
mod edm_levels;
mod history;
mod kind;
mod lagrange;
mod level;
mod levels;
mod midpoint_levels;
mod noise_schedule;
mod options;
mod prediction;
mod samplers;
mod sampling;
mod scheduler;
mod settings;
mod sigmas;
mod solver_levels;
mod spacing;
mod stepper;
mod swap;

pub use config::SchedulerConfig;
pub use history::{Snapshot, SnapshotRecord};
pub use kind::SchedulerKind;
pub use sampling::{SamplingOptions, SigmaSchedule};
pub use scheduler::{Scheduler, StepOutput};
pub use settings::{Origin, Setting};
pub use swap::{Fate, Swapped};
