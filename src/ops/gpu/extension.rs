//! The kernels as burn knows them: a row each, with the shape of what it returns.

use burn::backend::tensor::FloatTensor;
use burn::backend::wgpu::CubeBackend;
use burn::backend::{Backend, backend_extension};

use super::conv::{self, Movement, Operand};
use super::{attention, concatenate, geglu, group_norm, layer_norm, linear};

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

    /// Puts the channels of two maps side by side.
    #[fusion(dtype = a, shape = concatenate::joined(a, b))]
    fn concatenate(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self>;

    /// Multiplies the first half of each row of `[batch, length, 2 * width]` by the GELU of the second.
    #[fusion(dtype = x, shape = geglu::half(x))]
    fn geglu(x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// Normalises each group of channels of `[batch, channels, height, width]`, and applies a SiLU if asked.
    #[fusion(dtype = x, shape = x)]
    fn group_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        groups: usize,
        epsilon: f64,
        silu: bool,
    ) -> FloatTensor<Self>;

    /// Normalises each row of `[batch, length, width]`.
    #[fusion(dtype = x, shape = x)]
    fn layer_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self>;

    /// Applies a convolution to `[batch, channels, height, width]` and adds what follows it.
    #[fusion(dtype = x, shape = conv::shape(x, weight, *movement))]
    fn conv2d(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        #[extension_type] bias: Operand<Self>,
        #[extension_type] shift: Operand<Self>,
        #[extension_type] residual: Operand<Self>,
        movement: Movement,
    ) -> FloatTensor<Self>;

    /// Applies a linear layer to `[batch, length, inputs]` and adds a residual of the output's shape.
    #[fusion(dtype = x, shape = linear::shape(x, weight))]
    fn linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        #[extension_type] bias: Operand<Self>,
        #[extension_type] residual: Operand<Self>,
    ) -> FloatTensor<Self>;
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

    fn concatenate(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        concatenate::concatenate(a, b)
    }

    fn geglu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        geglu::geglu(x)
    }

    fn group_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        groups: usize,
        epsilon: f64,
        silu: bool,
    ) -> FloatTensor<Self> {
        group_norm::group_norm(x, gamma, beta, groups, epsilon, silu)
    }

    fn layer_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        layer_norm::layer_norm(x, gamma, beta, epsilon)
    }

    fn conv2d(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: Operand<Self>,
        shift: Operand<Self>,
        residual: Operand<Self>,
        movement: Movement,
    ) -> FloatTensor<Self> {
        conv::conv2d(x, weight, bias, shift, residual, movement)
    }

    fn linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: Operand<Self>,
        residual: Operand<Self>,
    ) -> FloatTensor<Self> {
        linear::linear(x, weight, bias, residual)
    }
}
