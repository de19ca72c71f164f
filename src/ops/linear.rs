//! The linear layer.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

use super::carried::Carried;
use super::parameter::parameter;
use super::{cpu, gpu, portable};

/// The linear layer `x W + b`.
///
/// The loader knows the layer by the type's name: files keep the weight as `[outputs, inputs]`, and it transposes what is
/// inside a `Linear`.
#[derive(Module, Debug)]
pub struct Linear {
    /// `[inputs, outputs]`.
    pub weight: Param<Tensor<2>>,
    /// `[outputs]`.
    pub bias: Option<Param<Tensor<1>>>,
}

impl Linear {
    /// Builds a layer with a bias; its parameters take no memory until they are loaded.
    pub fn new(inputs: usize, outputs: usize, device: &Device) -> Self {
        Self { weight: parameter([inputs, outputs], inputs, device), bias: Some(parameter([outputs], inputs, device)) }
    }

    /// Keeps the bias or drops it.
    #[must_use]
    pub fn with_bias(mut self, bias: bool) -> Self {
        self.bias = self.bias.filter(|_| bias);
        self
    }
}

/// Applies a linear layer to `[batch, length, inputs]`.
pub fn linear(layer: &Linear, x: Tensor<3>) -> Tensor<3> {
    applied(layer, x, None)
}

/// Applies a linear layer to `[batch, length, inputs]` and adds a residual of the output's shape.
pub fn linear_then(layer: &Linear, x: Tensor<3>, residual: Tensor<3>) -> Tensor<3> {
    applied(layer, x, Some(residual))
}

fn applied(layer: &Linear, x: Tensor<3>, residual: Option<Tensor<3>>) -> Tensor<3> {
    let bias = layer.bias.as_ref().map(Param::val);
    let Some(carried) = layer.weight.reparameterization::<Carried>() else {
        return plain(x, layer.weight.val(), bias, residual);
    };
    let adapters = carried.active_adapters();
    let (early, late) = if adapters.is_empty() { (residual, None) } else { (None, residual) };
    let y = match carried.quantized() {
        Some(weight) if cpu::takes(&x) => with(cpu::linear_quantized(x.clone(), weight, bias), early),
        Some(weight) => {
            // burn's product takes a transposed weight as it lies; ours would copy it.
            let weight = weight.tensor(&x.device(), x.dtype()).transpose();
            with(portable::linear(x.clone(), weight, bias), early)
        }
        None => plain(x.clone(), layer.weight.base(), bias, early),
    };
    let y = adapters.iter().fold(y, |y, adapter| {
        let inner = plain(x.clone(), adapter.down().transpose(), None, None);
        y + plain(inner, adapter.up().transpose(), None, None) * adapter.strength()
    });
    with(y, late)
}

fn plain(x: Tensor<3>, weight: Tensor<2>, bias: Option<Tensor<1>>, residual: Option<Tensor<3>>) -> Tensor<3> {
    if gpu::takes_linear(&x) {
        return gpu::linear(x, weight, bias, residual);
    }
    let linear = if cpu::takes(&x) { cpu::linear } else { portable::linear };
    with(linear(x, weight, bias), residual)
}

fn with(y: Tensor<3>, residual: Option<Tensor<3>>) -> Tensor<3> {
    match residual {
        Some(residual) => y + residual,
        None => y,
    }
}
