//! Which dialog is open.

use crate::app::dialogs::about::AboutDialog;
use crate::app::dialogs::crash::CrashDialog;
use crate::app::dialogs::inspector::Inspector;
use crate::app::dialogs::lab::LabSetup;
use crate::app::dialogs::patch::PatchDialog;

/// A window in front of the others, one at a time.
#[derive(Debug)]
pub(crate) enum Dialog {
    Settings,
    Shortcuts,
    /// Which program on which computer.
    About(AboutDialog),
    /// What was kept of a crash.
    Crash(CrashDialog),
    /// Work is left over, and the window is to be closed.
    Close,
    /// The queue is to be thrown away.
    ClearQueue,
    /// Which models there are, here and on the Hub.
    Models,
    /// What the lab is to compare.
    Lab(LabSetup),
    /// What a model is made of.
    Inspector(Box<Inspector>),
    /// Settings from elsewhere: what would change.
    Patch(Box<PatchDialog>),
}
