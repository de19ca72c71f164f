//! Stable Diffusion 1 and 2 and their variants.

mod prediction;
pub(crate) mod row;
