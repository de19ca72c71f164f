//! How group norm's work is split among workgroups and their units.

use burn::cubecl;
use burn::cubecl::prelude::*;

use crate::ops::gpu::maps::vector_size;
use crate::ops::gpu::segments::UNITS;

/// The most numbers of a group that one workgroup normalises alone, 80 a unit: 80 channels of 16 x 16 pixels.
const WHOLE_MAX: usize = 80 * UNITS;

/// The least channels of a workgroup: 128 bytes in f16, a cache line.
const CHANNELS_MIN: usize = 64;

/// The rows of pixels that a workgroup's units read at least, one after the other.
const ROUNDS_MIN: usize = 2;

/// How a map is split among workgroups and their units.
#[derive(CubeType, CubeLaunch, Clone, Copy)]
pub(super) struct Split {
    /// Pixels of the map.
    pub(super) pixels: usize,
    /// Pixels of a workgroup.
    pub(super) chunk: usize,
    /// Groups of the map.
    pub(super) groups: usize,
    /// Groups of a workgroup.
    pub(super) block: usize,
    /// Vectors that a group has at one pixel.
    pub(super) lanes: usize,
}

impl Split {
    pub(super) fn new(pixels: usize, channels: usize, groups: usize) -> Self {
        let per_group = channels / groups;
        let lanes = per_group / vector_size(per_group);
        if pixels * per_group <= WHOLE_MAX {
            return Self { pixels, chunk: pixels, groups, block: 1, lanes };
        }
        let blocks = || (1..=groups).filter(|block| groups.is_multiple_of(*block) && block * lanes <= UNITS);
        let block = blocks().find(|block| block * per_group >= CHANNELS_MIN).or(blocks().next_back()).unwrap_or(1);
        let rows = UNITS / (block * lanes).min(UNITS);
        // Each workgroup of the second kernel reads the statistics of all chunks: of so few that its pixels are far more.
        let chunks = (pixels / (ROUNDS_MIN * rows)).min((pixels * per_group / 8).isqrt()).max(1);
        Self { pixels, chunk: pixels.div_ceil(chunks), groups, block, lanes }
    }

    pub(super) fn chunks(&self) -> usize {
        self.pixels.div_ceil(self.chunk)
    }

    pub(super) fn workgroups(&self, batch: usize) -> CubeCount {
        CubeCount::new_3d(self.chunks() as u32, (self.groups / self.block) as u32, batch as u32)
    }

    pub(super) fn launch(self) -> SplitLaunch {
        SplitLaunch::new(self.pixels, self.chunk, self.groups, self.block, self.lanes)
    }
}

/// What a unit works on: `column`, and if the block is wider than a workgroup each `columns`-th from there, of the pixels
/// `row`, `row + rows` and so on.
#[derive(CubeType)]
pub(super) struct Place {
    pub(super) column: usize,
    pub(super) columns: usize,
    pub(super) row: usize,
    pub(super) rows: usize,
    /// The group, counted in the block, and its first column.
    pub(super) group: usize,
    pub(super) first: usize,
    /// Columns of a group.
    pub(super) width: usize,
}

#[cube]
pub(super) fn place(split: &Split) -> Place {
    let unit = UNIT_POS as usize;
    let columns = min(split.block * split.lanes, UNITS);
    let column = unit % columns;
    let width = columns / split.block;
    let group = column / width;
    Place { column, columns, row: unit / columns, rows: UNITS / columns, group, first: group * width, width }
}

/// Vectors at one pixel.
#[cube]
pub(super) fn stride(split: &Split) -> usize {
    split.groups * split.lanes
}

/// The index of the first vector of this workgroup's block at pixel 0.
#[cube]
pub(super) fn base(split: &Split) -> usize {
    CUBE_POS_Z as usize * split.pixels * stride(split) + CUBE_POS_Y as usize * split.block * split.lanes
}

/// The index of the statistics of the first chunk, for a group of this workgroup's block.
#[cube]
pub(super) fn first_part(split: &Split, group: usize) -> usize {
    let group = CUBE_POS_Y as usize * split.block + group;
    (CUBE_POS_Z as usize * split.groups + group) * split.pixels.div_ceil(split.chunk)
}
