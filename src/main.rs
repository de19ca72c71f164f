//! The program: starts what the command line asks for.

use std::process::ExitCode;

/// The system's allocator gives large blocks back at once, and every step would pay for fresh pages again: a tenth to a third of
/// the time of a decode.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    quiet_device_selection();
    burnisher::cli::run(|file| burnisher::app::run(burnisher::app::Setup { file, ..burnisher::app::Setup::of_user() }))
}

/// Mesa's device selection layer looks for a Wayland display whenever GPUs are listed, and writes an error of its own to stderr
/// where there is no session to have one. Nothing is selected for a display there.
fn quiet_device_selection() {
    if cfg!(target_os = "linux") && std::env::var_os("XDG_RUNTIME_DIR").is_none() {
        #[expect(unsafe_code, reason = "the environment can be changed in no other way")]
        // SAFETY: this is the first thing that the only thread does.
        unsafe {
            std::env::set_var("NODEVICE_SELECT", "1");
        }
    }
}
