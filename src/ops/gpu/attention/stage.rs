//! The way of rows from the tensors into shared memory.

use burn::cubecl;
use burn::cubecl::prelude::*;

use super::tiles::ROWS;

/// Four rows of a tile at one channel, or the scores of four queries at one key.
pub(super) type Rows = Vector<f32, Const<4>>;

/// Rows of one head in a tensor `[batch, length, width]`, all in vectors.
#[derive(CubeType)]
pub(super) struct Source {
    /// The first row's first channel.
    pub start: usize,
    /// From a row to the next.
    pub width: usize,
    /// How many there are from the first on.
    pub rows: usize,
    /// Of the head, from the first on.
    pub channels: usize,
}

/// Where rows go: vector `at + group * pitch + channel` of the stage holds the channel of rows `4 * group` to `4 * group + 3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct StageBlock {
    pub at: usize,
    pub groups: usize,
    pub channels: usize,
    pub pitch: usize,
    pub threads: usize,
}

/// Copies rows into the stage, four to a vector; zeros for what lies past the rows or the channels. Neighbouring threads read
/// neighbouring channels.
#[cube]
pub(super) fn put<E: Numeric, N: Size>(
    x: &[Vector<E, N>],
    source: &Source,
    stage: &mut Shared<[Rows]>,
    #[comptime] block: StageBlock,
) {
    let vector = N::value();
    let across = comptime!(block.channels.div_ceil(vector));
    let units = comptime!(block.groups * across);
    let rounds = comptime!(units.div_ceil(block.threads));
    #[unroll]
    for round in 0..rounds {
        let unit = UNIT_POS as usize + comptime!(round * block.threads);
        if unit < units {
            let group = unit / across;
            let channel = unit % across;
            let mut lines = Array::<Vector<f32, N>>::new(ROWS);
            #[unroll]
            for r in 0..ROWS {
                let row = group * ROWS + r;
                let mut line = Vector::<f32, N>::new(0.0);
                if row < source.rows && channel < source.channels {
                    line = Vector::cast_from(x[source.start + row * source.width + channel]);
                }
                lines[r] = line;
            }
            #[unroll]
            for c in 0..vector {
                let mut column = Rows::empty();
                #[unroll]
                for r in 0..ROWS {
                    column.insert(r, lines[r].extract(c));
                }
                stage[group * comptime!(block.pitch) + channel * vector + comptime!(block.at + c)] = column;
            }
        }
    }
}
