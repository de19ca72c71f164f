//! The two-dimensional convolution.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

use super::carried::Carried;
use super::options::Padding;
use super::parameter::parameter;
use super::{cpu, portable};

/// A convolution with a square kernel.
#[derive(Module, Debug)]
pub struct Conv2d {
    /// `[outputs, inputs, kernel, kernel]`.
    pub weight: Param<Tensor<4>>,
    /// `[outputs]`.
    pub bias: Option<Param<Tensor<1>>>,
    /// Pixels from one position of the kernel to the next.
    pub stride: usize,
    /// Zeros around the picture.
    #[module(skip)]
    pub padding: Padding,
}

impl Conv2d {
    /// Builds a convolution of stride 1 with a bias that keeps the size, for an odd `kernel`; its parameters are made when they
    /// are loaded.
    pub fn new(inputs: usize, outputs: usize, kernel: usize, device: &Device) -> Self {
        let summed = inputs * kernel * kernel;
        Self {
            weight: parameter([outputs, inputs, kernel, kernel], summed, device),
            bias: Some(parameter([outputs], summed, device)),
            stride: 1,
            padding: Padding::all(kernel / 2),
        }
    }

    /// Moves the kernel by so many pixels.
    #[must_use]
    pub fn with_stride(self, stride: usize) -> Self {
        Self { stride, ..self }
    }

    /// Pads the picture in another way.
    #[must_use]
    pub fn with_padding(self, padding: Padding) -> Self {
        Self { padding, ..self }
    }

    /// Keeps the bias or drops it.
    #[must_use]
    pub fn with_bias(mut self, bias: bool) -> Self {
        self.bias = self.bias.filter(|_| bias);
        self
    }
}

/// Applies a convolution to `[batch, channels, height, width]`.
pub fn conv2d(layer: &Conv2d, x: Tensor<4>) -> Tensor<4> {
    let bias = layer.bias.as_ref().map(Param::val);
    let (stride, padding) = (layer.stride, layer.padding);
    let Some(carried) = layer.weight.reparameterization::<Carried>() else {
        return plain(x, layer.weight.val(), bias, stride, padding);
    };
    let adapters = carried.active_adapters();
    let weight = carried.without_adapters(layer.weight.base());
    let [outputs, inputs, height, width] = weight.dims();
    let y = plain(x.clone(), weight, bias, stride, padding);
    adapters.iter().fold(y, |y, adapter| {
        let rank = adapter.rank();
        let inner = plain(x.clone(), adapter.down().reshape([rank, inputs, height, width]), None, stride, padding);
        let up = adapter.up().reshape([outputs, rank, 1, 1]);
        y + plain(inner, up, None, 1, Padding::default()) * adapter.strength()
    })
}

fn plain(x: Tensor<4>, weight: Tensor<4>, bias: Option<Tensor<1>>, stride: usize, padding: Padding) -> Tensor<4> {
    let conv = if cpu::takes(&x) { cpu::conv2d } else { portable::conv2d };
    conv(x, weight, bias, stride, padding)
}
