//! The worker and the command line as their users meet them.
//!
//! `worker` drives the real worker with an engine that does what a test needs (panics, takes its time, obeys a cancel):
//! what the worker promises has to hold for engines that misbehave. `command_line` runs the program itself on the
//! bundled model. `metadata` reads pictures of other apps.

mod command_line;
mod metadata;
mod worker;

/// As in the program: how much memory comes back is the allocator's doing too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
