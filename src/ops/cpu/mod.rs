//! f32 kernels for the CPU: what burn's CPU backend does too slowly for a UNet.
//!
//! They read and write the backend's own buffers, so moving in and out costs nothing. Threads are rayon's, as in the backend.

mod attention;
mod conv;
mod gemm;
mod linear;
mod norm;
mod pointwise;
mod simd;
mod values;

pub(super) use attention::attention;
pub(super) use conv::conv2d;
pub(super) use linear::{linear, linear_quantized};
pub(super) use norm::{group_norm, layer_norm};
pub(super) use pointwise::{Unary, geglu, unary, upsample_nearest_2x};
pub(super) use values::takes;
