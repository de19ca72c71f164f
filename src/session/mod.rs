//! The program without a window: the queue, the model in use, downloads, the models on this computer, and what is kept from one run to the next.
//!
//! A [`Session`] belongs to one thread, its client's: commands take effect at once, and [`Session::poll`] takes in what the session's
//! own threads did meanwhile. It never waits for them, but for a client that asks it to ([`Session::wait`]). Whoever wants to know what
//! happens subscribes to its [`SessionEvent`]s. One that only draws ([`Session::for_drawing`]) has the worker, and keeps nothing.

mod command;
mod desks;
mod drawing;
mod event;
pub(crate) mod gallery;
mod hub;
mod idle;
pub mod journal;
mod library;
mod model;
mod models;
mod noted;
mod program;
mod queue;
mod resume;
mod running;
mod seat;
pub mod settings;
mod setup;
mod waiting;
mod worker_slot;

pub use command::SessionCommand;
pub use event::SessionEvent;
pub use gallery::GalleryNews;
pub use hub::{Download, DownloadList, HubAnswer, HubQuestion, Reach, Standing};
pub use library::{LibraryNews, LibraryProgress};
pub use model::{ModelLoading, ModelState};
pub use program::Session;
pub use queue::{Key, Move, Queue};
pub use running::Running;
pub use seat::Seat;
pub use setup::{KEEP_EVERY, OpenWorker, SessionSetup, host_of, open_worker, open_worker_on};
pub use waiting::Waiting;
