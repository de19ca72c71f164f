//! Flux.2: recognised, and not opened yet.

pub(crate) mod row;
