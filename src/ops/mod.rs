//! Operations and layers of the networks, each computed the best way for the device, the number format and the size.
//!
//! Where we have kernels of our own they run those, for the CPU in f32 (`cpu`) and for GPUs (`gpu`), else burn's operations
//! (`portable`). [`Linear`] and [`Conv2d`] are our own layers, since they can carry adapters and quantised weights ([`Carried`]);
//! norms are burn's.

mod adapter;
mod carried;
mod conv;
mod cpu;
mod dispatch;
mod gpu;
mod interrupt;
mod layout;
mod linear;
mod options;
mod parameter;
mod patches;
mod portable;
mod quantized;
mod readback;
mod self_test;
mod threads;

pub use adapter::Adapter;
pub use carried::{Carried, carry};
pub use conv::{Conv2d, conv2d, conv2d_doubled, conv2d_then};
pub use dispatch::{
    attention, attention_in_f32, geglu, gelu, group_norm, layer_norm, quick_gelu, silu, upsample_nearest_2x,
};
pub use interrupt::{check_cancelled, interruptible};
pub use layout::{add, concatenate, picture, sequence};
pub use linear::{Linear, linear, linear_then};
pub use options::{AttentionMask, Epilogue, Padding, Then};
pub use patches::{Patches, convolution_patches};
pub use quantized::{Quantized, WeightFormat};
pub use readback::{read, wait};
pub use self_test::{check_names, run_checks};
pub use threads::{on_own_threads, use_own_threads};
