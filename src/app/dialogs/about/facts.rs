//! What is to be found out about this computer for the About window.

use std::path::PathBuf;

use crate::base::device::DeviceInfo;

/// Facts that take a moment to find out.
#[derive(Clone, Debug, Default)]
pub(crate) struct AboutFacts {
    /// System, processor and memory.
    pub(crate) system: String,
    /// What pictures can be drawn on.
    pub(crate) devices: Vec<DeviceInfo>,
    /// The file of the log.
    pub(crate) log: PathBuf,
    /// The log's newest lines.
    pub(crate) lines: Vec<String>,
}
