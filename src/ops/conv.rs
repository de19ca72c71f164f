//! The two-dimensional convolution.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

use super::carried::Carried;
use super::dispatch::upsample_nearest_2x;
use super::gpu::Movement;
use super::options::{Epilogue, Padding};
use super::parameter::parameter;
use super::{cpu, gpu, portable};

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
    applied(layer, x, None, Epilogue::default())
}

/// Applies a convolution to `[batch, channels, height, width]` and adds what follows it.
pub fn conv2d_then(layer: &Conv2d, x: Tensor<4>, epilogue: Epilogue) -> Tensor<4> {
    applied(layer, x, None, epilogue)
}

/// Repeats each pixel of `[batch, channels, height, width]` twice each way, and applies a convolution to what lies within `size`:
/// twice the height and width, or one less.
pub fn conv2d_doubled(layer: &Conv2d, x: Tensor<4>, size: [usize; 2]) -> Tensor<4> {
    if gpu::takes(&x) {
        return applied(layer, x, Some(size), Epilogue::default());
    }
    let mut x = upsample_nearest_2x(x);
    // Cropping equals interpolate(size=...): index i reads floor(i / 2) for 2n - 1 pixels as for 2n.
    for (axis, size) in [(2, size[0]), (3, size[1])] {
        if x.dims()[axis] > size {
            x = x.narrow(axis, 0, size);
        }
    }
    applied(layer, x, None, Epilogue::default())
}

fn applied(layer: &Conv2d, x: Tensor<4>, doubled_to: Option<[usize; 2]>, epilogue: Epilogue) -> Tensor<4> {
    let bias = layer.bias.as_ref().map(Param::val);
    let movement = Movement { stride: layer.stride, padding: layer.padding, doubled_to };
    let Some(carried) = layer.weight.reparameterization::<Carried>() else {
        return plain(x, layer.weight.val(), bias, movement, epilogue);
    };
    let adapters = carried.active_adapters();
    let weight = carried.without_adapters(layer.weight.base());
    let [outputs, inputs, height, width] = weight.dims();
    let y = plain(x.clone(), weight, bias, movement, Epilogue::default());
    let y = adapters.iter().fold(y, |y, adapter| {
        let rank = adapter.rank();
        let down = adapter.down().reshape([rank, inputs, height, width]);
        let inner = plain(x.clone(), down, None, movement, Epilogue::default());
        let up = adapter.up().reshape([outputs, rank, 1, 1]);
        y + plain(inner, up, None, Movement::default(), Epilogue::default()) * adapter.strength()
    });
    epilogue.add_to(y)
}

fn plain(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    movement: Movement,
    epilogue: Epilogue,
) -> Tensor<4> {
    if gpu::takes(&x) {
        return gpu::conv2d(x, weight, bias, movement, epilogue);
    }
    let conv = if cpu::takes(&x) { cpu::conv2d } else { portable::conv2d };
    epilogue.add_to(conv(x, weight, bias, movement.stride, movement.padding))
}
