//! How attention is cut into tiles, and what that costs.
//!
//! Counted from the constants, for a tile of 64 queries and 32 keys of a head of `dim` channels, `2 * 64 * 32 * dim` products:
//!
//! - Shared memory: 16 KiB, half of it the stage, half the weights; no more is certain to be there.
//! - Tensors: the queries and the keys for the scores, the values for the sums, `(64 + 32 + 32) * dim` numbers: one in 32 products.
//!   The second-level cache serves them: a head's keys and values are some hundred KB, and all tiles of queries read them. A GPU of
//!   6e12 products a second in f32 asks for 0.4 TB/s in f16, less than such a cache gives.
//! - Shared loads of a thread, four numbers each: one in 10.7 products for the scores of 8 queries, one in 8 for those of 4, and
//!   fewer for the sums (one in 12.3 at 40 channels, one in 11.4 at 80, one in 13.3 at 160). Neighbouring threads read the same
//!   vectors or neighbouring ones, at most 128 bytes for 32 threads, so a load costs them a cycle of shared memory, and four
//!   products of each of 32 threads a cycle of arithmetic: arithmetic is the bound, and loads keep shared memory busy for a third to a half of its time.
//! - Exponentials: one in `2 * dim` products.

/// Queries that a workgroup answers, and keys that it looks at a time.
pub(super) const QUERIES: usize = 64;
pub(super) const KEYS: usize = 32;
/// Threads side by side, among which the keys of a tile and the channels of the result are dealt out.
pub(super) const ACROSS: usize = 8;
/// Rows in a vector of shared memory, and keys of a thread.
pub(super) const ROWS: usize = 4;
/// Groups of [`ROWS`] queries.
pub(super) const DOWN: usize = QUERIES / ROWS;
/// Groups of [`ROWS`] keys.
pub(super) const GROUPS: usize = KEYS / ROWS;
/// Vectors of the stage, through which queries, keys and values pass.
pub(super) const STAGE: usize = 512;
/// Vectors of the weights of a tile.
pub(super) const WEIGHTS: usize = KEYS * DOWN;
/// The widest piece of a head that a workgroup sums up: its sums are registers.
const WIDEST: usize = 160;
/// The most channels of a head that pass through the stage at a time.
const SLICE: usize = 20;

/// The tiles for a head's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Tiles {
    /// Channels of a head.
    pub dim: usize,
    /// Channels of the result that one workgroup computes; a head above [`WIDEST`] is computed in pieces, each by its own workgroup,
    /// which computes the weights again.
    pub piece: usize,
    /// Channels of queries and keys in the stage.
    pub slice: usize,
    /// Vectors of queries that a thread answers.
    pub tall: usize,
    /// Whether a query sees only the keys up to its own position.
    pub causal: bool,
}

impl Tiles {
    /// The tiles for heads of `dim` channels, which are read `vector` at a time.
    pub(super) fn new(dim: usize, vector: usize, causal: bool) -> Self {
        let even = |whole: usize, most: usize| whole.div_ceil(whole.div_ceil(most)).next_multiple_of(vector);
        let piece = even(dim, WIDEST);
        // Eight queries a thread need the fewest loads, as long as the sums stay in registers.
        let tall = if piece <= 64 { 2 } else { 1 };
        Self { dim, piece, slice: even(dim, SLICE), tall, causal }
    }

    pub(super) fn pieces(&self) -> usize {
        self.dim.div_ceil(self.piece)
    }

    pub(super) fn slices(&self) -> usize {
        self.dim.div_ceil(self.slice)
    }

    pub(super) fn threads(&self) -> usize {
        ACROSS * DOWN / self.tall
    }

    /// Vectors from one group of rows of queries or keys to the next: odd, so that they lie in different banks.
    pub(super) fn pitch(&self) -> usize {
        self.slice | 1
    }

    /// Channels of the result that a thread sums up.
    pub(super) fn columns(&self) -> usize {
        self.piece.div_ceil(ACROSS)
    }

    /// Groups of keys whose values are in the stage together.
    pub(super) fn groups(&self) -> usize {
        let most = (STAGE / (ACROSS * self.columns())).min(GROUPS);
        1 << most.ilog2()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The heads of SD1.5, SDXL and CLIP, the autoencoder, and odd ones.
    const DIMS: [usize; 9] = [40, 64, 80, 160, 512, 1, 37, 171, 330];

    fn all() -> impl Iterator<Item = (usize, Tiles)> {
        DIMS.into_iter().map(|dim| {
            let vector = crate::ops::gpu::maps::vector_size(dim);
            (vector, Tiles::new(dim, vector, false))
        })
    }

    #[test]
    fn every_head_fits_the_shared_memory_that_all_gpus_have() {
        assert_eq!((STAGE + WEIGHTS) * ROWS * size_of::<f32>(), 16 << 10);
        for (_, tiles) in all() {
            assert!(tiles.pitch() * (QUERIES + KEYS) / ROWS <= STAGE, "{tiles:?}");
            assert!(tiles.groups() * ACROSS * tiles.columns() <= STAGE, "{tiles:?}");
            assert!(tiles.threads() <= 256, "{tiles:?}");
        }
    }

    #[test]
    fn slices_and_pieces_are_whole_vectors_that_make_up_the_head() {
        for (vector, tiles) in all() {
            assert!(tiles.slice.is_multiple_of(vector) && tiles.piece.is_multiple_of(vector), "{tiles:?}");
            assert!(
                tiles.slices() * tiles.slice >= tiles.dim && tiles.pieces() * tiles.piece >= tiles.dim,
                "{tiles:?}"
            );
            assert!(tiles.slices() * tiles.slice < tiles.dim + tiles.slice, "{tiles:?}");
            assert!(GROUPS.is_multiple_of(tiles.groups()), "{tiles:?}");
        }
    }

    #[test]
    fn a_tensors_number_is_read_for_32_products_and_a_shared_one_for_more_than_two() {
        for (_, tiles) in all().take(4) {
            let Tiles { dim, tall, .. } = tiles;
            let products = 2 * QUERIES * KEYS * dim;
            assert_eq!(products / (dim * (QUERIES + 2 * KEYS)), 32, "{tiles:?}");
            // Vectors of a thread for a channel of the scores, and for four keys of the sums.
            assert!(ROWS * ROWS * tall >= 8 * (1 + tall), "{tiles:?}");
            let columns = tiles.columns();
            assert!(ROWS * ROWS * tall * columns >= 11 * (ROWS * tall + columns), "{tiles:?}");
        }
    }
}
