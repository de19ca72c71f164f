//! What a layer carries against the same layer with its weight written out: adapters and quantised weights, in a linear layer and in
//! a convolution.

use burn::module::{Module, Param};
use burn::tensor::{DType, Device, Tensor, TensorData};
use burnisher::base::rng::TorchRng;
use burnisher::ops::{self, Adapter, Carried, Conv2d, Linear, Padding, Quantized, WeightFormat};
use bytes::Bytes;
use half::f16;

use crate::model_files::folder;

/// Relative to the largest value: the same sums in another order.
const TOLERANCE: f32 = 1e-5;

fn normal<const D: usize>(seed: u64, shape: [usize; D]) -> Tensor<D> {
    let values = TorchRng::manual_seed(seed).randn(shape.iter().product());
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().expect("f32")
}

fn bits<const D: usize>(tensor: Tensor<D>) -> Vec<u32> {
    values(tensor).into_iter().map(f32::to_bits).collect()
}

/// The largest difference, relative to the largest value.
fn difference<const D: usize>(ours: Tensor<D>, theirs: Tensor<D>) -> f32 {
    assert_eq!(ours.dims(), theirs.dims());
    let (ours, theirs) = (values(ours), values(theirs));
    let largest = theirs.iter().fold(0.0_f32, |m, x| m.max(x.abs()));
    ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / largest
}

fn linear() -> Linear {
    let mut layer = Linear::new(96, 40, &Device::flex());
    layer.weight = Param::from_tensor(normal(1, [96, 40]));
    layer.bias = Some(Param::from_tensor(normal(2, [40])));
    layer
}

fn conv(stride: usize) -> Conv2d {
    let padding = Padding { top: 0, left: 1, bottom: 1, right: 0 };
    let mut layer = Conv2d::new(32, 20, 3, &Device::flex()).with_stride(stride).with_padding(padding);
    layer.weight = Param::from_tensor(normal(3, [20, 32, 3, 3]));
    layer.bias = Some(Param::from_tensor(normal(4, [20])));
    layer
}

/// A layer whose weight carries this.
fn carrying<M: Module>(layer: M, carried: &Carried) -> M {
    ops::carry(layer, |name, _| (name == "weight").then(|| carried.clone()))
}

/// An adapter for a weight of so many outputs and inputs.
fn adapter(seed: u64, rank: usize, [outputs, inputs]: [usize; 2], scale: f64) -> Adapter {
    Adapter::new(normal(seed, [rank, inputs]), normal(seed + 1, [outputs, rank]), scale)
}

#[test]
fn adapters_change_a_linear_layer_as_if_they_were_merged_into_it() {
    let (plain, carried, x) = (linear(), Carried::default(), normal(5, [2, 33, 96]));
    let layer = carrying(plain.clone(), &carried);
    assert_eq!(bits(ops::linear(&layer, x.clone())), bits(ops::linear(&plain, x.clone())), "none yet");

    let adapters = [adapter(10, 4, [40, 96], 0.5).with_weight(0.8), adapter(20, 7, [40, 96], 2.0).with_weight(-0.3)];
    carried.set_adapters(adapters.to_vec());
    let mut merged = plain.clone();
    let change = |seed, rank: usize, factor: f32| {
        normal::<2>(seed + 1, [40, rank]).matmul(normal(seed, [rank, 96])).transpose() * factor
    };
    merged.weight = Param::from_tensor(plain.weight.val() + change(10, 4, 0.4) + change(20, 7, -0.6));
    let expected = ops::linear(&merged, x.clone());
    assert!(difference(ops::linear(&layer, x.clone()), expected.clone()) < TOLERANCE);
    assert!(difference(layer.weight.val(), merged.weight.val()) < TOLERANCE, "the effective weight");
    assert!(difference(ops::linear(&plain, x), expected) > 0.1, "they do change it");
}

#[test]
fn adapters_change_a_convolution_as_if_they_were_merged_into_it() {
    for stride in [1, 2] {
        let (plain, carried, x) = (conv(stride), Carried::default(), normal(5, [2, 32, 9, 7]));
        let layer = carrying(plain.clone(), &carried);
        carried.set_adapters(vec![adapter(10, 4, [20, 288], 0.5), adapter(20, 3, [20, 288], 1.0).with_weight(0.7)]);
        let mut merged = plain.clone();
        merged.weight = Param::from_tensor(layer.weight.val());
        let expected = ops::conv2d(&merged, x.clone());
        assert!(difference(ops::conv2d(&layer, x.clone()), expected.clone()) < TOLERANCE);
        assert!(difference(ops::conv2d(&plain, x), expected) > 0.1, "they do change it");
    }
}

#[test]
fn adapters_of_no_weight_leave_every_bit_as_it_is() {
    let carried = Carried::default();
    let (x, picture) = (normal(5, [2, 33, 96]), normal(5, [2, 32, 9, 7]));
    carried.set_adapters(vec![adapter(10, 4, [40, 96], 0.5).with_weight(0.0), adapter(20, 4, [40, 96], 0.0)]);
    let layer = carrying(linear(), &carried);
    assert_eq!(bits(ops::linear(&layer, x.clone())), bits(ops::linear(&linear(), x.clone())));
    carried.set_adapters(vec![adapter(10, 4, [40, 96], 0.5)]);
    assert_ne!(bits(ops::linear(&layer, x.clone())), bits(ops::linear(&linear(), x.clone())));
    carried.set_adapters(Vec::new());
    assert_eq!(bits(ops::linear(&layer, x.clone())), bits(ops::linear(&linear(), x)), "taken away again");

    carried.set_adapters(vec![adapter(10, 4, [20, 288], 0.5).with_weight(0.0)]);
    let layer = carrying(conv(1), &carried);
    assert_eq!(bits(ops::conv2d(&layer, picture.clone())), bits(ops::conv2d(&conv(1), picture)));
}

