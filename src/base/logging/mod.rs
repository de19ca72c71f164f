//! The log: what the program did and what failed, in a file that its user may hand on.
//!
//! Code anywhere says `log::info!` and the like. A line never holds a prompt, an access token or the user's home: [`without_private`]
//! goes over each, and what is logged is chosen so that there is little to take out. Other crates are heard from their warnings up.
//!
//! Limits: a line that finds the writer's channel full, or the disk, is lost; several programs may write to one file, and the lines
//! of one that runs while another begins a new file go to the old one.

mod file;
mod logger;
mod private;

pub use logger::{Logging, recent, start};
pub use private::without_private;

use std::path::{Path, PathBuf};

/// Returns the file of the log in the folder for what the program keeps of its runs.
pub fn path_in(state: &Path) -> PathBuf {
    state.join("burnisher.log")
}
