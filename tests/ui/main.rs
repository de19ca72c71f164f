//! The window, driven by its labels as a person or a screen reader finds them. The only fake is the worker's engine.

mod bad_input;
#[path = "../support/checkpoints.rs"]
#[expect(dead_code, reason = "other test binaries use the rest of it")]
mod checkpoints;
mod forms;
mod gallery;
mod generating;
mod help;
mod hub;
mod inspector;
mod lab;
mod loading;
#[path = "../support/model_files.rs"]
#[expect(dead_code, reason = "other test binaries use the rest of it")]
mod model_files;
mod models;
#[path = "../support/on_disk.rs"]
#[expect(dead_code, reason = "other test binaries use the rest of it")]
mod on_disk;
mod painting;
mod pasting;
mod paths;
mod promises;
mod remembering;
#[path = "../hub/repo.rs"]
mod repo;
mod rewind;
#[path = "../hub/server.rs"]
#[expect(dead_code, reason = "other test binaries use the rest of it")]
mod server;
mod snapshots;
mod stage;
mod tasks;
