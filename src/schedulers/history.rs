//! The memory of a sampler during a run, and the snapshot of it that can be stored.

use std::collections::BTreeMap;

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::level::in_f32;
use crate::base::error::{Error, Result};

/// The memory of a sampler: what it needs of earlier calls of the model. Tensors are f32.
#[derive(Clone, Debug, Default)]
pub(super) struct StepHistory {
    /// The index of the next call.
    pub(super) next: usize,
    /// The results of the last calls, newest first.
    outputs: Vec<Tensor<4>>,
    /// Other tensors, by name.
    tensors: BTreeMap<String, Tensor<4>>,
    /// Numbers, by name.
    counts: BTreeMap<String, usize>,
}

impl StepHistory {
    /// The results of the last calls, newest first.
    pub(super) fn outputs(&self) -> &[Tensor<4>] {
        &self.outputs
    }

    /// Remembers the result of a call, and at most `most` in all.
    pub(super) fn push(&mut self, output: Tensor<4>, most: usize) {
        self.outputs.insert(0, output);
        self.forget_beyond(most);
    }

    /// Forgets all but the `most` newest results.
    pub(super) fn forget_beyond(&mut self, most: usize) {
        self.outputs.truncate(most);
    }

    /// Adds the remembered results, newest first, each multiplied by its weight. Results without a weight are left out.
    pub(super) fn add_outputs(&self, sum: Tensor<4>, weights: impl IntoIterator<Item = f64>) -> Tensor<4> {
        self.outputs.iter().zip(weights).fold(sum, |sum, (output, weight)| sum + output.clone() * weight)
    }

    /// Remembers a tensor by its name.
    pub(super) fn keep(&mut self, name: &str, tensor: Tensor<4>) {
        self.tensors.insert(name.to_owned(), tensor);
    }

    /// The remembered tensor of this name.
    pub(super) fn kept(&self, name: &str) -> Option<Tensor<4>> {
        self.tensors.get(name).cloned()
    }

    /// Removes the remembered tensor of this name.
    pub(super) fn take(&mut self, name: &str) -> Option<Tensor<4>> {
        self.tensors.remove(name)
    }

    /// Removes a tensor that the first call of a step has left.
    ///
    /// # Errors
    /// The run began with a later call of the step.
    pub(super) fn take_from_first_call(&mut self, name: &str) -> Result<Tensor<4>> {
        self.take(name).ok_or_else(|| Error::new("The sampler can't start in the middle of a step"))
    }

    /// The remembered number of this name; 0 if there is none.
    pub(super) fn count(&self, name: &str) -> usize {
        self.counts.get(name).copied().unwrap_or_default()
    }

    /// Remembers a number by its name.
    pub(super) fn set_count(&mut self, name: &str, count: usize) {
        self.counts.insert(name.to_owned(), count);
    }

    /// Checks that the tensors have the shape of a sample.
    ///
    /// # Errors
    /// They have another shape.
    pub(super) fn check_shape(&self, shape: [usize; 4]) -> Result<()> {
        match self.outputs.iter().chain(self.tensors.values()).find(|tensor| tensor.dims() != shape) {
            Some(other) => Err(Error::new(format!(
                "The sampler remembers samples of the shape {:?}, and can't go on with samples of the shape {shape:?}",
                other.dims()
            ))),
            None => Ok(()),
        }
    }

    /// Makes the snapshot of a sampler of this class, in a run of so many calls.
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

    /// Makes the history of a snapshot, for a sampler of this class and a run of so many calls.
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

/// The name of the result of the call `back` calls ago.
fn output_name(back: usize) -> String {
    format!("output_{back}")
}

/// The memory of a sampler between two calls of the model, to be stored: a record, and tensors by name.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Everything but the tensors.
    pub record: SnapshotRecord,
    /// The tensors, `[batch, channels, height, width]` in f32, all of the shape of the run's samples.
    pub tensors: BTreeMap<String, Tensor<4>>,
}

/// Everything of a [`Snapshot`] but its tensors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotRecord {
    /// The Diffusers class of the sampler.
    pub class: String,
    /// The number of calls of the model in the whole run.
    pub calls: usize,
    /// The index of the next call; 0 before the first one.
    pub next: usize,
    /// The number of results of earlier calls among the tensors.
    pub outputs: usize,
    /// The numbers that the sampler remembers, by name.
    pub counts: BTreeMap<String, usize>,
}
