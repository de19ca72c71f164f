//! Stable Diffusion 3 and 3.5: recognised, and not opened yet.

pub(crate) mod row;
