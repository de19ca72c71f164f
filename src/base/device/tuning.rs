//! How GPUs are tuned: burn tries variants of a kernel when a shape is new, and keeps the fastest in the user's cache folder.
//!
//! burn keys that by the kernels' language and by the GPU's place in the list alone. Here each GPU has a file of its own, by name and
//! driver, so that another GPU or driver is tuned for itself.

use std::path::PathBuf;

use burn::cubecl::config::autotune::{AutotuneLevel, BenchConfig};
use burn::cubecl::config::cache::CacheConfig;
use burn::cubecl::config::{CubeClRuntimeConfig, RuntimeConfig};
use burn::cubecl::environment;

use super::gpus::Gpu;

/// Has what is learned from now on kept for this GPU, and soon learned.
///
/// Shapes that are alike share a result (`Minimal`: sizes up to 2.5 times as large instead of 2), and a variant is measured a few
/// times: the first picture waits for all of it, and most of the wait is the compilation of variants, which more samples don't use
/// better.
pub(super) fn begin(gpu: &Gpu) {
    let mut config = CubeClRuntimeConfig::default().override_from_env();
    config.autotune.level = AutotuneLevel::Minimal;
    config.autotune.bench = BenchConfig { min_samples: 2, max_samples: 4, ..BenchConfig::default() };
    // By default it would lie in a Rust project that the program happens to be started in.
    config.environment.path = CacheConfig::Global;
    // The first GPU settles it.
    let _ = CubeClRuntimeConfig::try_set(config);
    let name = format!("gpu-{:016x}", gpu.fingerprint());
    if *environment::active() != *name {
        environment::activate(name);
    }
}

/// Returns the file in which the results for the GPU in use lie, a line each (`crates/turso`).
pub fn tuning_file() -> PathBuf {
    let mut path = environment::path().into_os_string();
    path.push(".tuning");
    path.into()
}
