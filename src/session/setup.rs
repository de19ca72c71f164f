//! What a session needs to begin, and where the shipped program takes it from.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use crate::base::error::Result;
use crate::base::model_ref::ModelRef;
use crate::base::sync::Wake;
use crate::session::hub::Reach;
use crate::session::seat::Seat;
use crate::session::settings::Settings;
use crate::storage::hub::Shelf;
use crate::storage::library::Places;
use crate::worker::{self, Host, OnLoading, WorkerHandle};

/// Starts the worker for a device, with the models of a shelf; the [`Wake`] has to be called whenever there is something to hear or
/// to see.
pub type OpenWorker = Box<dyn Fn(&Settings, &Shelf, Wake) -> Result<WorkerHandle>>;

/// The least time from one kept state of the picture in the making to the next: what a crash costs at most, beside the step that is
/// being done.
pub const KEEP_EVERY: Duration = Duration::from_secs(2);

/// What a session needs to go on where the last one ended.
pub struct SessionSetup {
    /// The place beside the file of the preferences. The journal lies there.
    pub seat: Seat,
    /// A folder for what can be made again: the index of the gallery.
    pub cache: PathBuf,
    /// Where models are looked for, beside the folders in the preferences.
    pub places: Places,
    /// Starts the worker.
    pub open_worker: OpenWorker,
    /// The least time from one kept state of the picture in the making to the next ([`KEEP_EVERY`]).
    pub keep_every: Duration,
    /// Says where the Hub is, and its cache, for who has this access token.
    pub reach_hub: Reach,
}

/// Where the preferences have models opened.
pub fn host_of(settings: &Settings) -> Host {
    let memory_limit = (settings.memory_limit_gb > 0.0).then_some((settings.memory_limit_gb * 1e9) as u64);
    Host { device: settings.device, dtype: settings.dtype, kernels: settings.kernels, threads: None, memory_limit }
}

/// Starts the real worker. On the CPU it leaves one core to its client.
///
/// # Errors
/// The system has no thread to give.
pub fn open_worker(settings: &Settings, shelf: &Shelf, wake: Wake) -> Result<WorkerHandle> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = NonZeroUsize::new(cores.saturating_sub(1));
    open_worker_on(Host { threads, ..host_of(settings) }, shelf, wake)
}

/// Starts the real worker on what this says.
///
/// # Errors
/// The system has no thread to give.
pub fn open_worker_on(host: Host, shelf: &Shelf, wake: Wake) -> Result<WorkerHandle> {
    let shelf = shelf.clone();
    let open = move |model: &ModelRef, loading: &mut OnLoading<'_>| worker::open(&shelf.resolve(model)?, host, loading);
    worker::spawn_waking(open, move || wake())
}