/// Blocks of `Q8_0`, and the numbers that they stand for.
fn q8_0(count: usize) -> (Bytes, Vec<f32>) {
    let (mut bytes, mut numbers) = (Vec::new(), Vec::new());
    let factors = TorchRng::manual_seed(7).randn(count / 32);
    for (i, factor) in factors.into_iter().enumerate() {
        let factor = f16::from_f32(factor / 64.0);
        bytes.extend(factor.to_le_bytes());
        for j in 0..32 {
            let step = ((i * 37 + j * 101) % 255) as u8;
            bytes.push(step);
            numbers.push(factor.to_f32() * f32::from(step.cast_signed()));
        }
    }
    (bytes.into(), numbers)
}

/// Halves, and the numbers that they stand for.
fn halves(count: usize) -> (Bytes, Vec<f32>) {
    let halves: Vec<f16> = TorchRng::manual_seed(8).randn(count).into_iter().map(f16::from_f32).collect();
    let bytes = halves.iter().flat_map(|half| half.to_le_bytes()).collect::<Vec<_>>();
    (bytes.into(), halves.into_iter().map(f16::to_f32).collect())
}

#[test]
fn a_quantized_weight_is_the_expanded_one_in_a_fraction_of_its_memory() {
    // The larger is expanded in several blocks.
    for (inputs, outputs) in [(96, 40), (2048, 300)] {
        for (format, (bytes, numbers)) in
            [(WeightFormat::Q8_0, q8_0(inputs * outputs)), (WeightFormat::F16, halves(inputs * outputs))]
        {
            let quantized = Quantized::new(format, bytes, [outputs, inputs]).expect("a weight");
            assert!(quantized.bytes() <= inputs * outputs * 2);
            let mut expanded = Linear::new(inputs, outputs, &Device::flex());
            expanded.bias = Some(Param::from_tensor(normal(2, [outputs])));
            let carried = Carried::of(quantized);
            let layer = carrying(expanded.clone(), &carried);
            let numbers = Tensor::<2>::from_data(TensorData::new(numbers, [outputs, inputs]), &Device::flex());
            expanded.weight = Param::from_tensor(numbers.transpose());
            let x = normal(5, [2, 33, inputs]);
            let expected = ops::linear(&expanded, x.clone());
            assert!(difference(ops::linear(&layer, x.clone()), expected.clone()) < TOLERANCE, "{format:?}");
            assert_eq!(bits(layer.weight.val()), bits(expanded.weight.val()), "{format:?}");

            carried.set_adapters(vec![adapter(10, 4, [outputs, inputs], 0.5)]);
            let adapted = carrying(expanded, &Carried::default());
            let handle = Carried::default();
            handle.set_adapters(vec![adapter(10, 4, [outputs, inputs], 0.5)]);
            let both =
                carrying(Linear { weight: Param::from_tensor(adapted.weight.val()), bias: adapted.bias }, &handle);
            assert!(
                difference(ops::linear(&layer, x.clone()), ops::linear(&both, x)) < TOLERANCE,
                "{format:?} adapted"
            );
        }
    }
}

#[test]
fn a_quantized_convolution_is_the_expanded_one() {
    let (bytes, numbers) = halves(20 * 288);
    let carried = Carried::of(Quantized::new(WeightFormat::F16, bytes, [20, 288]).expect("a weight"));
    let layer = carrying(conv(2), &carried);
    let mut expanded = conv(2);
    let numbers = Tensor::<4>::from_data(TensorData::new(numbers, [20, 32, 3, 3]), &Device::flex());
    expanded.weight = Param::from_tensor(numbers);
    let x = normal(5, [2, 32, 9, 7]);
    assert_eq!(bits(ops::conv2d(&layer, x.clone())), bits(ops::conv2d(&expanded, x)));
}

#[test]
fn bytes_that_are_no_such_weight_are_refused() {
    let refused = |format, bytes, dims| Quantized::new(format, Bytes::from(vec![0; bytes]), dims).is_err();
    assert!(!refused(WeightFormat::Q8_0, 2 * 34, [2, 32]));
    assert!(refused(WeightFormat::Q8_0, 2 * 34 - 1, [2, 32]));
    assert!(refused(WeightFormat::Q8_0, 34, [2, 16]), "rows of half a block");
    assert!(refused(WeightFormat::F16, 64, [2, 32]));
    assert!(refused(WeightFormat::F16, 0, [2, 0]));
    assert!(refused(WeightFormat::F16, 64, [usize::MAX, 2]));
}

#[test]
fn a_network_is_carried_by_the_names_that_checkpoints_have() {
    let mut names = Vec::new();
    let carried = Carried::default();
    let net = ops::carry(folder::net(), |name, shape| {
        names.push((name.to_owned(), shape.to_vec()));
        (name == "attention.to_out.0.weight").then(|| carried.clone())
    });
    assert!(names.contains(&("attention.to_q.weight".to_owned(), vec![4, 3])), "{names:?}");
    assert!(names.contains(&("conv_in.weight".to_owned(), vec![4, 2, 3, 3])), "{names:?}");
    let [layer] = &net.attention.to_out;
    let x = normal(5, [1, 2, 3]).cast(DType::F32);
    let before = bits(ops::linear(layer, x.clone()));
    carried.set_adapters(vec![adapter(10, 2, [4, 3], 1.0)]);
    assert_ne!(bits(ops::linear(layer, x)), before);
}
