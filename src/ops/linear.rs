//! The linear layer.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

use super::carried::Carried;
use super::parameter::parameter;
use super::{cpu, portable};

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
    let bias = layer.bias.as_ref().map(Param::val);
    let Some(carried) = layer.weight.reparameterization::<Carried>() else {
        return plain(x, layer.weight.val(), bias);
    };
    let adapters = carried.active_adapters();
    let y = match carried.quantized() {
        Some(weight) if cpu::takes(&x) => cpu::linear_quantized(x.clone(), weight, bias),
        Some(weight) => plain(x.clone(), weight.tensor(&x.device(), x.dtype()).transpose(), bias),
        None => plain(x.clone(), layer.weight.base(), bias),
    };
    adapters.iter().fold(y, |y, adapter| {
        let inner = plain(x.clone(), adapter.down().transpose(), None);
        y + plain(inner, adapter.up().transpose(), None) * adapter.strength()
    })
}

fn plain(x: Tensor<3>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<3> {
    if cpu::takes(&x) { cpu::linear(x, weight, bias) } else { portable::linear(x, weight, bias) }
}
