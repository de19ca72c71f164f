//! The kernels as burn knows them: a row each, with the shape of what it returns.

use burn::backend::tensor::FloatTensor;
use burn::backend::wgpu::CubeBackend;
use burn::backend::{Backend, backend_extension};

use super::{attention, upsample};

/// The operations that GPUs have beside burn's own.
#[backend_extension(Cube, Fusion)]
pub(in crate::ops) trait GpuKernels: Backend {
    /// Computes attention of `[batch, queries, heads * dim]` to `[batch, keys, heads * dim]`.
    #[fusion(dtype = q, shape = q)]
    fn attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        heads: usize,
        causal: bool,
    ) -> FloatTensor<Self>;

    /// Doubles both sides of `[batch, channels, height, width]` by repeating each pixel.
    #[fusion(dtype = x, shape = upsample::doubled(x))]
    fn upsample_nearest_2x(x: FloatTensor<Self>) -> FloatTensor<Self>;
}

impl GpuKernels for CubeBackend {
    fn attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        heads: usize,
        causal: bool,
    ) -> FloatTensor<Self> {
        attention::attention(q, k, v, heads, causal)
    }

    fn upsample_nearest_2x(x: FloatTensor<Self>) -> FloatTensor<Self> {
        upsample::nearest_2x(x)
    }
}
