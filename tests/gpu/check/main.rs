//! A check of a GPU's speed and accuracy, and what the networks launch on it.
//!
//!     cargo bench --bench gpu                                   launches and bytes of steps and decodes, an operation a row
//!     cargo bench --bench gpu -- pass PART [KERNELS] [DTYPE]    one of them: step, step-xl, decode or decode-1024
//!     cargo bench --bench gpu -- operations [KERNELS] [DTYPE]   single operations
//!     cargo bench --bench gpu -- parity [KERNELS] [DTYPE]       small networks against the CPU
//!     cargo bench --bench gpu -- all FILE                       everything; what is found goes to FILE as JSON
//!
//! KERNELS are `auto`, `native` or `portable`, DTYPE is `f16` or `f32`. On a software rasteriser, or with
//! `BURNISHER_GPU_SMALL=1`, single operations are smaller and nothing is timed. `tests/gpu/build.sh` makes one file of it for another
//! machine. Nothing is downloaded: weights are random.

#[path = "../../support/launches.rs"]
mod launches;
#[path = "../../support/networks.rs"]
mod networks;
mod operations;
mod parity;
mod passes;
mod report;

use std::path::Path;
use std::process::{Command, Stdio};

use burnisher::base::device::{self, ComputeDevice, DeviceChoice, DtypeChoice, KernelChoice};
use serde_json::json;

use passes::Part;
use report::tell;

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The same operations through torch, where a Python has it with a GPU.
const TORCH: &str = include_str!("torch.py");

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => Part::ALL.iter().for_each(|(name, part)| {
            println!("\n{name}");
            passes::run(*part, &open("auto", "f16"), !is_small());
        }),
        ["all", file] => report::run(Path::new(file)),
        ["adapter"] => adapter(),
        ["torch", dtype] => torch(dtype),
        ["pass", part, ref on @ ..] => passes::run(named(part), &opened(on), !is_small()),
        ["operations", ref on @ ..] => operations::run(&opened(on), is_small()),
        ["parity", ref on @ ..] => parity::run(&opened(on)),
        _ => panic!("none of: pass, operations, parity, all"),
    }
}

fn named(name: &str) -> Part {
    let part = Part::ALL.into_iter().find(|(known, _)| *known == name);
    part.unwrap_or_else(|| panic!("{name} is none of: step, step-xl, decode, decode-1024")).1
}

fn is_small() -> bool {
    let is_software = || device::list().first().is_none_or(|gpu| gpu.kind == "software rasteriser");
    std::env::var_os("BURNISHER_GPU_SMALL").is_some() || is_software()
}

fn opened(on: &[&str]) -> ComputeDevice {
    open(on.first().unwrap_or(&"auto"), on.get(1).unwrap_or(&"f16"))
}

fn open(kernels: &str, dtype: &str) -> ComputeDevice {
    if is_small() {
        launches::tune_briefly();
    }
    let (kernels, dtype) = match (kernels, dtype) {
        ("native", _) => (KernelChoice::Native, dtype),
        ("portable", _) => (KernelChoice::Portable, dtype),
        _ => (KernelChoice::Auto, dtype),
    };
    let dtype = if dtype == "f32" { DtypeChoice::F32 } else { DtypeChoice::F16 };
    let compute = device::open_with(DeviceChoice::Gpu(None), dtype, kernels);
    let compute = compute.unwrap_or_else(|error| panic!("{error}"));
    let kernels = compute.kernels.unwrap_or_default();
    println!("{}, {kernels}, {}", compute.name, compute.dtype.name());
    tell(&json!({ "gpu": compute.name, "kernels": kernels, "dtype": compute.dtype.name() }));
    compute
}

/// Prints what there is, and what the runtime knows of it.
fn adapter() {
    for device in device::list() {
        println!("{}: {}", device.id, device.in_words());
        tell(&serde_json::to_value(&device).expect("JSON"));
    }
    let compute = open("native", "f32");
    let client = launches::client(&compute.device);
    let features = format!("{:?}", client.features());
    println!("{}\n{features}\n{:?}", client.name(), client.properties().hardware);
    tell(
        &json!({ "client": client.name(), "features": features, "hardware": format!("{:?}", client.properties().hardware) }),
    );
}

/// Runs the operations with torch; without it, that is said.
fn torch(dtype: &str) {
    let mut python = Command::new("python3");
    let python = python.args(["-c", TORCH, dtype]).stderr(Stdio::null()).output();
    match python {
        Ok(output) if output.status.success() => print!("{}", String::from_utf8_lossy(&output.stdout)),
        _ => println!("python3 has no torch with a GPU here"),
    }
}
