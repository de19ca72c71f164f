//! What several test binaries share.

pub(crate) mod checkpoints;
pub(crate) mod golden;
