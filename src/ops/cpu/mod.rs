//! f32 kernels for the CPU, for the operations that burn's CPU backend computes too slowly for a UNet.
//!
//! They read and write the backend's own buffers, so nothing is copied. Like the backend they use rayon's current thread pool.

mod attention;
mod conv;
mod gemm;
mod linear;
mod norm;
mod pointwise;
mod simd;
mod values;

pub(super) use attention::attention;
pub(super) use conv::{PATCH_BYTES_MAX, conv2d};
pub(super) use linear::{linear, linear_quantized};
pub(super) use norm::{group_norm, layer_norm};
pub(super) use pointwise::{Unary, geglu, unary, upsample_nearest_2x};
pub(super) use values::takes;
