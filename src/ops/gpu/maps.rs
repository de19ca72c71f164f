//! Feature maps in memory: `[batch, channels, height, width]` with the channels side by side.

use burn::backend::wgpu::CubeTensor;
use burn::tensor::{DType, Shape};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::ops::{permute_nchw_to_nhwc, permute_nhwc_to_nchw};

/// A feature map as `[batch, height, width, channels]` in row-major order; copied if it lies in another one.
pub(super) fn channels_last(x: CubeTensor) -> CubeTensor {
    into_contiguous(permute_nchw_to_nhwc(x))
}

/// The reverse of [`channels_last`], which moves nothing: only the names of the axes change.
pub(super) fn channels_second(x: CubeTensor) -> CubeTensor {
    permute_nhwc_to_nchw(x)
}

/// A tensor of the same number format on the same device, whose numbers are still to be written.
pub(super) fn empty_like<const D: usize>(x: &CubeTensor, shape: [usize; D]) -> CubeTensor {
    empty_as(x, shape, x.dtype)
}

/// A tensor on the same device, whose numbers are still to be written.
pub(super) fn empty_as<const D: usize>(x: &CubeTensor, shape: [usize; D], dtype: DType) -> CubeTensor {
    empty_device_contiguous_dtype(x.client.clone(), x.device.clone(), Shape::from(shape), dtype)
}

/// How many numbers a kernel reads at once: the most that divide `width`, up to four.
pub(super) fn vector_size(width: usize) -> usize {
    [4, 2].into_iter().find(|size| width.is_multiple_of(*size)).unwrap_or(1)
}
