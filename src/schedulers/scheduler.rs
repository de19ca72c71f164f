//! A sampler built for one run.

use burn::tensor::{DType, Tensor};

use super::history::{Snapshot, StepHistory};
use super::level::in_f32;
use super::levels::NoiseLevels;
use super::stepper::{BuiltSampler, ModelCall, Stepper};
use crate::base::error::Result;
use crate::base::rng::Generators;

/// A sampler built for one run of a given number of steps.
///
/// Calls of the model are addressed by index. A run may start at any of them (image to image), and then goes on one by
/// one. Samples and model outputs are `[batch, channels, height, width]`.
pub struct Scheduler {
    class: &'static str,
    levels: NoiseLevels,
    stepper: Box<dyn Stepper>,
    history: StepHistory,
}

/// The result of a step, in the dtype of the sample that went in.
#[derive(Debug)]
pub struct StepOutput {
    /// The sample of the next step, `[batch, channels, height, width]`.
    pub prev_sample: Tensor<4>,
    /// The predicted finished sample, which a preview shows.
    pub pred_original_sample: Tensor<4>,
}

impl StepOutput {
    fn new(prev_sample: Tensor<4>, pred_original_sample: Tensor<4>, dtype: DType) -> Self {
        Self { prev_sample: prev_sample.cast(dtype), pred_original_sample: pred_original_sample.cast(dtype) }
    }
}

impl Scheduler {
    /// Makes the scheduler of a Diffusers class, at the start of its run.
    pub(super) fn new(class: &'static str, sampler: BuiltSampler) -> Self {
        let BuiltSampler { levels, stepper } = sampler;
        Self { class, levels, stepper, history: StepHistory::default() }
    }

    /// The timestep of each call of the model, as the UNet is given it: high to low. PNDM repeats some.
    pub fn timesteps(&self) -> &[f64] {
        self.levels.timesteps()
    }

    /// The number of calls of the model that make a step: image to image starts at a multiple of it.
    pub fn order(&self) -> usize {
        self.levels.order()
    }

    /// The factor that makes the first sample of unit noise.
    pub fn init_noise_sigma(&self) -> f64 {
        self.levels.init_noise_sigma()
    }

    /// Scales the sample of call `i` to what the model is shown.
    pub fn scale_model_input(&self, sample: Tensor<4>, i: usize) -> Tensor<4> {
        self.levels.scale_model_input(sample, i)
    }

    /// Does the step of call `i`. Stochastic samplers draw their noise from `generators`, in the sample's shape and in
    /// f32.
    ///
    /// # Errors
    /// The step can't be done from where the run started, or with samples of this shape.
    pub fn step(
        &mut self,
        model_output: Tensor<4>,
        i: usize,
        sample: Tensor<4>,
        generators: &mut Generators,
    ) -> Result<StepOutput> {
        let dtype = sample.dtype();
        self.history.check_shape(sample.dims())?;
        let (model_output, sample) = (in_f32(model_output), in_f32(sample));
        let Self { levels, stepper, history, .. } = self;
        let original = stepper.original(levels, i, &sample, &model_output);
        let mut call = ModelCall { levels, i, sample, model_output, original, history, generators };
        let prev_sample = stepper.step(&mut call)?;
        call.history.next = i + 1;
        Ok(StepOutput::new(prev_sample, call.original, dtype))
    }

    /// Adds noise to `original`, up to the level of call `i`.
    pub fn add_noise(&self, original: &Tensor<4>, noise: &Tensor<4>, i: usize) -> Tensor<4> {
        self.levels.add_noise(original, noise, i)
    }

    /// The calls at which samples of another run can be taken up.
    pub fn entries(&self) -> Vec<usize> {
        self.levels.entries()
    }

    /// Begins the run at call `i` with samples that another run left there, without what only the first steps of a
    /// whole run do.
    pub fn take_up(&mut self, i: usize) {
        self.stepper.take_up(i, &mut self.history);
    }

    /// The noise levels of the run, as [`SchedulerKind::sigmas`](super::SchedulerKind::sigmas) describes them: one for
    /// each step (not each call of the model), and the one that the last step goes to.
    pub fn sigmas(&self) -> Vec<f64> {
        self.levels.sigmas()
    }

    /// Takes a snapshot of the sampler's memory. It can be taken after any call of the model, even within a step.
    pub fn snapshot(&self) -> Snapshot {
        self.history.snapshot(self.class, self.levels.count())
    }

    /// Goes on where a snapshot was taken. The scheduler must have been built in the same way, and the next call is
    /// [`next`](super::SnapshotRecord::next). Tensors must be on the device of the samples.
    ///
    /// # Errors
    /// The snapshot is of another sampler or of another number of steps, or it isn't whole.
    pub fn restore(&mut self, snapshot: Snapshot) -> Result<()> {
        self.history = StepHistory::from_snapshot(snapshot, self.class, self.levels.count())?;
        Ok(())
    }
}
