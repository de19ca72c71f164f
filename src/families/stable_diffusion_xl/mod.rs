//! Stable Diffusion XL and its refiner: recognised, and not opened yet.

pub(crate) mod row;
