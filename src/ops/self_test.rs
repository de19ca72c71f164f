//! The check of a device: a product, a convolution and an attention as Stable Diffusion 1.5 has them, against the CPU in f32.
//!
//! It is for a process of its own, which a driver may take down (`worker::guard`).

use burn::module::Param;
use burn::tensor::{DType, Device, Tensor, TensorData};

use super::conv::{Conv2d, conv2d};
use super::dispatch::attention;
use super::linear::{Linear, linear};
use super::options::{AttentionMask, Padding};

/// Channels of the first level of Stable Diffusion 1.5's UNet.
const CHANNELS: usize = 320;
/// Their heads.
const HEADS: usize = 8;

/// One check: what it is called, and what it computes.
type Check = (&'static str, fn(&Inputs) -> Tensor<1>);

/// What is checked, in this order.
const CHECKS: [Check; 3] = [("product", product), ("convolution", convolution), ("attention", attended)];

/// The names of the checks, in their order.
pub fn check_names() -> impl Iterator<Item = &'static str> {
    CHECKS.iter().map(|(name, _)| *name)
}

/// Runs the checks on a device in a number format, with pictures of `side` latent pixels, and tells how far each is off as soon as
/// it is known: the root of the squared differences over that of the squares, which is no number where the device gives none.
pub fn run_checks(device: &Device, dtype: DType, side: usize, mut tell: impl FnMut(&'static str, f64)) {
    let cpu = Device::flex();
    for (name, check) in CHECKS {
        let right = check(&Inputs { device: &cpu, dtype: DType::F32, rounded: dtype, side });
        let found = check(&Inputs { device, dtype, rounded: dtype, side });
        let (right, found) = (numbers(right), numbers(found));
        let off: f64 = right.iter().zip(&found).map(|(a, b)| (a - b).powi(2)).sum();
        let of: f64 = right.iter().map(|a| a * a).sum();
        tell(name, (off / of).sqrt());
    }
}

fn numbers(tensor: Tensor<1>) -> Vec<f64> {
    tensor.cast(DType::F32).into_data().iter::<f64>().collect()
}

/// Where a check computes, and on what.
struct Inputs<'a> {
    device: &'a Device,
    dtype: DType,
    /// The number format that its inputs are rounded to: rounding them isn't the device's fault.
    rounded: DType,
    side: usize,
}

impl Inputs<'_> {
    /// Numbers between -1 and 1, always the same for the same `seed`.
    fn tensor<const D: usize>(&self, seed: u64, shape: [usize; D]) -> Tensor<D> {
        let mut random = fastrand::Rng::with_seed(seed);
        let numbers: Vec<f32> = (0..shape.iter().product()).map(|_| random.f32() * 2.0 - 1.0).collect();
        let exact = Tensor::<D>::from_data(TensorData::new(numbers, shape), &Device::flex()).cast(self.rounded);
        Tensor::<D>::from_data(exact.cast(DType::F32).into_data(), self.device).cast(self.dtype)
    }

    /// The same, small enough that sums of `summed` products stay about as large as what is summed.
    fn weight<const D: usize>(&self, seed: u64, shape: [usize; D], summed: usize) -> Param<Tensor<D>> {
        // A power of two, which rounds nothing.
        let scale = (summed as f64).sqrt().log2().round().exp2().recip();
        Param::from_tensor(self.tensor(seed, shape) * scale)
    }
}

/// A linear layer with its bias, and what it is added to.
fn product(inputs: &Inputs<'_>) -> Tensor<1> {
    let (tokens, wide) = (inputs.side * inputs.side, 4 * CHANNELS);
    let weight = inputs.weight(2, [wide, CHANNELS], wide);
    let layer = Linear { weight, bias: Some(inputs.weight(3, [CHANNELS], 1)) };
    let sum = linear(&layer, inputs.tensor(1, [1, tokens, wide])) + inputs.tensor(4, [1, tokens, CHANNELS]);
    sum.flatten(0, 2)
}

fn convolution(inputs: &Inputs<'_>) -> Tensor<1> {
    let layer = Conv2d {
        weight: inputs.weight(2, [CHANNELS, CHANNELS, 3, 3], 9 * CHANNELS),
        bias: Some(inputs.weight(3, [CHANNELS], 1)),
        stride: 1,
        padding: Padding::all(1),
    };
    conv2d(&layer, inputs.tensor(1, [1, CHANNELS, inputs.side, inputs.side])).flatten(0, 3)
}

fn attended(inputs: &Inputs<'_>) -> Tensor<1> {
    let shape = [1, inputs.side * inputs.side, CHANNELS];
    // Queries and keys that are alike, so that some keys count more than others.
    let (q, k, v) = (inputs.tensor(1, shape) * 2.0, inputs.tensor(1, shape) * 2.0, inputs.tensor(2, shape));
    attention(q, k, v, HEADS, AttentionMask::None).flatten(0, 2)
}
