//! What the settings dialog changes beyond the settings themselves.

use std::path::PathBuf;

use crate::base::device::DeviceInfo;

/// See [`super::Action::Settings`].
#[derive(Debug)]
pub(crate) enum SettingsAction {
    /// Opens the dialog.
    Open,
    /// The devices that pictures can be drawn on are known.
    Devices(Vec<DeviceInfo>),
    /// Keeps pictures in this folder from now on.
    UseFolder(PathBuf),
    /// Shows the folder for pictures, which was changed or made.
    WatchFolder,
    /// Leaves prompt and settings out of saved copies, or keeps them.
    StripMetadata(bool),
    /// Starts the worker anew: the device or the number format is another.
    RestartWorker,
    /// Starts the worker anew if the memory limit is another.
    LimitMemory,
}
