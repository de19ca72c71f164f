//! Building blocks for threads that talk to each other.

mod latest;

pub use latest::Latest;
