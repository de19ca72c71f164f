//! Single operations on the GPU at the shapes of Stable Diffusion 1.5 at 512 x 512 with guidance.

use std::time::Instant;

use burn::module::Module;
use burn::nn::GroupNormConfig;
use burn::tensor::{DType, Device, Tensor};
use burnisher::base::device::ComputeDevice;
use burnisher::ops::{self, AttentionMask, Conv2d, Linear, Then};
use serde_json::json;

use crate::launches;
use crate::networks::MadeUp;
use crate::report::tell;

/// Batch, inputs, outputs, pixels on each side, the kernel's side.
const CONVOLUTIONS: [(usize, usize, usize, usize, usize); 7] = [
    (2, 320, 320, 64, 3),
    (2, 640, 640, 32, 3),
    (2, 1280, 1280, 16, 3),
    (2, 1280, 1280, 8, 3),
    (1, 128, 128, 512, 3),
    (1, 256, 256, 256, 3),
    (2, 320, 320, 64, 1),
];
/// Rows, inputs, outputs.
const PRODUCTS: [(usize, usize, usize); 4] =
    [(8192, 320, 320), (8192, 320, 2560), (2048, 640, 5120), (512, 1280, 1280)];
/// Batch, queries, keys, heads, their width.
const ATTENTIONS: [(usize, usize, usize, usize, usize); 6] = [
    (2, 4096, 4096, 8, 40),
    (2, 4096, 4096, 5, 64),
    (2, 1024, 1024, 8, 80),
    (2, 256, 256, 8, 160),
    (2, 4096, 77, 8, 40),
    (1, 4096, 4096, 1, 512),
];

/// Prints the time and the rate of each, and which kernels it takes.
pub(crate) fn run(compute: &ComputeDevice, is_small: bool) {
    let bench = Bench { device: &compute.device, dtype: compute.dtype, is_small };
    // Pixels and rows are fewer on a software rasteriser.
    let part = |size: usize, divisor: usize| if is_small { (size / divisor).max(8) } else { size };
    for (b, c, o, s, k) in CONVOLUTIONS {
        let s = part(s, 16);
        let layer = Conv2d::new(c, o, k, bench.device).map(&mut bench.made_up());
        let x = bench.map([b, c, s, s]);
        bench.time(&format!("conv {b}x{c}->{o} {k}x{k} @{s}"), 2 * b * c * o * s * s * k * k, || {
            ops::conv2d(&layer, x.clone())
        });
    }
    for (n, i, o) in PRODUCTS {
        let n = part(n, 64);
        let layer = Linear::new(i, o, bench.device).map(&mut bench.made_up());
        let x = bench.made_up().numbers([1, n, i]);
        bench.time(&format!("linear {n} {i}->{o}"), 2 * n * i * o, || ops::linear(&layer, x.clone()));
    }
    for (b, n, k, h, dim) in ATTENTIONS {
        let (n, k) = (part(n, 64), part(k, 64));
        let [q, keys, v] = [n, k, k].map(|length| bench.made_up().numbers([b, length, h * dim]));
        bench.time(&format!("attention {b}x{n}x{k} {h}x{dim}"), 4 * b * n * k * h * dim, || {
            ops::attention(q.clone(), keys.clone(), v.clone(), h, AttentionMask::None)
        });
    }
    for (b, c, s) in [(2, 320, 64), (1, 128, 512)] {
        let s = part(s, 16);
        let norm = GroupNormConfig::new(32, c).init(bench.device).map(&mut bench.made_up());
        let x = bench.map([b, c, s, s]);
        bench.time(&format!("group norm {b}x{c} @{s}"), 8 * b * c * s * s, || {
            ops::group_norm(&norm, x.clone(), Then::Silu)
        });
    }
}

struct Bench<'a> {
    device: &'a Device,
    dtype: DType,
    is_small: bool,
}

impl Bench<'_> {
    fn made_up(&self) -> MadeUp<'_> {
        MadeUp { device: self.device, dtype: self.dtype }
    }

    /// A feature map as the kernels leave them: the channels side by side.
    fn map(&self, [batch, channels, height, width]: [usize; 4]) -> Tensor<4> {
        self.made_up().numbers([batch, height, width, channels]).permute([0, 3, 1, 2])
    }

    /// Prints the median of five after two to warm up, each closed by waiting for the device.
    fn time<const D: usize>(&self, name: &str, operations: usize, f: impl Fn() -> Tensor<D>) {
        let once = || {
            let begun = Instant::now();
            let output = f();
            self.device.sync().expect("a device");
            drop(output);
            begun.elapsed().as_secs_f64()
        };
        let first = once();
        once();
        let launched = launches::count(self.device, || {
            once();
        });
        let mut kernels: Vec<&str> = launched.iter().map(|launch| launch.kernel.as_str()).collect();
        kernels.dedup();
        let kernels = kernels.join(" ");
        let bytes: u64 = launched.iter().map(|launch| launch.read + launch.weights + launch.written).sum();
        if self.is_small {
            println!("{name:34} {:3} launches {:9.2} MB  {kernels}", launched.len(), bytes as f64 / 1e6);
            return;
        }
        let mut seconds: Vec<f64> = (0..5).map(|_| once()).collect();
        seconds.sort_by(f64::total_cmp);
        let (teraflops, gigabytes) = (operations as f64 / seconds[2] / 1e12, bytes as f64 / seconds[2] / 1e9);
        let milliseconds = seconds[2] * 1e3;
        println!("{name:34} {milliseconds:9.3} ms {teraflops:8.2} TFLOP/s {gigabytes:8.1} GB/s  {kernels}");
        tell(&json!({
            "operation": name, "ms": milliseconds, "tflops": teraflops, "gbps": gigabytes, "launches": launched.len(),
            "kernels": kernels, "first_s": first,
        }));
    }
}
