//! The worker and the command line as their users meet them.
//!
//! `worker` drives the real worker with an engine that does what a test needs (panics, takes its time, obeys a cancel):
//! what the worker promises has to hold for engines that misbehave. Its `bundled` has the real engine on the bundled model,
//! and `command_line` and `from_pictures` run the program itself on that. `metadata` reads pictures of other apps, and `window` opens the
//! program's window on a screen of its own.

mod command_line;
mod from_pictures;
mod metadata;
#[cfg(target_os = "linux")]
mod window;
mod worker;

/// As in the program: how much memory comes back is the allocator's doing too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
