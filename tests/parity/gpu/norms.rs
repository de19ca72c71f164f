//! Norms, gates and layout on a GPU, in f32 and f16, against the CPU in f32 on the same values.

use burn::module::Param;
use burn::nn::{GroupNormConfig, LayerNormConfig};
use burn::tensor::{Device, FloatDType, Tensor};
use burnisher::ops::{self, Then};

use super::{difference, gpu, tensor, values};

/// What the root of the mean squared difference may be, relative to that of the values: f16 has 11 bits, the last of which
/// rounding loses; f32 is summed in another order.
fn tolerance(dtype: FloatDType) -> f64 {
    if dtype == FloatDType::F16 { 1e-3 } else { 1e-5 }
}

/// As [`tolerance`] where the mean is 1000 deviations: the CPU rounds the mean to f32 (to 6e-5 of a deviation), so do we.
fn tolerance_far_from_zero(dtype: FloatDType) -> f64 {
    tolerance(dtype).max(1.2e-4)
}

/// What a tensor's values are distributed like.
#[derive(Clone, Copy, Debug)]
struct Normal {
    mean: f32,
    deviation: f32,
}

const STANDARD: Normal = Normal { mean: 0.0, deviation: 1.0 };

/// Values that f16 holds exactly, on a device.
fn normal<const D: usize>(seed: u64, shape: [usize; D], like: Normal, device: &Device, dtype: FloatDType) -> Tensor<D> {
    let values = super::normal(seed, shape.iter().product());
    let rounded = values.iter().map(|x| half::f16::from_f32(x * like.deviation + like.mean).to_f32());
    tensor(&rounded.collect::<Vec<_>>(), shape, dtype, device)
}

/// Asserts that an operation computes on the GPU what it computes on the CPU.
fn assert_equal_on_gpu<const D: usize>(
    what: &str,
    tolerance: impl Fn(FloatDType) -> f64,
    operation: impl Fn(&Device, FloatDType) -> Tensor<D>,
) {
    let right = operation(&Device::flex(), FloatDType::F32);
    let dims = right.dims();
    let right = values(right);
    let gpu = gpu();
    for dtype in [FloatDType::F32, FloatDType::F16] {
        let ours = operation(&gpu, dtype);
        assert_eq!(ours.dims(), dims, "{what} in {dtype:?}");
        let ours = values(ours);
        assert!(ours.iter().all(|x| x.is_finite()), "{what} in {dtype:?}: not finite");
        let error = difference(&ours, &right);
        println!("{what} in {dtype:?}: {error:.1e}");
        assert!(error <= tolerance(dtype), "{what} in {dtype:?}: {error:.1e}");
    }
}

fn group_norm(groups: usize, shape: [usize; 4], like: Normal, then: Then, tolerance: impl Fn(FloatDType) -> f64) {
    let what = format!("group norm of {shape:?} in {groups}, {like:?}, then {then:?}");
    assert_equal_on_gpu(&what, tolerance, |device, dtype| {
        let channels = shape[1];
        let mut layer = GroupNormConfig::new(groups, channels).with_epsilon(1e-6).init(device);
        layer.gamma = Some(Param::from_tensor(normal(1, [channels], STANDARD, device, dtype)));
        layer.beta = Some(Param::from_tensor(normal(2, [channels], STANDARD, device, dtype)));
        ops::group_norm(&layer, normal(3, shape, like, device, dtype), then)
    });
}

#[test]
fn a_gpu_normalises_groups_at_all_channels_of_the_networks() {
    for channels in [320, 640, 960, 1280, 1920, 2560] {
        for then in [Then::Nothing, Then::Silu] {
            group_norm(32, [2, channels, 5, 7], STANDARD, then, tolerance);
        }
    }
    // Groups that are split among workgroups.
    group_norm(32, [2, 320, 48, 45], STANDARD, Then::Silu, tolerance);
    group_norm(32, [1, 128, 72, 73], STANDARD, Then::Nothing, tolerance);
}

#[test]
fn a_gpu_normalises_groups_of_any_size() {
    for (groups, shape) in [
        (1, [2, 7, 31, 3]),
        (3, [2, 9, 5, 5]),
        (32, [3, 96, 1, 1]),
        // More vectors at one pixel than a workgroup has units, and all that once more in groups split among workgroups.
        (1, [1, 1500, 3, 2]),
        (2, [1, 1066, 1, 5]),
        (1, [2, 7, 31, 99]),
        (31, [1, 62, 101, 103]),
        (61, [1, 2440, 26, 20]),
        (1, [1, 1500, 5, 3]),
        (2, [1, 1066, 8, 5]),
    ] {
        group_norm(groups, shape, STANDARD, Then::Nothing, tolerance);
    }
}

