//! Speed and memory at full size, as ratios against torch where a Python with diffusers is named.
//!
//!     BURNISHER_BENCH_PYTHON=python3 cargo bench --bench full_size              the whole pipeline, beside diffusers
//!     BURNISHER_BENCH_PYTHON=python3 cargo bench --bench full_size -- load      loading alone, in f32 and f16, beside diffusers,
//!                                                                               of the models named after it, if any
//!     cargo bench --bench full_size -- ops                                      single operations at their usual shapes
//!     cargo bench --bench full_size -- keeping                                  what it costs to keep the picture in the making
//!     cargo bench --bench full_size -- window                                   the window's frames, where there is a display
//!
//! The model has Stable Diffusion 1.5's shapes and random weights; nothing is downloaded. It is written once as f16 (2 GB) to a
//! temporary folder and opened from there by both sides, each in a process of its own, so that peaks of memory stand apart.
//! Times on a busy machine mean little: the ratio column compares processor time.

mod checkpoint;
mod keeping;
mod load;
mod moment;
#[path = "../support/on_disk.rs"]
#[expect(dead_code, reason = "other test binaries use the rest of it")]
mod on_disk;
mod ops;
mod pipeline;
mod window;

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => compare(),
        ["load", ref models @ ..] => load::compare(models),
        ["ops"] => ops::run(),
        ["keeping"] => keeping::run(),
        ["window"] => window::run(),
        ["window", what] => window::measure(what),
        ["write", folder] => checkpoint::write(Path::new(folder)),
        ["measure-load", model, dtype] => println!("{}", load::measure(model, dtype)),
        ["measure", folder] => println!("{}", pipeline::measure(Path::new(folder))),
        _ => panic!("no arguments, or one of: load, ops, keeping, window"),
    }
}

/// Both sides on one model, in one run.
fn compare() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().to_str().expect("a plain path");
    let this = std::env::current_exe().expect("this program");
    let this = this.to_str().expect("a plain path");
    run(this, &["write", path]);
    let ours = parse(&run(this, &["measure", path]));
    let theirs = std::env::var("BURNISHER_BENCH_PYTHON").ok().map(|python| {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bench/peer.py");
        parse(&run(&python, &[script, path]))
    });
    println!("{:<28} {:>12} {:>12} {:>8}", "", "burnisher", "torch f32", "ratio");
    for (name, value) in ours.as_object().expect("an object") {
        let ours = value.as_f64().expect("a number");
        match theirs.as_ref().and_then(|t| t[name].as_f64()) {
            Some(theirs) => println!("{name:<28} {ours:>12.3} {theirs:>12.3} {:>8.2}", ours / theirs),
            None => println!("{name:<28} {ours:>12.3}"),
        }
    }
}

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).stderr(Stdio::inherit()).output().expect("it starts");
    assert!(output.status.success(), "{program} {arguments:?} failed");
    String::from_utf8(output.stdout).expect("text")
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text.lines().last().expect("a line")).expect("JSON")
}
