//! What the worker promises: held against an engine that misbehaves on command, and seen with the bundled model.

mod bundled;
mod jobs;
mod killed;
mod killed_anywhere;
mod loading;
mod previews;
mod puppet;
mod replacing;
mod resume;
mod rewind;
mod session;
mod two_windows;
