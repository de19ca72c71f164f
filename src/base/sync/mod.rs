//! Building blocks for threads that talk to each other: a cell for the newest value, and threads that obey orders and tell news.

mod latest;
mod service;

pub use latest::Latest;
pub use service::{Limits, Outbox, Service, Wake, bell, outbox};
