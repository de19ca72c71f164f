//! The program: starts what the command line asks for.

use std::path::PathBuf;
use std::process::ExitCode;

/// Bytes that a shader cache needs to begin with, and more.
const SHADER_CACHE_ROOM: u64 = 16 << 20;

/// The system's allocator gives large blocks back at once, and every step would pay for fresh pages again: a tenth to a third of
/// the time of a decode.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    quiet_device_selection();
    spare_full_disk();
    burnisher::cli::run(|file| burnisher::app::run(burnisher::app::Setup { file, ..burnisher::app::Setup::of_user() }))
}

/// Mesa's device selection layer looks for a Wayland display whenever GPUs are listed, and writes an error of its own to stderr
/// where there is no session to have one. Nothing is selected for a display there.
fn quiet_device_selection() {
    if cfg!(target_os = "linux") && std::env::var_os("XDG_RUNTIME_DIR").is_none() {
        set("NODEVICE_SELECT", "1");
    }
}

/// Mesa writes its shader cache through mapped memory, which ends the program with a bus error where the disk is full. Shaders are
/// compiled anew at each start then.
fn spare_full_disk() {
    const OFF: &str = "MESA_SHADER_CACHE_DISABLE";
    if cfg!(not(target_os = "linux")) || std::env::var_os(OFF).is_some() {
        return;
    }
    let folder = ["MESA_SHADER_CACHE_DIR", "XDG_CACHE_HOME", "HOME"].into_iter().find_map(std::env::var_os);
    let Some(folder) = folder.map(PathBuf::from) else { return };
    let there = folder.ancestors().find(|folder| folder.is_dir());
    if there.and_then(|folder| fs4::available_space(folder).ok()).is_some_and(|bytes| bytes < SHADER_CACHE_ROOM) {
        set(OFF, "true");
    }
}

/// Sets a variable of the environment before anything reads it.
fn set(variable: &str, value: &str) {
    #[expect(unsafe_code, reason = "the environment can be changed in no other way")]
    // SAFETY: this comes before everything else that the only thread does.
    unsafe {
        std::env::set_var(variable, value);
    }
}
