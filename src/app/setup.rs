//! What the window is opened with.

use std::path::PathBuf;
use std::sync::Arc;

use crate::base::files::state_folder;
use crate::session::settings::Settings;
use crate::session::{OpenWorker, Reach, Seat};
use crate::storage::hub;
use crate::storage::library::Places;

/// What the window is opened with: a test gives folders and a worker of its own.
pub struct Setup {
    /// The place beside the file of the settings. The window's layout is kept there.
    pub seat: Seat,
    /// A folder for what can be made again: thumbnails, the gallery's index.
    pub cache: PathBuf,
    /// The folder of the log and of what is kept of a crash.
    pub records: PathBuf,
    /// Where models are looked for, beside the folders in the settings.
    pub places: Places,
    /// Starts the worker for a device; `wake` has to be called whenever there is something to hear or to see.
    pub open_worker: OpenWorker,
    /// A file to begin with: a picture to look at, or a model to use.
    pub file: Option<PathBuf>,
    /// Whether files are chosen in the system's dialogs, where it has them; otherwise paths are typed.
    pub has_file_dialogs: bool,
    /// Says where the Hub is, and its cache, for who has this access token.
    pub reach_hub: Reach,
}

impl Setup {
    /// The setup of the shipped program: the user's own folders, and a real worker.
    pub fn of_user() -> Self {
        Self {
            seat: Seat::take(Settings::path_of_user()),
            cache: dirs::cache_dir().unwrap_or_else(std::env::temp_dir).join("burnisher"),
            records: state_folder(),
            places: Places::of_user(Vec::new()),
            open_worker: Box::new(crate::session::open_worker),
            file: None,
            has_file_dialogs: true,
            reach_hub: Arc::new(hub::Options::from_env),
        }
    }
}
