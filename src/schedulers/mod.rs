//! The samplers: Diffusers' schedulers, one file an algorithm.
//!
//! A scheduler is built for a number of steps and used for one run. Its coefficients are scalars, worked out in f64 on
//! the CPU from the f32 tables that Diffusers has; tensors only see `a * x + b * y`, in f32 whatever dtype comes in, on
//! the device they are on, and nothing is read back. What can't be computed is refused when the scheduler is built.
//!
//! # To add a sampler
//! One file and one row. The file has the algorithm, as a [`Scheduler`], and a constant that tells the rest of it:
//! ```text
//! pub(super) const CLASS: Class =
//!     Class { name: "IPNDMScheduler", family: Family::ContinuousTime, defaults, arguments: &[], build };
//! ```
//! Its `mod` line stands below, and the row in `kind`, among those that it is to stand with in the menus:
//! ```text
//! Row { name: "ipndm", label: "iPNDM v-diffusion", class: &super::ipndm::CLASS, overrides: || json!({}) },
//! ```
//! Menus, command line, recipes, tooltips and refusals go by the row and the class. Two tests fail until the sampler is
//! compared with Diffusers: `tests/golden/schedulers/generate.py` wants the same row, and so does that of `text_to_image`.

mod build;
mod ddim;
mod ddpm;
mod deis;
mod dpm_multistep;
mod dpm_sde;
mod dpm_singlestep;
mod dpm_solver;
mod edm;
mod edm_dpm;
mod edm_euler;
mod euler;
mod euler_ancestral;
mod flow_euler;
mod heun;
mod ipndm;
mod kdpm2;
mod kdpm2_ancestral;
mod kind;
mod lcm;
mod levels;
mod lms;
mod options;
mod pndm;
mod prediction;
mod sa_solver;
mod sampling;
mod schedule;
mod settings;
mod sigmas;
mod swap;
mod tcd;
mod unipc;

use burn::tensor::{DType, Tensor, TensorData};

use crate::base::error::{Error, Result};
use crate::base::rng::Generators;

pub use kind::SchedulerKind;
pub use options::SchedulerConfig;
pub use sampling::{SamplingOptions, SigmaSchedule};
pub use settings::{Origin, Setting};
pub use swap::{Fate, Swapped};

use options::{Options, object};

/// A sampler built for one run of a given number of steps. Steps are addressed by index; a run may start at any of them
/// (image to image), and then goes on one by one. Samples and model outputs are `[batch, channels, height, width]`.
pub trait Scheduler {
    /// The timestep of each step, as the UNet is given it: high to low. PNDM repeats some.
    fn timesteps(&self) -> &[f64];

    /// How many calls of the model make a step: image to image starts at a multiple of it.
    fn order(&self) -> usize {
        1
    }

    /// What unit noise is multiplied by to make the first sample.
    fn init_noise_sigma(&self) -> f64 {
        1.0
    }

    /// The sample as the model wants to see it at step `i`.
    fn scale_model_input(&self, sample: Tensor<4>, _i: usize) -> Tensor<4> {
        sample
    }

    /// Step `i` of the sampler. Stochastic ones draw their noise from `generators`, in the sample's shape and in f32.
    ///
    /// # Errors
    /// The step can't be done from where the run started.
    fn step(
        &mut self,
        model_output: Tensor<4>,
        i: usize,
        sample: Tensor<4>,
        generators: &mut Generators,
    ) -> Result<StepOutput>;

    /// `original` noised to the level of step `i`.
    fn add_noise(&self, original: Tensor<4>, noise: Tensor<4>, i: usize) -> Tensor<4>;

    /// The steps at which samples of another run can be taken up.
    fn entries(&self) -> Vec<usize> {
        (0..self.timesteps().len()).step_by(self.order().max(1)).collect()
    }

    /// The run begins with step `i` and the samples that another one left there: what only the first steps of a whole run do is
    /// left out.
    fn take_up(&mut self, _i: usize) {}

    /// The noise levels of the run, as [`SchedulerKind::sigmas`] describes them: one a step (not a call of the model), and
    /// what the last step goes to.
    fn sigmas(&self) -> Vec<f64>;
}

/// What a step gives, in the dtype of the sample that went in.
#[derive(Debug)]
pub struct StepOutput {
    /// The sample of the next step, `[batch, channels, height, width]`.
    pub prev_sample: Tensor<4>,
    /// The model's present idea of the finished sample: what a preview shows.
    pub pred_original_sample: Tensor<4>,
}

impl StepOutput {
    fn new(prev_sample: Tensor<4>, pred_original_sample: Tensor<4>, dtype: DType) -> Self {
        Self { prev_sample: prev_sample.cast(dtype), pred_original_sample: pred_original_sample.cast(dtype) }
    }
}

/// A Diffusers scheduler class: its options and how it is built.
struct Class {
    /// As in `_class_name`.
    name: &'static str,
    family: Family,
    /// The arguments of its `__init__` with their defaults. Other keys mean nothing to it.
    defaults: fn() -> serde_json::Value,
    /// What its methods take beyond those.
    arguments: &'static [Argument],
    /// Builds it for a number of steps, from 1 to `num_train_timesteps`.
    build: fn(&Options, usize) -> Result<Box<dyn Scheduler>>,
}

impl Class {
    fn defaults(&self) -> SchedulerConfig {
        object((self.defaults)())
    }
}

/// What a class's `set_timesteps` and `step` take in Diffusers, beyond the number of steps.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Argument {
    /// How much noise is added back.
    Eta,
    /// The timesteps to visit.
    Timesteps,
    /// The same, which must be integers.
    WholeTimesteps,
    /// The noise level of each step.
    Sigmas,
    /// The same, and the one that the last step goes to.
    SigmasAndEnd,
}

/// The kind of models that a class samples: what timesteps and outputs mean to them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    /// Timesteps of a noise schedule: all of Stable Diffusion up to SDXL.
    Discrete,
    /// Time runs from 1 to 0, and v is predicted.
    ContinuousTime,
    /// With the preconditioning of arXiv 2206.00364.
    Edm,
    /// Flow matching.
    Flow,
}

/// Fresh unit noise of the sample's shape, f32.
fn noise_like(sample: &Tensor<4>, generators: &mut Generators) -> Tensor<4> {
    let shape = sample.dims();
    Tensor::from_data(TensorData::new(generators.randn(shape), shape), (&sample.device(), DType::F32))
}

/// One value a call of samplers that call the model twice a step, but once in the last one.
fn twice_but_the_first<T: Copy>(values: &[T]) -> Vec<T> {
    let twice = values.iter().skip(1).flat_map(|value| [*value; 2]);
    values.iter().take(1).copied().chain(twice).collect()
}

/// A sampler of two calls a step was given the second one first.
fn no_first_call() -> Error {
    Error::new("The sampler can't start in the middle of a step")
}
