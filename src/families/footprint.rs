//! The memory that a model takes: plain numbers, told from its configs and headers, for plans made on any thread.
//!
//! The figures are upper estimates from the networks' shapes.

use crate::base::device::Capacity;

use super::component::ComponentId;
use crate::ops;

/// The memory needs of a model on a device, whatever is drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Footprint {
    /// How many numbers each component has, the most expensive to load again first.
    pub parameters: Vec<(ComponentId, u64)>,
    /// What the device has.
    pub capacity: Capacity,
    /// The components that each stage of a run needs.
    pub stages: StageComponents,
    /// What the denoiser holds for each latent of a sample.
    pub denoiser: NetworkCost,
    /// What the codec holds for each pixel of a picture.
    pub codec: NetworkCost,
    /// What the depth estimator holds, in numbers.
    pub depth: u64,
    /// Channels of a latent.
    pub channels: usize,
    /// Pixels that a latent stands for, each way.
    pub factor: usize,
    /// The size that the model is made for, in pixels.
    pub size: (usize, usize),
    /// Both sides of a picture are multiples of it.
    pub size_multiple: usize,
    /// Whether a look at a picture in the making needs the codec.
    pub looks_decode: bool,
    /// Whether the denoiser is asked twice a step under guidance.
    pub asks_twice: bool,
}

/// The components that each stage of a run needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StageComponents {
    /// To read the prompt.
    pub encode: Vec<ComponentId>,
    /// To take noise away.
    pub denoise: Vec<ComponentId>,
    /// To encode and decode pictures.
    pub code: Vec<ComponentId>,
    /// To estimate depth.
    pub depth: Vec<ComponentId>,
    /// To check finished pictures.
    pub safety: Vec<ComponentId>,
}

impl StageComponents {
    /// The components that every run needs, in the order in which they are loaded.
    pub fn usual(&self) -> impl Iterator<Item = ComponentId> {
        self.encode.iter().chain(&self.denoise).chain(&self.code).copied()
    }
}

/// Numbers that a network holds at once while it works, for each position of its input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetworkCost {
    /// In its widest tensor.
    pub widest: u64,
    /// In all tensors that are alive at once.
    pub alive: u64,
    /// In the widest input of a 3x3 convolution.
    pub convolved: u64,
}

impl NetworkCost {
    /// Bytes of the largest tensor, and of all that is alive at once, for so many positions.
    pub fn bytes(self, positions: u64, capacity: &Capacity) -> (u64, u64) {
        let of = |numbers: u64| positions.saturating_mul(numbers).saturating_mul(capacity.dtype.size() as u64);
        let patches = ops::convolution_patches(capacity.dtype, capacity.is_gpu(), of(self.convolved));
        (of(self.widest).max(patches.largest), of(self.alive).saturating_add(patches.total))
    }
}

impl Footprint {
    /// Bytes of a component's weights; 0 if the model doesn't have it.
    pub fn weights(&self, id: ComponentId) -> u64 {
        let parameters = self.parameters.iter().find(|(other, _)| *other == id).map_or(0, |(_, count)| *count);
        parameters * self.capacity.dtype.size() as u64
    }

    /// Bytes of the components that every run needs.
    pub fn usual_bytes(&self) -> u64 {
        self.stages.usual().map(|id| self.weights(id)).sum()
    }

    /// The number of parameters of the components that every run needs.
    pub fn usual_parameters(&self) -> u64 {
        let is_usual = |id: ComponentId| self.stages.usual().any(|other| other == id);
        self.parameters.iter().filter(|(id, _)| is_usual(*id)).map(|(_, count)| *count).sum()
    }
}
