//! Small networks on the GPU against the CPU in f32: a UNet step and a decode with a quarter of the channels.

use burn::tensor::{DType, Device, Tensor};
use burnisher::base::device::ComputeDevice;
use serde_json::json;

use crate::networks::{Family, Scale};
use crate::report::tell;

/// Prints how far the results are from the CPU's, relative to their size.
pub(crate) fn run(compute: &ComputeDevice) {
    let scale = Scale { family: Family::Sd15, narrower: 4, side: 8 };
    let cpu = (Device::flex(), DType::F32);
    let gpu = (compute.device.clone(), compute.dtype);
    let step = difference(scale.unet_on(&cpu, &gpu));
    let decode = difference(scale.decoder_on(&cpu, &gpu));
    println!("away from the CPU in f32, relative to the root mean square: step {step:.2e}, decode {decode:.2e}");
    tell(&json!({ "step": step, "decode": decode }));
}

/// The root mean square of the difference, relative to that of the first.
fn difference([right, ours]: [Tensor<4>; 2]) -> f64 {
    let [right, ours] =
        [right, ours].map(|tensor| tensor.cast(DType::F32).into_data().try_into_vec::<f32>().expect("f32"));
    let square = |values: &mut dyn Iterator<Item = f32>| values.map(|x| f64::from(x).powi(2)).sum::<f64>();
    let wrong = square(&mut right.iter().zip(&ours).map(|(a, b)| a - b));
    (wrong / square(&mut right.iter().copied())).sqrt()
}
