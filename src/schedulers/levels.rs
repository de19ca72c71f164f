//! The noise levels of a run, with the scaling of the model's input and the meaning of its output at each of them.

use burn::tensor::Tensor;

use super::clip::Clip;
use super::level::{Mix, NoiseLevel};
use super::prediction::Prediction;

/// The composition of samples, and how the model is shown them.
#[derive(Clone, Copy, Debug)]
pub(super) enum Space {
    /// The squares of signal and noise add up to 1, and the model sees samples as they are.
    Scheduled,
    /// `clean + sigma * normal`; the model sees samples scaled to unit variance.
    Sigma { init_noise_sigma: f64 },
    /// `clean + sigma * normal` with EDM's preconditioning (arXiv 2206.00364, table 1).
    Edm {
        init_noise_sigma: f64,
        /// The standard deviation of clean samples.
        sigma_data: f64,
    },
    /// `(1 - sigma) * clean + sigma * normal`; the model predicts `normal - clean`.
    Flow,
}

/// The noise levels of a run.
pub(super) struct NoiseLevels {
    space: Space,
    prediction: Prediction,
    clip: Clip,
    timesteps: Vec<f64>,
    /// The level of each call of the model, and the one that the last call goes to.
    calls: Vec<NoiseLevel>,
    /// The level that each step begins at, and the one that the last step goes to.
    steps: Vec<NoiseLevel>,
    /// The level that noise is added up to, for each call.
    noised: Vec<NoiseLevel>,
    /// The number of calls of the model that make a step.
    order: usize,
    entries: Option<Vec<usize>>,
}

impl NoiseLevels {
    /// Makes the levels of a run where each call of the model is a step. `levels` has one for each timestep, and the
    /// one that the last step goes to.
    pub(super) fn new(space: Space, prediction: Prediction, timesteps: Vec<f64>, levels: Vec<NoiseLevel>) -> Self {
        let (steps, noised) = (levels.clone(), levels.clone());
        Self { space, prediction, clip: Clip::None, timesteps, calls: levels, steps, noised, order: 1, entries: None }
    }

    /// Clips predicted clean samples.
    pub(super) fn clipped(self, clip: Clip) -> Self {
        Self { clip, ..self }
    }

    /// Makes `order` calls a step. `steps` has the level that each step begins at, and the one that the last step goes
    /// to.
    pub(super) fn in_steps(self, order: usize, steps: Vec<NoiseLevel>) -> Self {
        Self { steps, order, ..self }
    }

    /// Adds noise up to other levels than those of the calls.
    pub(super) fn noised_to(self, noised: Vec<NoiseLevel>) -> Self {
        Self { noised, ..self }
    }

    /// Lets samples of another run be taken up at these calls only.
    pub(super) fn entered_at(self, entries: Vec<usize>) -> Self {
        Self { entries: Some(entries), ..self }
    }

    /// The timestep of each call.
    pub(super) fn timesteps(&self) -> &[f64] {
        &self.timesteps
    }

    /// The number of calls in the run.
    pub(super) fn count(&self) -> usize {
        self.timesteps.len()
    }

    /// The level of call `i`, or the one that the last call goes to.
    pub(super) fn at(&self, i: usize) -> NoiseLevel {
        self.calls[i]
    }

    /// Half the logarithm of the signal-to-noise ratio of call `i`.
    pub(super) fn lambda(&self, i: usize) -> f64 {
        self.calls[i].lambda()
    }

    /// The levels that the step of call `i` begins at and goes to.
    pub(super) fn ends_of_step(&self, i: usize) -> [NoiseLevel; 2] {
        let step = i / self.order;
        [self.steps[step], self.steps[step + 1]]
    }

    /// The number of calls of the model that make a step.
    pub(super) fn order(&self) -> usize {
        self.order
    }

    /// The calls at which samples of another run can be taken up.
    pub(super) fn entries(&self) -> Vec<usize> {
        self.entries.clone().unwrap_or_else(|| (0..self.count()).step_by(self.order).collect())
    }

    /// The clipping of predicted clean samples.
    pub(super) fn clip(&self) -> Clip {
        self.clip
    }

    /// The prediction of the model.
    pub(super) fn prediction(&self) -> Prediction {
        self.prediction
    }

    /// The factor that makes the first sample of unit noise.
    pub(super) fn init_noise_sigma(&self) -> f64 {
        match self.space {
            Space::Scheduled | Space::Flow => 1.0,
            Space::Sigma { init_noise_sigma } | Space::Edm { init_noise_sigma, .. } => init_noise_sigma,
        }
    }

    /// Scales the sample of call `i` to what the model is shown.
    pub(super) fn scale_model_input(&self, sample: Tensor<4>, i: usize) -> Tensor<4> {
        let sigma = self.calls[i].noise;
        match self.space {
            Space::Scheduled | Space::Flow => sample,
            Space::Sigma { .. } => sample / (sigma * sigma + 1.0).sqrt(),
            Space::Edm { sigma_data, .. } => sample / (sigma * sigma + sigma_data * sigma_data).sqrt(),
        }
    }

    /// Adds noise to a clean sample, up to the level of call `i`.
    pub(super) fn add_noise(&self, original: &Tensor<4>, noise: &Tensor<4>, i: usize) -> Tensor<4> {
        self.noised[i].add_noise(original, noise)
    }

    /// The clean sample of call `i`, from the noisy one and the model's output.
    pub(super) fn original(&self, i: usize, sample: &Tensor<4>, model_output: &Tensor<4>) -> Tensor<4> {
        let level = self.calls[i];
        let mix = match self.space {
            Space::Scheduled => self.prediction.original(level),
            Space::Sigma { .. } => self.prediction.original_by_sigma(level.noise),
            Space::Edm { sigma_data, .. } => {
                let square = level.noise * level.noise + sigma_data * sigma_data;
                let sign = if self.prediction == Prediction::Velocity { -1.0 } else { 1.0 };
                Mix { sample: sigma_data * sigma_data / square, other: sign * level.noise * sigma_data / square.sqrt() }
            }
            Space::Flow => Mix { sample: 1.0, other: -level.noise },
        };
        self.clip.of(mix.of(sample, model_output))
    }

    /// The noise of each step and what the last step goes to, for a plot: noise by signal, and in flow matching the
    /// share of the noise.
    pub(super) fn sigmas(&self) -> Vec<f64> {
        let sigma = |level: &NoiseLevel| match self.space {
            Space::Flow => level.noise,
            Space::Scheduled | Space::Sigma { .. } | Space::Edm { .. } => level.sigma(),
        };
        self.steps.iter().map(sigma).collect()
    }
}
