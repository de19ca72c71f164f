//! Sums over neighbouring units of a workgroup, in shared memory: right whatever the size of a subgroup is.

use burn::cubecl;
use burn::cubecl::prelude::*;

/// Units of a workgroup, and numbers in each of its arrays in shared memory.
pub(super) const UNITS: usize = 256;

/// Adds up two arrays of [`UNITS`] numbers segment by segment; each segment's first number becomes its sum.
///
/// The arrays begin with `count` segments of `length` numbers. All units must call it.
#[cube]
pub(super) fn add_up(a: &mut Shared<[f32]>, b: &mut Shared<[f32]>, count: usize, length: usize) {
    let unit = UNIT_POS as usize;
    let index = unit % length;
    let mut left = length;
    sync_cube();
    while left > 1 {
        let half = left.div_ceil(2);
        if unit < count * length && index + half < left {
            a[unit] += a[unit + half];
            b[unit] += b[unit + half];
        }
        sync_cube();
        left = half;
    }
}
