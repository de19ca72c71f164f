//! Convolutions, and what is added to them in the same pass.

use burn::module::Param;
use burn::tensor::{Device, FloatDType, Tensor};
use burnisher::ops::{self, Conv2d, Epilogue, Padding};

use super::{difference, gpu, normal, tensor, values};

/// Sums are in f32 in either number format: f32 adds in another order than the CPU, f16 rounds the result to 11 bits.
const TOLERANCES: [(FloatDType, f64); 2] = [(FloatDType::F32, 1e-5), (FloatDType::F16, 1e-3)];

/// A convolution and what goes in.
#[derive(Clone, Copy, Debug)]
struct Case {
    /// Batch, channels, height, width.
    input: [usize; 4],
    outputs: usize,
    kernel: usize,
    stride: usize,
    /// Top, left, bottom, right.
    padding: [usize; 4],
}

impl Case {
    /// A 3x3 convolution that keeps the size.
    fn of(input: [usize; 4], outputs: usize) -> Self {
        Self { input, outputs, kernel: 3, stride: 1, padding: [1; 4] }
    }

    fn layer(self, device: &Device, dtype: FloatDType) -> Conv2d {
        let (shape, [top, left, bottom, right]) =
            ([self.outputs, self.input[1], self.kernel, self.kernel], self.padding);
        let summed = shape[1..].iter().product::<usize>() as f32;
        let weight: Vec<f32> = normal(1, shape.iter().product()).iter().map(|x| x / summed.sqrt()).collect();
        let mut layer = Conv2d::new(self.input[1], self.outputs, self.kernel, device)
            .with_stride(self.stride)
            .with_padding(Padding { top, left, bottom, right });
        layer.weight = Param::from_tensor(tensor(&weight, shape, dtype, device));
        layer.bias = Some(Param::from_tensor(tensor(&normal(2, self.outputs), [self.outputs], dtype, device)));
        layer
    }

    /// Asserts that the GPU computes what the CPU computes in f32.
    fn check(self, operation: impl Fn(&Conv2d, Tensor<4>, FloatDType) -> Tensor<4>) {
        let input = normal(3, self.input.iter().product());
        let on = |device: &Device, dtype| {
            let y = operation(&self.layer(device, dtype), tensor(&input, self.input, dtype, device), dtype);
            (y.dims(), values(y))
        };
        let (shape, right) = on(&Device::flex(), FloatDType::F32);
        for (dtype, tolerance) in TOLERANCES {
            let (dims, ours) = on(&gpu(), dtype);
            assert_eq!(dims, shape, "{self:?}");
            let difference = difference(&ours, &right);
            println!("{self:?} in {dtype:?}: {difference:.1e}");
            assert!(difference <= tolerance, "{self:?} in {dtype:?}: {difference:.1e}");
        }
    }
}

#[test]
fn a_gpu_convolves_as_exactly_as_the_cpu_over_thousands_of_channels() {
    for (channels, outputs, side) in [(320, 320, 6), (640, 64, 5), (1280, 64, 4), (2560, 40, 3)] {
        Case::of([1, channels, side, side], outputs).check(|layer, x, _| ops::conv2d(layer, x));
    }
}

#[test]
fn a_gpu_convolves_with_any_channels_sizes_strides_and_padding() {
    let cases = [
        // The layers at a network's ends, and channels that aren't read four or two at a time.
        Case::of([2, 4, 9, 7], 34),
        Case::of([1, 9, 5, 8], 12),
        Case::of([2, 3, 11, 7], 5),
        Case::of([1, 5, 4, 4], 3),
        Case::of([3, 8, 1, 1], 8),
        // Halving the size in a UNet and in an autoencoder.
        Case { stride: 2, ..Case::of([2, 32, 9, 13], 18) },
        Case { stride: 2, padding: [0, 0, 1, 1], ..Case::of([1, 16, 10, 7], 16) },
        // Kernels of other sizes, the last cuts a picture into patches.
        Case { kernel: 1, padding: [0; 4], ..Case::of([2, 24, 5, 6], 40) },
        Case { kernel: 5, padding: [2, 1, 0, 3], ..Case::of([1, 6, 8, 9], 10) },
        Case { kernel: 7, stride: 7, padding: [0; 4], ..Case::of([1, 3, 21, 14], 16) },
        // Enough pixels and channels for several tiles of the middle size and of the large one, the last of them part-filled.
        Case::of([1, 8, 60, 70], 126),
        Case::of([1, 16, 100, 130], 70),
    ];
    for case in cases {
        case.check(|layer, x, _| ops::conv2d(layer, x));
    }
}

#[test]
fn a_gpu_adds_a_shift_and_a_map_to_a_convolution() {
    for (case, shifts) in [(Case::of([2, 32, 5, 7], 20), 2), (Case::of([2, 6, 5, 7], 7), 1)] {
        let [batch, _, height, width] = case.input;
        let (shift, map) = ([shifts, case.outputs, 1, 1], [batch, case.outputs, height, width]);
        case.check(|layer, x, dtype| {
            let of = |seed, shape: [usize; 4]| tensor(&normal(seed, shape.iter().product()), shape, dtype, &x.device());
            let epilogue = Epilogue { shift: Some(of(4, shift)), residual: Some(of(5, map)) };
            ops::conv2d_then(layer, x, epilogue)
        });
    }
}

#[test]
fn a_gpu_convolves_a_doubled_picture_of_even_and_odd_size() {
    for (height, width) in [(10, 14), (9, 13), (10, 13)] {
        Case::of([2, 32, 5, 7], 20).check(|layer, x, _| ops::conv2d_doubled(layer, x, [height, width]));
    }
}
