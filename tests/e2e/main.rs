//! The worker and the command line as their users meet them.
//!
//! `worker` drives the real worker with an engine that does what a test needs (panics, takes its time, obeys a cancel):
//! what the worker promises has to hold for engines that misbehave. `command_line` runs the program itself on the
//! bundled model, and `window` does in a real window. `metadata` reads pictures of other apps.

mod command_line;
mod metadata;
#[cfg(target_os = "linux")]
mod window;
mod worker;
