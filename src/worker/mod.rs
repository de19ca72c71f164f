//! The worker: one named thread that does all tensor work, and the handle that commands it.
//!
//! burn keeps its streams per thread, so whatever touches a tensor lives on this thread and stays there. The handle
//! never waits for it except where a method says so.
//!
//! What holds, whatever happens on the thread: every [`Command::Generate`] ends in exactly one [`Event::JobEnded`],
//! after a panic too (the model is opened again for the next job); a picture is on disk before anyone is told of it;
//! a GPU that is lost ends what is going on as failed, also where the thread waits for it in vain and is left behind;
//! a job and a load can be cancelled while nobody drains the events; a model stays in use until another one stands, or is
//! opened again for the next job if it had to make room; dropping the handle cancels what is going on and
//! ends the thread.

mod engine;
mod guard;
mod handle;
mod job;
mod kept_run;
mod memory;
mod pipeline;
mod preview;
mod protocol;
mod rescue;
mod run_keeper;
mod saving;
mod thread;
mod tokens;
mod tuning;
mod watch;
mod work;

pub use crate::pipelines::{
    ComponentInspection, Footprint, Hooks, Inspection, Loading, Look, OnLoading, Phase, Plan, Resumption, Room, Step,
    Wish,
};
pub use engine::Engine;
pub use guard::{Guard, compute_checks, guard_gpus};
pub use handle::{Busy, WorkerHandle, spawn, spawn_waking, spawn_watched};
pub use kept_run::{KeptRun, PictureTicket};
pub use memory::resident_bytes;
pub use pipeline::{Host, inspect, open};
pub use protocol::{Command, Event, Job, JobEnd, JobId, Left, ModelInfo, Output, Preview, Previews};
pub use rescue::UnsavedPicture;
pub use run_keeper::{Keeping, LeftBehind, RunKeeper};
pub use tokens::{TokenCount, TokenCounter};
pub use tuning::kernels_tuned;
pub use work::{MAX_VARIANTS, Variants, Work};