#[test]
fn a_gpus_norms_keep_their_digits_far_from_zero_and_near_the_largest_f16() {
    let far = Normal { mean: 1000.0, deviation: 1.0 };
    let large = Normal { mean: -50_000.0, deviation: 2_000.0 };
    let wide = Normal { mean: 0.0, deviation: 12_000.0 };
    for shape in [[1, 64, 9, 9], [1, 320, 48, 47]] {
        group_norm(32, shape, far, Then::Silu, tolerance_far_from_zero);
        for like in [large, wide] {
            group_norm(32, shape, like, Then::Nothing, tolerance);
        }
    }
    layer_norm([1, 9, 320], far, tolerance_far_from_zero);
    for like in [large, wide] {
        layer_norm([1, 9, 320], like, tolerance);
    }
}

fn layer_norm(shape: [usize; 3], like: Normal, tolerance: impl Fn(FloatDType) -> f64) {
    assert_equal_on_gpu(&format!("layer norm of {shape:?}, {like:?}"), tolerance, |device, dtype| {
        let width = shape[2];
        let mut layer = LayerNormConfig::new(width).init(device);
        layer.gamma = Param::from_tensor(normal(4, [width], STANDARD, device, dtype));
        layer.beta = Some(Param::from_tensor(normal(5, [width], STANDARD, device, dtype)));
        ops::layer_norm(&layer, normal(6, shape, like, device, dtype), 1e-5)
    });
}

#[test]
fn a_gpu_normalises_rows_of_any_width() {
    for width in [1280, 2560, 320, 640, 768, 1024, 8, 7, 301, 2049] {
        layer_norm([2, 13, width], STANDARD, tolerance);
    }
}

#[test]
fn a_gpu_gates_rows_of_any_width_up_to_the_largest_f16() {
    for width in [1280, 5120, 6, 3, 77] {
        let like = Normal { mean: 0.0, deviation: 2.0 };
        assert_equal_on_gpu(&format!("geglu to {width}"), tolerance, |device, dtype| {
            ops::geglu(normal(7, [2, 5, 2 * width], like, device, dtype))
        });
    }
    // A gate of 0.5 to 1.5 keeps 40,000 in f16.
    assert_equal_on_gpu("geglu of large values", tolerance, |device, dtype| {
        let hidden = normal(8, [1, 9, 40], Normal { mean: 30_000.0, deviation: 1_000.0 }, device, dtype);
        let gate = normal(9, [1, 9, 40], Normal { mean: 1.0, deviation: 0.1 }, device, dtype);
        ops::geglu(Tensor::cat(vec![hidden, gate], 2))
    });
}

#[test]
fn a_gpu_joins_adds_and_unrolls_maps_as_the_cpu_does() {
    let exactly = |_: FloatDType| 0.0;
    for (first, second) in [(320, 640), (6, 4), (5, 8), (1, 1)] {
        let map = |seed, channels, device: &Device, dtype| normal(seed, [2, channels, 3, 5], STANDARD, device, dtype);
        assert_equal_on_gpu(&format!("{first} and {second} channels"), exactly, |device, dtype| {
            ops::concatenate(map(1, first, device, dtype), map(2, second, device, dtype))
        });
        // Once more on maps that a kernel has laid out.
        assert_equal_on_gpu(&format!("{first} and {second} channels, laid out"), exactly, |device, dtype| {
            let joined = ops::concatenate(map(1, first, device, dtype), map(2, second, device, dtype));
            ops::concatenate(joined.clone(), joined)
        });
        assert_equal_on_gpu(&format!("a sequence of {first}"), exactly, |device, dtype| {
            ops::sequence(ops::upsample_nearest_2x(map(1, first, device, dtype)))
        });
        assert_equal_on_gpu(&format!("a picture of {first}"), exactly, |device, dtype| {
            ops::upsample_nearest_2x(ops::picture(ops::sequence(map(1, first, device, dtype)), 3, 5))
        });
        // Halves of small numbers, so that a sum of two is exact in f16.
        assert_equal_on_gpu(&format!("a sum of {first}"), exactly, |device, dtype| {
            let halves = |seed| (map(seed, first, device, dtype) * 2.0).round() / 2.0;
            ops::add(halves(1), ops::upsample_nearest_2x(halves(2)).narrow(2, 0, 3).narrow(3, 0, 5))
        });
    }
}
