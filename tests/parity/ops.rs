//! Our CPU kernels against burn's own operations, at sizes that take every path: several strips, several tiles, both
//! layouts of a weight, kernels and strides of every kind that the networks have.

use burn::module::Param;
use burn::nn::{GroupNormConfig, LayerNormConfig};
use burn::tensor::module::{attention, conv2d, linear};
use burn::tensor::ops::{AttentionModuleOptions, ConvOptions, PadMode};
use burn::tensor::{Device, Tensor, TensorData, activation};
use burnisher::base::rng::TorchRng;
use burnisher::ops::{self, AttentionMask, Conv2d, Linear, Padding, Then};

/// Relative to the largest value: sums of up to 10,000 products in f32, in another order.
const TOLERANCE: f32 = 2e-5;

fn normal<const D: usize>(seed: u64, shape: [usize; D]) -> Tensor<D> {
    let values = TorchRng::manual_seed(seed).randn(shape.iter().product());
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

fn assert_close<const D: usize>(what: &str, ours: Tensor<D>, theirs: Tensor<D>) {
    assert_eq!(ours.dims(), theirs.dims(), "{what}");
    let values = |t: Tensor<D>| t.into_data().try_to_vec::<f32>().expect("f32");
    let (ours, theirs) = (values(ours), values(theirs));
    let largest = theirs.iter().fold(0.0_f32, |m, x| m.max(x.abs()));
    for (i, (a, b)) in ours.iter().zip(&theirs).enumerate() {
        assert!((a - b).abs() <= TOLERANCE * largest, "{what}: value {i} is {a}, not {b}");
    }
}

#[test]
fn convolutions_are_right_in_one_strip_and_in_many() {
    // Batch, channels in and out, height, width, kernel, stride, padding (top, left, bottom, right).
    for (i, &(b, c, o, h, w, k, s, p)) in [
        (1, 4, 32, 8, 8, 3, 1, (1, 1, 1, 1)),
        (2, 32, 48, 9, 13, 3, 1, (1, 1, 1, 1)),
        (2, 32, 16, 9, 13, 3, 2, (1, 1, 1, 1)),
        (1, 16, 16, 10, 7, 3, 2, (0, 0, 1, 1)),
        (2, 24, 40, 5, 6, 1, 1, (0, 0, 0, 0)),
        (3, 8, 8, 1, 1, 3, 1, (1, 1, 1, 1)),
        // 512 * 9 patch rows of 64 x 64 pixels are several strips.
        (1, 512, 16, 64, 64, 3, 1, (1, 1, 1, 1)),
        (2, 320, 8, 66, 50, 3, 1, (1, 1, 1, 1)),
    ]
    .iter()
    .enumerate()
    {
        let (top, left, bottom, right) = p;
        let padding = Padding { top, left, bottom, right };
        let mut layer = Conv2d::new(c, o, k, &Device::flex()).with_stride(s).with_padding(padding);
        let (weight, bias) = (normal(1 + i as u64, [o, c, k, k]), normal(100 + i as u64, [o]));
        layer.weight = Param::from_tensor(weight.clone());
        layer.bias = Some(Param::from_tensor(bias.clone()));
        let x = normal(200 + i as u64, [b, c, h, w]);
        let padded = x.clone().pad((left, right, top, bottom), PadMode::Constant(0.0));
        let theirs = conv2d(padded, weight, Some(bias), ConvOptions::new([s, s], [0, 0], [1, 1], 1));
        assert_close(&format!("convolution {i}"), ops::conv2d(&layer, x), theirs);
    }
}

#[test]
fn a_linear_layer_reads_its_weight_in_either_layout() {
    for transposed in [false, true] {
        let mut layer = Linear::new(70, 130, &Device::flex());
        let weight = if transposed { normal(1, [130, 70]).transpose() } else { normal(1, [70, 130]) };
        let bias = normal(2, [130]);
        layer.weight = Param::from_tensor(weight.clone());
        layer.bias = Some(Param::from_tensor(bias.clone()));
        let x = normal(3, [2, 33, 70]);
        let theirs = linear(x.clone(), weight, Some(bias));
        assert_close("linear", ops::linear(&layer, x), theirs);
    }
}

#[test]
fn attention_is_right_in_one_tile_and_in_many_and_sees_only_what_it_may() {
    for (queries, keys, heads, dim, mask) in [
        (5, 5, 1, 8, AttentionMask::None),
        (117, 77, 4, 40, AttentionMask::None),
        // More keys than a tile has, and more queries than a block.
        (300, 1300, 2, 16, AttentionMask::None),
        (77, 77, 4, 32, AttentionMask::Causal),
        (700, 700, 1, 8, AttentionMask::Causal),
    ] {
        let width = heads * dim;
        // Spread scores make the running maximum change from tile to tile.
        let q = normal(1, [2, queries, width]) * 4.0;
        let (k, v) = (normal(2, [2, keys, width]), normal(3, [2, keys, width]));
        let split = |x: Tensor<3>| {
            let [batch, length, _] = x.dims();
            x.reshape([batch, length, heads, dim]).swap_dims(1, 2)
        };
        let options = AttentionModuleOptions { is_causal: mask == AttentionMask::Causal, ..Default::default() };
        let theirs = attention(split(q.clone()), split(k.clone()), split(v.clone()), None, None, options);
        let theirs = theirs.swap_dims(1, 2).reshape([2, queries, width]);
        assert_close(&format!("{queries} x {keys} {mask:?}"), ops::attention(q, k, v, heads, mask), theirs);
    }
}

#[test]
fn norms_keep_their_digits_far_from_zero() {
    let device = Device::flex();
    let mut group = GroupNormConfig::new(8, 32).with_epsilon(1e-6).init(&device);
    group.gamma = Some(Param::from_tensor(normal(1, [32])));
    group.beta = Some(Param::from_tensor(normal(2, [32])));
    let x = normal(3, [2, 32, 7, 9]) + 100.0;
    let theirs = group.forward(x.clone());
    assert_close("group norm", ops::group_norm(&group, x.clone(), Then::Nothing), theirs.clone());
    assert_close("group norm and silu", ops::group_norm(&group, x, Then::Silu), activation::silu(theirs));

    let mut layer = LayerNormConfig::new(40).init(&device);
    layer.gamma = Param::from_tensor(normal(4, [40]));
    layer.beta = Some(Param::from_tensor(normal(5, [40])));
    let x = normal(6, [2, 11, 40]) - 50.0;
    assert_close("layer norm", ops::layer_norm(&layer, x.clone(), 1e-5), layer.forward(x));
}

#[test]
fn activations_and_upsampling_are_burns() {
    let x = normal(1, [3, 5, 64]) * 5.0;
    assert_close("silu", ops::silu(x.clone()), activation::silu(x.clone()));
    assert_close("gelu", ops::gelu(x.clone()), activation::gelu(x.clone()));
    assert_close("quick gelu", ops::quick_gelu(x.clone()), x.clone() * activation::sigmoid(x.clone() * 1.702));
    let (hidden, gate) = (x.clone().narrow(2, 0, 32), x.clone().narrow(2, 32, 32));
    assert_close("geglu", ops::geglu(x), hidden * activation::gelu(gate));
    let x = normal(2, [2, 3, 4, 5]);
    let theirs = x.clone().reshape([2, 3, 4, 1, 5, 1]).expand([2, 3, 4, 2, 5, 2]).reshape([2, 3, 8, 10]);
    assert_close("upsampling", ops::upsample_nearest_2x(x), theirs);
}
