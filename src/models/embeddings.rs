//! The embedding of the timestep (Diffusers `models/embeddings.py`).

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};

use crate::ops::{self, Linear};

/// Computes `get_timestep_embedding`, `[1, dim]`, in f32 as Diffusers does.
///
/// The frequencies are `10000^(-i / (dim / 2 - freq_shift))`; sines come first unless `flip_sin_to_cos`.
pub fn timestep_embedding(
    timestep: f64,
    dim: usize,
    flip_sin_to_cos: bool,
    freq_shift: f64,
    device: &Device,
) -> Tensor<2> {
    let half = dim / 2;
    let angles = (0..half).map(|i| {
        let exponent = -(10_000.0_f64.ln()) as f32 * i as f32 / (half as f64 - freq_shift) as f32;
        f64::from(timestep as f32 * exponent.exp())
    });
    let (sines, cosines): (Vec<f32>, Vec<f32>) = angles.map(|a| (a.sin() as f32, a.cos() as f32)).unzip();
    let mut values = if flip_sin_to_cos { [cosines, sines].concat() } else { [sines, cosines].concat() };
    values.resize(dim, 0.0);
    Tensor::from_data(TensorData::new(values, [1, dim]), device)
}

/// `TimestepEmbedding`: two linear layers with a SiLU between.
#[derive(Module, Debug)]
pub struct TimestepEmbedding {
    linear_1: Linear,
    linear_2: Linear,
}

impl TimestepEmbedding {
    /// Builds the layers from `inputs` to `width` values.
    pub fn new(inputs: usize, width: usize, device: &Device) -> Self {
        Self { linear_1: Linear::new(inputs, width, device), linear_2: Linear::new(width, width, device) }
    }

    /// Transforms `[1, inputs]` to `[1, 1, width]`.
    pub fn forward(&self, embedding: Tensor<2>) -> Tensor<3> {
        let x = ops::silu(ops::linear(&self.linear_1, embedding.unsqueeze()));
        ops::linear(&self.linear_2, x)
    }
}
