//! The GPU against the CPU in f32: the checks that the program makes before it uses a GPU, and a UNet step and a decode with a
//! quarter of the channels.

use burn::tensor::{DType, Device, Tensor};
use burnisher::base::device::ComputeDevice;
use burnisher::ops;
use serde_json::json;

use crate::networks::{Family, Scale};
use crate::report::tell;

/// Latents on each side in the program's checks.
const SIDE: usize = 16;

/// Prints how far the results are from the CPU's, relative to their size.
pub(crate) fn run(compute: &ComputeDevice) {
    ops::run_checks(&compute.device, compute.dtype, SIDE, |name, off| {
        println!("{name}: {off:.2e}");
        tell(&json!({ "check": name, "off": off }));
    });
    let scale = Scale { family: Family::Sd15, narrower: 4, side: 8 };
    let cpu = (Device::flex(), DType::F32);
    let gpu = (compute.device.clone(), compute.dtype);
    let step = difference(scale.unet_on(&cpu, &gpu));
    let decode = difference(scale.decoder_on(&cpu, &gpu));
    println!(
        "step: {step:.2e}\ndecode: {decode:.2e}\n(differences from the CPU in f32, relative to the root mean square)"
    );
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
