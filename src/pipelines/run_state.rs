//! What a run is between two of its steps, in main memory: enough to go on as if nothing had happened.
//!
//! Going on gives the picture of an undisturbed run, on the CPU bit for bit. What a task makes of its own before the first step (the
//! prompt's encoding, the latents of a picture, masks) isn't part of it, and is made again.

use std::collections::BTreeMap;

use burn::tensor::{DType, Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use super::rewind::FirstSamples;
use crate::base::error::{Error, Result};
use crate::base::rng::Generators;
use crate::ops;
use crate::schedulers::{Scheduler, Snapshot, SnapshotRecord};

/// The name of the samples among the tensors.
const SAMPLES: &str = "samples";

/// What the names of the sampler's tensors begin with.
const SAMPLER: &str = "sampler.";

/// The state of a run between two of its steps: a record, and tensors by name.
#[derive(Clone, Debug, PartialEq)]
pub struct RunState {
    /// Everything but the tensors.
    pub record: RunRecord,
    /// The samples, and what the sampler remembers of earlier steps.
    pub tensors: BTreeMap<String, HostTensor>,
}

/// Everything of a [`RunState`] but its tensors.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunRecord {
    /// The sampler's step that the run began with.
    pub begin: usize,
    /// The sampler's step that comes next.
    pub next: usize,
    /// Steps of the sampler in all.
    pub end: usize,
    /// What the sampler remembers, but for its tensors.
    pub sampler: SnapshotRecord,
    /// Where noise is drawn from.
    pub generators: Generators,
}

/// A tensor in main memory, in f32 and row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct HostTensor {
    /// `[batch, channels, height, width]`.
    pub shape: [usize; 4],
    /// Its numbers.
    pub values: Vec<f32>,
}

impl PartialEq for RunRecord {
    fn eq(&self, other: &Self) -> bool {
        // A generator has no equality of its own: its stored form says all of it.
        let text = |record: &Self| serde_json::to_string(&record.generators).ok();
        (self.begin, self.next, self.end, &self.sampler) == (other.begin, other.next, other.end, &other.sampler)
            && text(self) == text(other)
    }
}

impl HostTensor {
    /// Reads a tensor back from its device.
    fn of(tensor: Tensor<4>) -> Result<Self> {
        Ok(Self { shape: tensor.dims(), values: ops::read(tensor)? })
    }

    fn on(self, device: &Device) -> Result<Tensor<4>> {
        if self.shape.iter().product::<usize>() != self.values.len() {
            return Err(damaged("a tensor doesn't fit its shape"));
        }
        Ok(Tensor::from_data(TensorData::new(self.values, self.shape), (device, DType::F32)))
    }
}

impl RunState {
    /// Takes the state of a run whose next step is `next`.
    ///
    /// # Errors
    /// The device failed.
    pub(super) fn take(
        scheduler: &Scheduler,
        generators: &Generators,
        samples: &Tensor<4>,
        begin: usize,
        next: usize,
    ) -> Result<Self> {
        let Snapshot { record, tensors } = scheduler.snapshot();
        let named = tensors.into_iter().map(|(name, tensor)| (format!("{SAMPLER}{name}"), tensor));
        let all = named.chain([(SAMPLES.to_owned(), samples.clone())]);
        let tensors = all.map(|(name, tensor)| Ok((name, HostTensor::of(tensor)?))).collect::<Result<_>>()?;
        let end = scheduler.timesteps().len();
        Ok(Self { record: RunRecord { begin, next, end, sampler: record, generators: generators.clone() }, tensors })
    }

    /// The number of steps that are done, and of all.
    pub fn progress(&self) -> (usize, usize) {
        let RunRecord { begin, next, end, .. } = self.record;
        (next.saturating_sub(begin), end.saturating_sub(begin))
    }

    /// Whether all steps are done, and only the decoding is left.
    pub fn is_denoised(&self) -> bool {
        self.record.next == self.record.end
    }

    /// Gives the sampler its memory back, and the run its samples, of this shape.
    ///
    /// # Errors
    /// The state is of another run, or it isn't whole.
    pub(super) fn take_up(self, scheduler: &mut Scheduler, shape: [usize; 4], device: &Device) -> Result<FirstSamples> {
        let Self { record, mut tensors } = self;
        let RunRecord { begin, next, end, sampler, generators } = record;
        if begin > next || next > end || end != scheduler.timesteps().len() || sampler.next != next {
            return Err(damaged("its steps aren't those of this run"));
        }
        let samples = tensors.remove(SAMPLES).ok_or_else(|| damaged("it has no samples"))?;
        if samples.shape != shape || tensors.values().any(|tensor| tensor.shape != shape) {
            return Err(damaged("its samples have another size"));
        }
        if generators.len() != shape[0] {
            return Err(damaged("it is of another number of pictures"));
        }
        let on_device = |(name, tensor): (String, HostTensor)| {
            let name = name.strip_prefix(SAMPLER).ok_or_else(|| damaged("it has a tensor that nobody knows"))?;
            Ok((name.to_owned(), tensor.on(device)?))
        };
        let tensors = tensors.into_iter().map(on_device).collect::<Result<_>>()?;
        scheduler.restore(Snapshot { record: sampler, tensors })?;
        Ok(FirstSamples { samples: samples.on(device)?, generators, begin, next })
    }
}

fn damaged(why: &str) -> Error {
    Error::new(format!("The kept state of this picture can't be gone on with: {why}"))
}
