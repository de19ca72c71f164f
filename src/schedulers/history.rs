//! What a sampler remembers of a run, and the snapshot of it that can be stored.

use std::collections::BTreeMap;

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::level::in_f32;
use crate::base::error::{Error, Result};

/// What a sampler remembers of earlier calls of the model. Tensors are f32.
#[derive(Clone, Debug, Default)]
pub(super) struct StepHistory {
    /// The index of the next call.
    pub(super) next: usize,
    /// What the last calls gave, newest first.
    outputs: Vec<Tensor<4>>,
    /// Other tensors, by name.
    tensors: BTreeMap<String, Tensor<4>>,
    /// Numbers, by name.
    counts: BTreeMap<String, usize>,
}

impl StepHistory {
    /// What the last calls gave, newest first.
    pub(super) fn outputs(&self) -> &[Tensor<4>] {
        &self.outputs
    }

    /// Adds what a call gave. At most `most` are remembered.
    pub(super) fn push(&mut self, output: Tensor<4>, most: usize) {
        self.outputs.insert(0, output);
        self.forget_beyond(most);
    }

    /// Forgets all but the newest outputs.
    pub(super) fn forget_beyond(&mut self, most: usize) {
        self.outputs.truncate(most);
    }

    /// Adds the outputs, newest first, each multiplied by its weight. Outputs without a weight are left out.
    pub(super) fn add_outputs(&self, sum: Tensor<4>, weights: impl IntoIterator<Item = f64>) -> Tensor<4> {
        self.outputs.iter().zip(weights).fold(sum, |sum, (output, weight)| sum + output.clone() * weight)
    }

    /// Remembers a tensor by its name.
    pub(super) fn keep(&mut self, name: &str, tensor: Tensor<4>) {
        self.tensors.insert(name.to_owned(), tensor);
    }

    /// A tensor that is remembered.
    pub(super) fn kept(&self, name: &str) -> Option<Tensor<4>> {
        self.tensors.get(name).cloned()
    }

    /// Forgets a tensor, and gives it.
    pub(super) fn take(&mut self, name: &str) -> Option<Tensor<4>> {
        self.tensors.remove(name)
    }

    /// Forgets a tensor that the first call of a step has left, and gives it.
    ///
    /// # Errors
    /// The run began with a later call of the step.
    pub(super) fn take_from_first_call(&mut self, name: &str) -> Result<Tensor<4>> {
        self.take(name).ok_or_else(|| Error::new("The sampler can't start in the middle of a step"))
    }

    /// A number that is remembered; 0 if there is none.
    pub(super) fn count(&self, name: &str) -> usize {
        self.counts.get(name).copied().unwrap_or_default()
    }

    /// Remembers a number by its name.
    pub(super) fn set_count(&mut self, name: &str, count: usize) {
        self.counts.insert(name.to_owned(), count);
    }

    /// Makes sure that the tensors go together with a sample.
    ///
    /// # Errors
    /// They are of another shape.
    pub(super) fn check_shape(&self, shape: [usize; 4]) -> Result<()> {
        match self.outputs.iter().chain(self.tensors.values()).find(|tensor| tensor.dims() != shape) {
            Some(other) => Err(Error::new(format!(
                "The sampler remembers samples of the shape {:?}, and can't go on with samples of the shape {shape:?}",
                other.dims()
            ))),
            None => Ok(()),
        }
    }

    /// Describes the history of a sampler of this class, for a run of so many calls.
    pub(super) fn snapshot(&self, class: &str, calls: usize) -> Snapshot {
        let outputs = self.outputs.iter().enumerate().map(|(back, output)| (output_name(back), output.clone()));
        let record = SnapshotRecord {
            class: class.to_owned(),
            calls,
            next: self.next,
            outputs: self.outputs.len(),
            counts: self.counts.clone(),
        };
        Snapshot { record, tensors: outputs.chain(self.tensors.clone()).collect() }
    }

    /// Makes the history that a snapshot describes, for a sampler of this class and a run of so many calls.
    ///
    /// # Errors
    /// The snapshot is of another sampler or of another number of steps, or it isn't whole.
    pub(super) fn from_snapshot(snapshot: Snapshot, class: &str, calls: usize) -> Result<Self> {
        let Snapshot { record, mut tensors } = snapshot;
        if record.class != class {
            return Err(Error::new(format!("A snapshot of {} can't be restored in {class}", record.class)));
        }
        if record.calls != calls {
            return Err(Error::new(format!(
                "A snapshot of a run with {} calls of the model can't be restored in a run with {calls}",
                record.calls
            )));
        }
        if record.next > calls || record.outputs > record.next {
            return Err(Error::new("The snapshot of the sampler is damaged: its numbers contradict each other"));
        }
        let output = |back| {
            let name = output_name(back);
            let tensor = tensors.remove(&name).map(in_f32);
            tensor.ok_or_else(|| Error::new(format!("The snapshot of the sampler is damaged: it lacks {name}")))
        };
        let outputs = (0..record.outputs).map(output).collect::<Result<_>>()?;
        let tensors = tensors.into_iter().map(|(name, tensor)| (name, in_f32(tensor))).collect();
        Ok(Self { next: record.next, outputs, tensors, counts: record.counts })
    }
}

/// The name of what the call `back` calls ago gave.
fn output_name(back: usize) -> String {
    format!("output_{back}")
}

/// What a sampler remembers of a run between two calls of the model, to be stored: a record, and tensors by name.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The part that is no tensors.
    pub record: SnapshotRecord,
    /// The tensors, `[batch, channels, height, width]` in f32, all of the shape of the run's samples.
    pub tensors: BTreeMap<String, Tensor<4>>,
}

/// The part of a [`Snapshot`] that is no tensors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotRecord {
    /// The Diffusers class of the sampler.
    pub class: String,
    /// How many calls of the model the whole run has.
    pub calls: usize,
    /// The index of the next call; 0 before the first one.
    pub next: usize,
    /// How many outputs of earlier calls are among the tensors.
    pub outputs: usize,
    /// Numbers that the sampler remembers.
    pub counts: BTreeMap<String, usize>,
}
