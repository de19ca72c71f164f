//! Models from the Hub: a loopback server (`server`, `repo`) serves the tiny checkpoints to the real client.
//!
//! `downloads` is what goes well, `faults` what breaks and heals, `refusals` what can't be had, and `program` the command
//! line with all of it, killed at random moments. `python` compares the cache with one that Python made.

#[path = "../support/checkpoints.rs"]
#[expect(dead_code, reason = "other test binaries use the rest of it")]
mod checkpoints;
mod downloads;
mod faults;
mod program;
mod python;
mod refusals;
mod repo;
mod server;
mod stage;

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
