//! The samplers: diffusers' schedulers, one file an algorithm.

use burn::tensor::Tensor;

use crate::error::Result;
use crate::rng::Generators;

/// A sampler built for one run of a given number of steps. Steps are addressed by index.
pub trait Scheduler {
    /// The timestep of each step, as the UNet is given it.
    fn timesteps(&self) -> &[f64];
    /// What unit noise is multiplied by to make the first sample.
    fn init_noise_sigma(&self) -> f64;
    /// The sample as the model wants to see it at step `i`.
    fn scale_model_input(&self, sample: Tensor<4>, i: usize) -> Tensor<4>;
    /// One step of the sampler.
    fn step(
        &mut self,
        model_output: Tensor<4>,
        i: usize,
        sample: Tensor<4>,
        generators: &mut Generators,
    ) -> Result<StepOutput>;
    /// `original` noised to the level of step `i`.
    fn add_noise(&self, original: Tensor<4>, noise: Tensor<4>, i: usize) -> Tensor<4>;
}

/// What a step gives.
pub struct StepOutput {
    /// The sample of the next step, `[batch, channels, height, width]`.
    pub prev_sample: Tensor<4>,
    /// The model's present idea of the finished sample: what a preview shows.
    pub pred_original_sample: Tensor<4>,
}

/// A scheduler's configuration: the keys and values of `scheduler_config.json`, as they stand in the file.
pub type SchedulerConfig = serde_json::Map<String, serde_json::Value>;

/// The samplers that can be chosen by name: a diffusers class and config overrides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SchedulerKind {
    Ddim,
}

impl SchedulerKind {
    /// Every kind, in the order of the menus.
    pub const ALL: &'static [Self] = &[Self::Ddim];

    /// The short name: the command line's, e.g. `dpm++2m-karras`.
    pub fn name(self) -> &'static str {
        "ddim"
    }

    /// The kind that a checkpoint's own `scheduler_config.json` asks for.
    ///
    /// # Errors
    /// Its `_class_name` is absent, or none that we know: the message names it.
    pub fn from_config(_config: &SchedulerConfig) -> Result<Self> {
        Ok(Self::Ddim)
    }

    /// Builds the sampler from a checkpoint's config (of this class or another, as diffusers' `from_config`).
    ///
    /// # Errors
    /// An option of the config that is unknown or contradictory, or a step count that the sampler can't do.
    pub fn build(self, _config: &SchedulerConfig, _steps: usize) -> Result<Box<dyn Scheduler>> {
        unimplemented!()
    }
}
