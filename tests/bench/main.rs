//! spike
use burn::nn::conv::Conv2dConfig;
use burn::nn::{GroupNormConfig, LayerNormConfig, LinearConfig, PaddingConfig2d};
use burn::tensor::{Device, Distribution, Tensor};
use burnisher::cancel::CancelToken;
use burnisher::models::autoencoder_kl::AutoencoderKL;
use burnisher::models::unet_2d_condition::UNet2DConditionModel;
use burnisher::ops::{self, Mask, Then};
use std::time::Instant;

#[expect(clippy::disallowed_methods, reason = "bench")]
fn r<const D: usize>(s: [usize; D]) -> Tensor<D> {
    Tensor::random(s, Distribution::Normal(0.0, 1.0), &Device::flex())
}
fn cpu() -> f64 {
    let s = std::fs::read_to_string("/proc/self/stat").unwrap();
    let f: Vec<&str> = s.rsplit(')').next().unwrap().split_whitespace().collect();
    (f[11].parse::<f64>().unwrap() + f[12].parse::<f64>().unwrap()) / 100.0
}
fn time<T>(name: &str, gflop: f64, mut f: impl FnMut() -> T) {
    let mut ts = vec![];
    drop(f());
    let t0 = Instant::now();
    let c0 = cpu();
    while ts.len() < 3 || (t0.elapsed().as_secs_f64() < 1.5 && ts.len() < 30) {
        let t = Instant::now();
        drop(f());
        ts.push(t.elapsed().as_secs_f64());
    }
    let c = (cpu() - c0) / ts.len() as f64 / 2.0;
    ts.sort_by(f64::total_cmp);
    println!(
        "{name:38} {:9.2} ms {:8.1} GFLOP/s | cpu/2 {:8.2} ms {:8.1} GFLOP/s",
        ts[ts.len() / 2] * 1e3,
        gflop / ts[ts.len() / 2],
        c * 1e3,
        gflop / c
    );
}
fn main() {
    let d = Device::flex();
    let what: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    if what.iter().any(|w| w == "ops") {
        for (b, c, o, s, k) in [
            (2, 320, 320, 64, 3),
            (2, 640, 640, 32, 3),
            (2, 1280, 1280, 16, 3),
            (2, 1280, 1280, 8, 3),
            (2, 960, 640, 32, 3),
            (2, 2560, 1280, 8, 3),
            (1, 128, 128, 512, 3),
            (1, 256, 256, 256, 3),
            (1, 512, 512, 64, 3),
            (2, 320, 320, 64, 1),
        ] {
            let conv = Conv2dConfig::new([c, o], [k, k])
                .with_padding(PaddingConfig2d::Explicit(k / 2, k / 2, k / 2, k / 2))
                .init(&d);
            let x = r([b, c, s, s]);
            let g = 2e-9 * (b * c * o * s * s * k * k) as f64;
            time(&format!("conv {b}x{c}->{o} {k}x{k} @{s}"), g, || ops::conv2d(&conv, x.clone()));
        }
        for (n, i, o) in [
            (8192, 320, 320),
            (8192, 320, 2560),
            (8192, 1280, 320),
            (2048, 640, 5120),
            (512, 1280, 10240),
            (154, 768, 320),
        ] {
            let l = LinearConfig::new(i, o).init(&d);
            let x = r([1, n, i]);
            time(&format!("linear {n} {i}->{o}"), 2e-9 * (n * i * o) as f64, || ops::linear(&l, x.clone()));
            let w = l.weight.val().transpose();
            let w = Tensor::<2>::from_data(w.into_data(), &d).transpose();
            let mut l2 = LinearConfig::new(i, o).init(&d);
            l2.weight = burn::module::Param::from_tensor(w);
            time(&format!("linear(t) {n} {i}->{o}"), 2e-9 * (n * i * o) as f64, || ops::linear(&l2, x.clone()));
        }
        for (b, n, k, h, dim) in [
            (2, 4096, 4096, 8, 40),
            (2, 1024, 1024, 8, 80),
            (2, 256, 256, 8, 160),
            (2, 4096, 77, 8, 40),
            (1, 4096, 4096, 1, 512),
        ] {
            let (q, kk, v) = (r([b, n, h * dim]), r([b, k, h * dim]), r([b, k, h * dim]));
            time(&format!("attention {b}x{n}x{k} {h}x{dim}"), 4e-9 * (b * n * k * h * dim) as f64, || {
                ops::attention(q.clone(), kk.clone(), v.clone(), h, Mask::None)
            });
        }
        let gn = GroupNormConfig::new(32, 320).init(&d);
        let x = r([2, 320, 64, 64]);
        let gb = 2e-9 * (2 * 320 * 4096 * 4) as f64;
        time("groupnorm+silu 320@64 (GB/s)", gb, || ops::group_norm(&gn, x.clone(), Then::Silu));
        let ln = LayerNormConfig::new(320).init(&d);
        let y = r([2, 4096, 320]);
        time("layernorm (GB/s)", gb, || ops::layer_norm(&ln, y.clone(), 1e-5));
        time("add (GB/s)", gb * 1.5, || x.clone() + x.clone());
        time("sequence copy (GB/s)", gb, || {
            Tensor::<3>::from_data(x.clone().flatten::<3>(2, 3).swap_dims(1, 2).into_data(), &d)
        });
        let z = r([2, 4096, 2560]);
        time("geglu (GB/s)", gb * 6.0, || ops::geglu(z.clone()));
        time("cat (GB/s)", gb * 2.0, || Tensor::cat(vec![x.clone(), x.clone()], 1));
        time("upsample", gb * 2.5, || ops::upsample_nearest_2x(x.clone()));
    }
    let json = |s: &str| serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(s).unwrap();
    if what.iter().any(|w| w == "unet") {
        let unet = UNet2DConditionModel::new(&json(r#"{"cross_attention_dim":768}"#), &d).unwrap();
        for s in [64, 32] {
            let (x, c) = (r([2, 4, s, s]), r([2, 77, 768]));
            let t = Instant::now();
            unet.forward(x.clone(), 500.0, &c, &CancelToken::new()).unwrap();
            println!("first {:?}", t.elapsed());
            for _ in 0..2 {
                let (t, c0) = (Instant::now(), cpu());
                unet.forward(x.clone(), 500.0, &c, &CancelToken::new()).unwrap();
                println!("unet @{s}: {:?} cpu/2 {:.2}", t.elapsed(), (cpu() - c0) / 2.0);
            }
        }
    }
    if what.iter().any(|w| w == "vae") {
        let vae =
            AutoencoderKL::new(&json(r#"{"block_out_channels":[128,256,512,512],"layers_per_block":2}"#), &d).unwrap();
        for s in [64, 32] {
            let x = r([1, 4, s, s]);
            vae.decode(r([1, 4, 8, 8]), &CancelToken::new()).unwrap();
            let (t, c0) = (Instant::now(), cpu());
            vae.decode(x.clone(), &CancelToken::new()).unwrap();
            println!("decode @{s}: {:?} cpu/2 {:.2}", t.elapsed(), (cpu() - c0) / 2.0);
        }
    }
}
