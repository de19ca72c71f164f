//! Linear layers, with the bias and the residual that are added in the same pass.

use burn::module::Param;
use burn::tensor::{Device, FloatDType, Tensor};
use burnisher::ops::{self, Linear};

use super::{difference, gpu, normal, tensor, values};

/// Sums are in f32 in either number format: f32 adds in another order than the CPU, f16 rounds the result to 11 bits.
const TOLERANCES: [(FloatDType, f64); 2] = [(FloatDType::F32, 1e-5), (FloatDType::F16, 1e-3)];

#[test]
fn a_gpu_multiplies_as_exactly_as_the_cpu_over_thousands_of_inputs() {
    // Batch, length, inputs, outputs: the last ones can't be read four or two at a time, or are a single row.
    for shape in
        [[2, 20, 320, 320], [1, 9, 640, 5120], [2, 5, 5120, 64], [2, 77, 768, 40], [2, 3, 7, 5], [1, 1, 320, 1280]]
    {
        let [batch, length, inputs, outputs] = shape;
        let weight: Vec<f32> = normal(1, inputs * outputs).iter().map(|x| x / (inputs as f32).sqrt()).collect();
        let on = |device: &Device, dtype: FloatDType, is_plain: bool| {
            let mut layer = Linear::new(inputs, outputs, device).with_bias(!is_plain);
            layer.weight = Param::from_tensor(tensor(&weight, [inputs, outputs], dtype, device));
            layer.bias = layer.bias.map(|_| Param::from_tensor(tensor(&normal(2, outputs), [outputs], dtype, device)));
            let x: Tensor<3> = tensor(&normal(3, batch * length * inputs), [batch, length, inputs], dtype, device);
            let residual = tensor(&normal(4, batch * length * outputs), [batch, length, outputs], dtype, device);
            let y = if is_plain { ops::linear(&layer, x) } else { ops::linear_then(&layer, x, residual) };
            assert_eq!(y.dims(), [batch, length, outputs]);
            values(y)
        };
        for is_plain in [false, true] {
            let right = on(&Device::flex(), FloatDType::F32, is_plain);
            for (dtype, tolerance) in TOLERANCES {
                let difference = difference(&on(&gpu(), dtype, is_plain), &right);
                assert!(difference <= tolerance, "{shape:?} in {dtype:?}: {difference:.1e}");
            }
        }
    }
}
