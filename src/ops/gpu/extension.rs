//! The kernels as burn knows them: a row each, with the shape of what it returns.

use burn::backend::tensor::FloatTensor;
use burn::backend::wgpu::CubeBackend;
use burn::backend::{Backend, backend_extension};

use super::upsample;

/// The operations that GPUs have beside burn's own.
#[backend_extension(Cube, Fusion)]
pub(in crate::ops) trait GpuKernels: Backend {
    /// Doubles both sides of `[batch, channels, height, width]` by repeating each pixel.
    #[fusion(dtype = x, shape = upsample::doubled(x))]
    fn upsample_nearest_2x(x: FloatTensor<Self>) -> FloatTensor<Self>;
}

impl GpuKernels for CubeBackend {
    fn upsample_nearest_2x(x: FloatTensor<Self>) -> FloatTensor<Self> {
        upsample::nearest_2x(x)
    }
}
