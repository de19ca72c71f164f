//! What one UNet step and one decode launch, a row for each operation and kernel.
//!
//! On a GPU they are timed. On a software rasteriser, whose times mean nothing, they aren't computed: launches and bytes are the
//! same.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use burn::cubecl::dry_run::DryRun;
use burn::tensor::{DType, Device, Tensor};
use burnisher::base::device::ComputeDevice;
use serde_json::json;

use crate::launches::{self, Launch};
use crate::networks::{Family, Scale};
use crate::report::tell;

/// A UNet step of Stable Diffusion 1.5 at 512 x 512 and of SDXL at 1024 x 1024, with guidance, and the decodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Step,
    StepXl,
    Decode,
    DecodeLarge,
}

impl Part {
    pub(crate) const ALL: [(&'static str, Self); 4] =
        [("step", Self::Step), ("step-xl", Self::StepXl), ("decode", Self::Decode), ("decode-1024", Self::DecodeLarge)];

    /// Latents on each side.
    fn side(self) -> usize {
        match self {
            Self::Step | Self::Decode => 64,
            Self::StepXl | Self::DecodeLarge => 128,
        }
    }

    fn pass(self, device: &Device, dtype: DType) -> Box<dyn Fn() -> Tensor<4>> {
        let family = if self == Self::StepXl { Family::Sdxl } else { Family::Sd15 };
        let scale = Scale { family, narrower: 1, side: self.side() };
        match self {
            Self::Step | Self::StepXl => Box::new(scale.unet(device, dtype)),
            Self::Decode | Self::DecodeLarge => Box::new(scale.decoder(device, dtype)),
        }
    }
}

/// The launches of one operation's kernel together.
#[derive(Default)]
struct Row {
    launches: usize,
    read: u64,
    written: u64,
    weights: u64,
    largest: u64,
    time: Duration,
}

impl Row {
    fn add(&mut self, launch: &Launch, time: Duration) {
        self.launches += 1;
        self.read += launch.read;
        self.written += launch.written;
        self.weights += launch.weights;
        self.largest = self.largest.max(launch.largest);
        self.time += time;
    }

    fn print(&self, name: &str, is_timed: bool) {
        let megabytes = [self.read, self.written, self.weights, self.largest].map(|bytes| bytes as f64 / 1e6);
        let [read, written, weights, largest] = megabytes;
        let milliseconds = self.time.as_secs_f64() * 1e3;
        let time = if is_timed { format!("{milliseconds:9.3}") } else { String::new() };
        println!("{:6} {read:9.1} {written:9.1} {weights:9.1} {largest:9.1}{time}  {name}", self.launches);
        tell(&json!({
            "kernel": name, "launches": self.launches, "read_mb": read, "written_mb": written, "weights_mb": weights,
            "largest_mb": largest, "device_ms": is_timed.then_some(milliseconds),
        }));
    }
}

/// Prints the table of a part.
pub(crate) fn run(part: Part, compute: &ComputeDevice, is_timed: bool) {
    let _dry = (!is_timed).then(DryRun::new);
    let pass = part.pass(&compute.device, compute.dtype);
    let wait = || drop(pass().into_data());
    let begun = Instant::now();
    wait();
    let first = begun.elapsed().as_secs_f64();
    println!("the first time, with compiling and tuning: {first:.1} s");
    wait();
    let launches = launches::count(&compute.device, wait);
    let times = if is_timed { launches::time(wait) } else { Vec::new() };
    let mut rows: BTreeMap<(&str, &str), Row> = BTreeMap::new();
    let mut all = Row::default();
    for (index, launch) in launches.iter().enumerate() {
        let time = times.get(index).copied().flatten().unwrap_or_default();
        rows.entry((&launch.operation, &launch.kernel)).or_default().add(launch, time);
        all.add(launch, time);
    }
    let mut rows: Vec<_> = rows.into_iter().collect();
    rows.sort_by_key(|(_, row)| std::cmp::Reverse((row.time, row.read + row.written)));
    let head = if is_timed { "       ms" } else { "" };
    println!("launch   read MB  wrote MB   weights   largest{head}  operation: kernel");
    for ((operation, kernel), row) in &rows {
        row.print(&format!("{operation}: {kernel}"), is_timed);
    }
    all.print("in all", is_timed);
    let copies = launches.iter().filter(|launch| launch.copies_weight).count();
    let alive = launches.iter().map(|launch| launch.alive).max().unwrap_or(0);
    println!("weights copied: {copies}; alive beside the weights: {:.1} MB", alive as f64 / 1e6);
    tell(&json!({ "first_s": first, "weights_copied": copies, "alive_mb": alive as f64 / 1e6 }));
    if is_timed {
        let measure = || {
            let begun = Instant::now();
            let output = pass();
            compute.device.flush().expect("a device");
            let host = begun.elapsed();
            drop(output.into_data());
            (begun.elapsed(), host)
        };
        let mut times: Vec<(Duration, Duration)> = (0..5).map(|_| measure()).collect();
        times.sort();
        let [wall, host] = [times[2].0, times[2].1].map(|time| time.as_secs_f64() * 1e3);
        println!("on the wall {wall:.1} ms, of which the processor gives work for {host:.1} ms");
        tell(&json!({ "wall_ms": wall, "host_ms": host }));
    }
}
