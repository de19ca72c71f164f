//! The kernel of attention: the way through the tiles, with a barrier wherever shared memory changes hands.

use burn::cubecl;
use burn::cubecl::prelude::*;

use super::stage::{Rows, Source, StageBlock, put};
use super::thread::AttentionThread;
use super::tiles::{ACROSS, DOWN, GROUPS, KEYS, QUERIES, ROWS, STAGE, Tiles, WEIGHTS};

/// Answers [`QUERIES`] queries at a piece of a head: `q` and `out` are `[batch, queries, width]`, `k` and `v`
/// `[batch, keys, width]`; `width` counts vectors.
#[cube(launch_unchecked)]
#[expect(clippy::too_many_arguments, reason = "a kernel's arguments are its interface")]
pub(super) fn attention_kernel<E: Numeric, N: Size>(
    q: &[Vector<E, N>],
    k: &[Vector<E, N>],
    v: &[Vector<E, N>],
    out: &mut [E],
    queries: usize,
    keys: usize,
    width: usize,
    scale: f32,
    #[comptime] tiles: Tiles,
    #[define(E)] _dtype: ElemType,
) {
    let vector = N::value();
    let dim = comptime!(tiles.dim / vector);
    let slice = comptime!(tiles.slice / vector);
    let threads = comptime!(tiles.threads());
    let pitch = comptime!(tiles.pitch());
    let values = comptime!(ACROSS * tiles.columns());
    let of_queries = comptime!(StageBlock { at: 0, groups: DOWN, channels: tiles.slice, pitch, threads });
    let of_keys = comptime!(StageBlock { at: DOWN * pitch, groups: GROUPS, ..of_queries });
    let of_values = comptime!(StageBlock { at: 0, groups: tiles.groups(), channels: values, pitch: values, threads });

    let first = CUBE_POS_X as usize * QUERIES;
    let head = CUBE_POS_Y as usize / comptime!(tiles.pieces());
    let piece = (CUBE_POS_Y as usize % comptime!(tiles.pieces())) * comptime!(tiles.piece / vector);
    let batch = CUBE_POS_Z as usize;
    let q_start = (batch * queries + first) * width + head * dim;

    let mut stage = Shared::<[Rows]>::new_slice(STAGE);
    let mut weights = Shared::<[Rows]>::new_slice(WEIGHTS);
    let mut thread = AttentionThread::new(tiles);
    let seen = if comptime!(tiles.causal) { min(keys, first + QUERIES) } else { keys };
    for tile in 0..seen.div_ceil(KEYS) {
        let key = tile * KEYS;
        let start = (batch * keys + key) * width + head * dim;
        thread.clear_scores();
        for s in 0..comptime!(tiles.slices()) {
            let at = s * slice;
            let source = Source { start: q_start + at, width, rows: queries - first, channels: dim - at };
            put(q, &source, &mut stage, of_queries);
            let source = Source { start: start + at, width, rows: keys - key, channels: dim - at };
            put(k, &source, &mut stage, of_keys);
            sync_cube();
            thread.multiply(&stage);
            sync_cube();
        }
        thread.compare(&mut weights, first, key, keys, scale);
        sync_cube();
        thread.weigh(&weights);
        sync_cube();
        thread.share(&mut weights);
        for chunk in 0..comptime!(GROUPS / tiles.groups()) {
            let at = chunk * comptime!(tiles.groups() * ROWS);
            // A chunk may begin past the last key.
            let rows = keys - min(keys, key + at);
            let source = Source { start: start + at * width + piece, width, rows, channels: dim - piece };
            put(v, &source, &mut stage, of_values);
            sync_cube();
            thread.sum_up(&stage, &weights, at);
            sync_cube();
        }
    }
    thread.share_total(&mut weights);
    sync_cube();
    let channels = min(comptime!(tiles.piece), (dim - piece) * vector);
    thread.write(out, &weights, (q_start + piece) * vector, width * vector, queries - first, channels);
}
