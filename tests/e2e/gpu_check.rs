//! The check of a GPU before it is first used: drivers that compute wrongly, crash or hang over native kernels.
//!
//! A script takes the driver's part. It answers in the program's place for native kernels, and has the program itself compute for
//! portable ones.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use burnisher::base::device::{DeviceChoice, GpuVerdict, KernelChoice, gpu_to_check};
use burnisher::worker::Guard;
use serde_json::Value;

use crate::command_line::{folder, program, run, stdout, text};

/// What portable kernels say: the program's own command, on the device that is always there.
const PORTABLE_COMPUTE: &str = "exec \"$PROGRAM\" check-gpu --device cpu --dtype f32";

/// Checks a GPU whose driver does this with native kernels and that with portable ones, and keeps the verdict in `cache`.
fn check(cache: &Path, native: &str, portable: &str, limit: Duration) -> GpuVerdict {
    let script = cache.join("driver.sh");
    let program = env!("CARGO_BIN_EXE_burnisher");
    let text = format!("#!/bin/sh\nPROGRAM={program}\ncase \"$*\" in *native*)\n{native};;\n*)\n{portable};;\nesac\n");
    fs::write(&script, text).expect("written");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("it can be run");
    let guard = Guard { program: script, limit, kept: cache.join("burnisher/gpus.json") };
    let gpu =
        gpu_to_check(DeviceChoice::Gpu(None)).expect("a GPU, or Mesa's software Vulkan").expect("it isn't the CPU");
    let verdict = guard.check(&gpu, &mut || Ok(())).expect("the script starts");
    gpu.keep(&guard.kept, verdict.clone()).expect("it is kept");
    verdict
}

/// Checks that the program takes portable kernels from then on, and says why in these words.
fn assert_portable_since(cache: &Path, reason: &str) {
    let devices = |args: &[&str]| {
        let output = program(cache, args).env("XDG_CACHE_HOME", cache).output().expect("the program starts");
        stdout(&output).to_owned()
    };
    let listed: Vec<Value> = serde_json::from_str(&devices(&["devices", "--json"])).expect("JSON");
    let kernels = &listed[0]["kernels"];
    assert_eq!(kernels["value"], "portable");
    assert!(kernels["reason"].as_str().is_some_and(|said| said.contains(reason)), "{kernels}");
    let lines = devices(&["devices"]);
    assert!(lines.lines().next().is_some_and(|line| line.contains(reason)), "{lines}");
    assert_eq!(listed.last().map(|cpu| cpu["kernels"].is_null()), Some(true));
}

const PATIENCE: Duration = Duration::from_mins(5);

#[test]
fn a_gpu_that_computes_wrongly_gets_portable_kernels_and_the_figure_is_shown() {
    for (native, reason) in [
        ("echo product 3.7e-1", "native kernels in f16 compute a wrong product, which is off by 3.7e-1"),
        ("printf 'product 1e-4\\nconvolution NaN\\n'", "compute a wrong convolution, which is off by NaN"),
        ("echo what", "compute a wrong product"),
    ] {
        let cache = folder();
        let verdict = check(cache.path(), native, PORTABLE_COMPUTE, PATIENCE);
        assert_eq!((verdict.kernels, verdict.f16), (Some(KernelChoice::Portable), true), "{}", verdict.reason);
        assert!(verdict.reason.contains("portable kernels in f16 compute right"), "{}", verdict.reason);
        assert_portable_since(cache.path(), reason);
    }
}

#[test]
fn a_gpu_whose_driver_crashes_gets_portable_kernels() {
    let cache = folder();
    let verdict = check(cache.path(), "echo product 1e-4\nkill -ABRT $$", PORTABLE_COMPUTE, PATIENCE);
    assert_eq!(verdict.kernels, Some(KernelChoice::Portable));
    assert_portable_since(cache.path(), "native kernels in f16 crash in the convolution");
}

#[test]
fn a_gpu_whose_driver_hangs_is_waited_for_no_longer_than_the_limit_and_gets_portable_kernels() {
    let cache = folder();
    // The limit holds for portable kernels, too, which say the same at once here.
    let portable = "printf 'product 1e-7\\nconvolution 1e-7\\nattention 1e-7\\n'";
    let verdict = check(cache.path(), "echo product 1e-4\nexec sleep 1000", portable, Duration::from_secs(10));
    assert_eq!(verdict.kernels, Some(KernelChoice::Portable));
    assert_portable_since(cache.path(), "native kernels in f16 hang in the convolution");
}

#[test]
fn a_gpu_whose_f16_is_wrong_computes_in_f32_and_one_that_computes_nothing_right_is_told() {
    let cache = folder();
    let portable = format!("case \"$*\" in *f16*) echo product 0.5;; *) {PORTABLE_COMPUTE};; esac");
    let verdict = check(cache.path(), "echo product 0.5", &portable, PATIENCE);
    assert_eq!((verdict.kernels, verdict.f16), (Some(KernelChoice::Portable), false));
    let args = ["inspect", "bundled", "--device", "gpu", "--dtype", "f16"];
    let output = program(cache.path(), &args).env("XDG_CACHE_HOME", cache.path()).output().expect("the program starts");
    assert!(text(&output.stderr).contains("This GPU computes wrongly in f16"), "{}", text(&output.stderr));
    let verdict = check(cache.path(), "echo product 0.5", "echo product 0.5", PATIENCE);
    assert_eq!(verdict.kernels, None);
}

#[test]
fn the_check_says_how_far_a_device_is_off() {
    let folder = folder();
    let output = run(folder.path(), &["check-gpu", "--device", "cpu", "--dtype", "f16"]);
    let lines: Vec<&str> = stdout(&output).lines().collect();
    let off = |line: &str| line.split(' ').nth(1).and_then(|off| off.parse::<f64>().ok()).expect("a number");
    assert_eq!(lines.len(), 3);
    // Sums of hundreds of products that are kept in f16 are off by no more, and by something.
    assert!(lines.iter().all(|line| (1e-5..2e-2).contains(&off(line))), "{lines:?}");
    let refused = run(folder.path(), &["check-gpu", "--device", "gpu:99"]);
    assert_eq!(refused.status.code(), Some(1));
}
