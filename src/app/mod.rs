//! The window: a form, a canvas and a gallery around a session.
//!
//! Each frame takes in what the other threads tell (`logic`), draws (`ui`), and then carries out the actions that the panels and the
//! background returned (`apply`). The window's thread never waits: files and dialogs are the business of `files`, the gallery's
//! folder that of `librarian`, and arithmetic that of the worker. Nothing is drawn unless something changed.
//!
//! `panels` lie around the centre, whose `stage` shows the `canvas`, the `painter`, the lab or a comparison; `dialogs` lie in front.

mod action;
mod apply;
mod canvas;
mod command;
mod dialogs;
mod draw;
mod files;
mod gpu;
mod hear;
mod launch;
pub mod librarian;
mod painter;
mod panels;
mod paste_watch;
mod pasting;
mod placement;
mod screen_picture;
mod setup;
mod stage;
mod state;
mod theme;
mod turns;
mod widgets;
mod window;
mod words;

pub use launch::{native_options, run};
pub use setup::Setup;
pub use window::App;
