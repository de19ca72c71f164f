//! Z-Image: recognised, and not opened yet.

pub(crate) mod row;
