//! Single operations on the CPU at the shapes of Stable Diffusion 1.5 at 512 x 512 with guidance.

use std::time::Instant;

use burn::nn::{GroupNormConfig, LayerNormConfig};
use burn::tensor::{Device, Tensor, TensorData};
use burnisher::base::rng::TorchRng;
use burnisher::ops::{self, AttentionMask, Conv2d, Linear, Then};

use crate::moment::Moment;

/// Prints the time and the rate of each.
pub(crate) fn run() {
    rayon::ThreadPoolBuilder::new().num_threads(2).build_global().expect("the first pool");
    let d = Device::flex();
    for (b, c, o, s, k) in [
        (2, 320, 320, 64, 3),
        (2, 640, 640, 32, 3),
        (2, 1280, 1280, 16, 3),
        (2, 1280, 1280, 8, 3),
        (1, 128, 128, 512, 3),
        (1, 256, 256, 256, 3),
        (2, 320, 320, 64, 1),
    ] {
        let conv = Conv2d::new(c, o, k, &d);
        let x = normal([b, c, s, s]);
        let gflop = 2e-9 * (b * c * o * s * s * k * k) as f64;
        time(&format!("conv {b}x{c}->{o} {k}x{k} @{s}"), gflop, "GFLOP", || ops::conv2d(&conv, x.clone()));
    }
    for (n, i, o) in [(8192, 320, 320), (8192, 320, 2560), (8192, 1280, 320), (2048, 640, 5120), (512, 1280, 10240)] {
        let layer = Linear::new(i, o, &d);
        let x = normal([1, n, i]);
        time(&format!("linear {n} {i}->{o}"), 2e-9 * (n * i * o) as f64, "GFLOP", || ops::linear(&layer, x.clone()));
    }
    for (b, n, k, h, dim) in [
        (2, 4096, 4096, 8, 40),
        (2, 1024, 1024, 8, 80),
        (2, 256, 256, 8, 160),
        (2, 4096, 77, 8, 40),
        (1, 4096, 4096, 1, 512),
    ] {
        let (q, keys, v) = (normal([b, n, h * dim]), normal([b, k, h * dim]), normal([b, k, h * dim]));
        let gflop = 4e-9 * (b * n * k * h * dim) as f64;
        time(&format!("attention {b}x{n}x{k} {h}x{dim}"), gflop, "GFLOP", || {
            ops::attention(q.clone(), keys.clone(), v.clone(), h, AttentionMask::None)
        });
    }
    let picture = normal([2, 320, 64, 64]);
    let sequence = normal([2, 4096, 320]);
    let wide = normal([2, 4096, 2560]);
    let gigabytes = |values: usize| 4e-9 * values as f64;
    let size = 2 * 320 * 4096;
    let norm = GroupNormConfig::new(32, 320).init(&d);
    time("group norm and silu", gigabytes(2 * size), "GB", || ops::group_norm(&norm, picture.clone(), Then::Silu));
    let norm = LayerNormConfig::new(320).init(&d);
    time("layer norm", gigabytes(2 * size), "GB", || ops::layer_norm(&norm, sequence.clone(), 1e-5));
    time("geglu", gigabytes(12 * size), "GB", || ops::geglu(wide.clone()));
    time("upsample", gigabytes(5 * size), "GB", || ops::upsample_nearest_2x(picture.clone()));
    time("add", gigabytes(3 * size), "GB", || picture.clone() + picture.clone());
    time("concatenate", gigabytes(4 * size), "GB", || Tensor::cat(vec![picture.clone(), picture.clone()], 1));
}

fn normal<const D: usize>(shape: [usize; D]) -> Tensor<D> {
    let values = TorchRng::manual_seed(0).randn(shape.iter().product());
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

/// Prints the median on the wall, and the rate that two threads of the processor would have alone.
fn time<T>(name: &str, work: f64, unit: &str, mut f: impl FnMut() -> T) {
    drop(f());
    let mut seconds = Vec::new();
    let start = Moment::now();
    while seconds.len() < 3 || (start.wall.elapsed().as_secs_f64() < 2.0 && seconds.len() < 100) {
        let start = Instant::now();
        drop(f());
        seconds.push(start.elapsed().as_secs_f64());
    }
    let cpu = (Moment::now().cpu - start.cpu) / 2.0 / seconds.len() as f64;
    seconds.sort_by(f64::total_cmp);
    let median = seconds[seconds.len() / 2];
    println!("{name:34} {:9.2} ms wall {:9.2} ms cpu {:8.1} {unit}/s", median * 1e3, cpu * 1e3, work / cpu);
}
