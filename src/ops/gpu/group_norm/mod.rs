//! Group norm, with the SiLU that may follow it: in one launch where groups are small, else in two.
//!
//! A small group has a workgroup, which reads it twice, the second time from a cache. Otherwise a workgroup has a block of
//! neighbouring groups, wide enough for whole cache lines, and a chunk of pixels. The first kernel writes each chunk's mean and
//! sum of squared differences from it. The second merges those of its groups (Chan, Golub and LeVeque, "Updating formulae and
//! a pairwise algorithm for computing sample variances", 1979), which is so little that a launch for it alone would cost more,
//! and normalises. All sums are of differences from a value of the same group, so a large mean hides no variance.

mod kernels;
mod split;

use burn::backend::cubecl::dtype_to_elem_type;
use burn::backend::wgpu::CubeTensor;
use burn::cubecl::prelude::*;
use burn::tensor::DType;
use burn_cubecl::kernel::into_contiguous;

use super::maps::{channels_last, channels_second, empty_as, empty_like, vector_size};
use super::segments::UNITS;
use kernels::{merge_kernel, statistics_kernel, whole_kernel};
use split::Split;

/// Normalises each group of channels of `[batch, channels, height, width]`; the parameters are of the same number format.
pub(super) fn group_norm(
    x: CubeTensor,
    gamma: CubeTensor,
    beta: CubeTensor,
    groups: usize,
    epsilon: f64,
    silu: bool,
) -> CubeTensor {
    let (x, gamma, beta) = (channels_last(x), into_contiguous(gamma), into_contiguous(beta));
    let [batch, height, width, channels] = x.meta.shape().dims();
    let split = Split::new(height * width, channels, groups);
    let vector = vector_size(channels / groups);
    let out = empty_like(&x, [batch, height, width, channels]);
    let client = x.client.clone();
    let (count, dim) = (split.workgroups(batch), CubeDim::new_1d(UNITS as u32));
    let dtype = dtype_to_elem_type(x.dtype);
    // SAFETY: the kernels read and write only what lies in their block of groups and chunk of pixels, all of it in the map.
    #[expect(unsafe_code, reason = "CubeCL's checked launch bounds every access again")]
    unsafe {
        if split.chunks() == 1 {
            whole_kernel::launch_unchecked(
                &client,
                count,
                dim,
                vector,
                x.into_buffer_arg(),
                gamma.into_buffer_arg(),
                beta.into_buffer_arg(),
                out.clone().into_buffer_arg(),
                split.launch(),
                epsilon as f32,
                silu,
                dtype,
            );
            return channels_second(out);
        }
        let parts = empty_as(&x, [batch, groups, split.chunks(), 2], DType::F32);
        statistics_kernel::launch_unchecked(
            &client,
            count.clone(),
            dim,
            vector,
            x.clone().into_buffer_arg(),
            parts.clone().into_buffer_arg(),
            split.launch(),
            dtype,
        );
        merge_kernel::launch_unchecked(
            &client,
            count,
            dim,
            vector,
            x.into_buffer_arg(),
            parts.into_buffer_arg(),
            gamma.into_buffer_arg(),
            beta.into_buffer_arg(),
            out.clone().into_buffer_arg(),
            split.launch(),
            epsilon as f32,
            silu,
            dtype,
        );
    }
    channels_second(out)
}
