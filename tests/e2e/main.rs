//! The worker and the command line as their users meet them.
//!
//! `worker` drives the real worker with an engine that does what a test needs (panics, takes its time, obeys a cancel):
//! what the worker promises has to hold for engines that misbehave. Its `bundled` has the real engine on the bundled model,
//! and `command_line` and `from_pictures` run the program itself on that,
//! `tiny_models` on models of other kinds, `odd_folders` on some that people have changed, `odd_paths` where names of files aren't
//! UTF-8, `two_programs` several times at once, `redrawing` on PNGs that are drawn again. `records` looks at the program's log and at
//! what it says while it waits, `document` at what packages carry. `library` looks for models in folders as other apps lay them out.
//! `gpu_check` has scripts stand in for drivers that fail. `metadata` reads pictures of other apps, and `window` opens the
//! program's window on a screen of its own.

#[path = "../support/checkpoints.rs"]
#[expect(dead_code, reason = "other test binaries use the rest of it")]
mod checkpoints;
mod command_line;
mod document;
mod from_pictures;
#[cfg(target_os = "linux")]
mod gpu_check;
mod inspect;
mod library;
mod metadata;
#[path = "../support/model_files.rs"]
mod model_files;
mod odd_folders;
#[cfg(unix)]
mod odd_paths;
#[cfg(target_os = "linux")]
#[path = "../support/on_disk.rs"]
#[expect(dead_code, reason = "other test binaries use the rest of it")]
mod on_disk;
mod records;
#[cfg(target_os = "linux")]
mod redrawing;
mod refusals;
#[path = "../hub/repo.rs"]
mod repo;
#[path = "../hub/server.rs"]
#[expect(dead_code, reason = "other test binaries use the rest of it")]
mod server;
#[path = "../hub/stage.rs"]
#[expect(dead_code, reason = "other test binaries use the rest of it")]
mod stage;
mod tiny_models;
mod two_programs;
#[cfg(target_os = "linux")]
mod window;
mod worker;

/// As in the program: how much memory comes back is the allocator's doing too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
