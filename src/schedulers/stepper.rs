//! The step of a sampler: from one call of the model to the sample that comes next.

use burn::tensor::{DType, Tensor, TensorData};

use super::clip::Clip;
use super::history::StepHistory;
use super::level::NoiseLevel;
use super::levels::NoiseLevels;
use super::prediction::Prediction;
use crate::base::error::Result;
use crate::base::rng::Generators;

/// The algorithm of a sampler. It holds coefficients only: what it remembers of a run is in the call's history.
pub(super) trait Stepper {
    /// Computes the sample that follows a call of the model, in f32.
    ///
    /// # Errors
    /// The step can't be done from where the run started.
    fn step(&self, call: &mut ModelCall<'_>) -> Result<Tensor<4>>;

    /// Computes the clean sample that the model's output at call `i` stands for.
    fn original(&self, levels: &NoiseLevels, i: usize, sample: &Tensor<4>, model_output: &Tensor<4>) -> Tensor<4> {
        levels.original(i, sample, model_output)
    }

    /// Prepares the history of a run that begins at call `i` with samples that another run left there.
    fn take_up(&self, _i: usize, _history: &mut StepHistory) {}
}

/// The levels and the step of a sampler, built for a number of steps.
pub(super) struct BuiltSampler {
    pub(super) levels: NoiseLevels,
    pub(super) stepper: Box<dyn Stepper>,
}

impl BuiltSampler {
    /// Makes a sampler of its parts.
    pub(super) fn new(levels: NoiseLevels, stepper: impl Stepper + 'static) -> Self {
        Self { levels, stepper: Box::new(stepper) }
    }
}

/// A call of the model. All tensors are `[batch, channels, height, width]` in f32.
pub(super) struct ModelCall<'a> {
    pub(super) levels: &'a NoiseLevels,
    /// Its index.
    pub(super) i: usize,
    /// The sample that the model was shown, before it was scaled.
    pub(super) sample: Tensor<4>,
    pub(super) model_output: Tensor<4>,
    /// The clean sample that the output stands for.
    pub(super) original: Tensor<4>,
    /// What the sampler remembers of earlier calls.
    pub(super) history: &'a mut StepHistory,
    pub(super) generators: &'a mut Generators,
}

/// The quantity that a solver of DPM-Solver's family computes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Solves {
    /// Predicted clean samples.
    CleanSamples,
    /// Predicted noises.
    Noises,
}

impl ModelCall<'_> {
    /// The level of the sample.
    pub(super) fn level(&self) -> NoiseLevel {
        self.levels.at(self.i)
    }

    /// The level that the call goes to.
    pub(super) fn next_level(&self) -> NoiseLevel {
        self.levels.at(self.i + 1)
    }

    /// Returns whether it is the first call of a step.
    pub(super) fn begins_step(&self) -> bool {
        self.i.is_multiple_of(self.levels.order())
    }

    /// Draws unit noise of the sample's shape.
    pub(super) fn noise(&mut self) -> Tensor<4> {
        let shape = self.sample.dims();
        Tensor::from_data(TensorData::new(self.generators.randn(shape), shape), (&self.sample.device(), DType::F32))
    }

    /// The noise in the sample, according to the model's output.
    pub(super) fn epsilon(&self) -> Tensor<4> {
        self.levels.prediction().epsilon(self.level()).of(&self.sample, &self.model_output)
    }

    /// The quantity that a solver computes with: the clean sample or the noise, which follows from the clean sample if
    /// that is clipped.
    pub(super) fn solved(&self, solves: Solves) -> Tensor<4> {
        match (solves, self.levels.clip()) {
            (Solves::CleanSamples, _) => self.original.clone(),
            (Solves::Noises, Clip::None) => self.epsilon(),
            (Solves::Noises, _) => Prediction::Sample.epsilon(self.level()).of(&self.sample, &self.original),
        }
    }

    /// The derivative of the sample by sigma.
    pub(super) fn derivative(&self) -> Tensor<4> {
        (self.sample.clone() - self.original.clone()) / self.level().sigma()
    }

    /// Moves the sample along the straight line through its clean sample to where the noise is `sigma`.
    ///
    /// The order of operations is Diffusers': where a schedule starts at sigma 4096, they cancel digits, which shows.
    pub(super) fn follow(&self, sigma: f64) -> Tensor<4> {
        self.sample.clone() + self.derivative() * (sigma - self.level().sigma())
    }
}
