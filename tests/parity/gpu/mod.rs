//! The GPU's kernels against the CPU's in f32, at the widths of the published models: long sums need channels, not pixels.

mod attention;
mod convolution;
mod linear;
mod norms;

use burn::tensor::{Device, FloatDType, Tensor, TensorData};
use burnisher::base::device::{self, DeviceChoice, DtypeChoice};
use burnisher::base::rng::TorchRng;

/// The GPU, or what the machine has in its place.
fn gpu() -> Device {
    device::open(DeviceChoice::Gpu(None), DtypeChoice::F32).expect("a GPU, or a software rasteriser").device
}

/// Normal random numbers, rounded to f16 so that every format holds them.
fn normal(seed: u64, count: usize) -> Vec<f32> {
    TorchRng::manual_seed(seed).randn(count).into_iter().map(|x| half::f16::from_f32(x).to_f32()).collect()
}

fn tensor<const D: usize>(values: &[f32], shape: [usize; D], dtype: FloatDType, device: &Device) -> Tensor<D> {
    Tensor::<D>::from_data(TensorData::new(values.to_vec(), shape), device).cast(dtype)
}

fn values<const D: usize>(x: Tensor<D>) -> Vec<f32> {
    x.cast(FloatDType::F32).into_data().try_to_vec().expect("f32")
}

/// The root of the mean square of the differences, relative to that of `theirs`.
fn difference(ours: &[f32], theirs: &[f32]) -> f64 {
    assert_eq!(ours.len(), theirs.len());
    let square = |x: f32| f64::from(x) * f64::from(x);
    let differences: f64 = ours.iter().zip(theirs).map(|(a, b)| square(a - b)).sum();
    (differences / theirs.iter().copied().map(square).sum::<f64>()).sqrt()
}
