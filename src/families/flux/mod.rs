//! Flux.1: recognised, and not opened yet.

pub(crate) mod row;
