//! The window, driven by its labels as a person or a screen reader finds them. The only fake is the worker's engine.

mod bad_input;
mod forms;
mod gallery;
mod generating;
mod inspector;
mod lab;
mod loading;
mod models;
mod painting;
mod promises;
mod remembering;
mod rewind;
mod snapshots;
mod stage;
mod tasks;
