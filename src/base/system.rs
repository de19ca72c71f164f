//! Facts about this program and this computer for a report: versions, system, the device in use.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::thread;

use sysinfo::{MemoryRefreshKind, RefreshKind, System};

/// What says which versions of its main parts the program is built of.
const MANIFEST: &str = include_str!("../../Cargo.toml");

/// Returns the program's name and version.
pub fn version() -> String {
    format!("Burnisher {}", env!("CARGO_PKG_VERSION"))
}

/// Returns the versions of what draws pictures and of what draws the window.
pub fn parts() -> String {
    ["burn", "egui"].map(|name| format!("{name} {}", required(name))).join(", ")
}

/// The version of another crate that this one asks for.
fn required(name: &str) -> &str {
    let rows = MANIFEST.lines().filter_map(|line| line.split_once(" = "));
    let row = rows.filter(|(crate_name, _)| *crate_name == name).map(|(_, row)| row).next().unwrap_or_default();
    let quoted = row.split_once("version = ").map_or(row, |(_, rest)| rest);
    quoted.split('"').nth(1).unwrap_or_default().trim_start_matches('=')
}

/// Returns the system, the kind of processor, the number of cores and the memory. It reads files of the system.
pub fn system() -> String {
    let what = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let gigabytes = System::new_with_specifics(what).total_memory() as f64 / 1e9;
    let name = System::long_os_version().unwrap_or_else(|| std::env::consts::OS.to_owned());
    let kernel = System::kernel_version().map_or(String::new(), |version| format!(", kernel {version}"));
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    format!("{}{kernel}, {}, {cores} cores, {gigabytes:.1} GB of memory", name.trim(), std::env::consts::ARCH)
}

/// The device that was opened last, in words.
static DEVICE: Mutex<Option<String>> = Mutex::new(None);

/// Notes the device that was opened, with its driver.
pub(super) fn note_device(text: String) {
    *DEVICE.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
}

/// Returns the device that was opened last. It waits for nothing, so that a thread that is panicking may ask.
pub fn device() -> Option<String> {
    DEVICE.try_lock().ok().and_then(|device| device.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_versions_of_the_parts_are_those_that_the_manifest_asks_for() {
        for part in parts().split(", ") {
            let version = part.split_once(' ').map(|(_, version)| version).unwrap_or_default();
            assert!(version.starts_with(|c: char| c.is_ascii_digit()), "{part}");
        }
    }

    #[test]
    fn a_system_has_cores_and_memory() {
        let text = system();
        assert!(text.contains(" cores, ") && !text.contains(" 0.0 GB"), "{text}");
    }
}
