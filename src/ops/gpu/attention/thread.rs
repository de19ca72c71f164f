//! What one thread computes between two barriers: scores, weights and sums in its registers.

use burn::cubecl;
use burn::cubecl::prelude::*;

use super::stage::Rows;
use super::tiles::{ACROSS, DOWN, ROWS, Tiles};

/// Below every score; finite, so that the difference of two is a number.
const LOWEST: f32 = f32::MIN;

/// What the thread at `(across, down)` holds: of `4 * tall` queries, the scores at four keys and the sums at every eighth channel.
#[derive(CubeType)]
pub(super) struct AttentionThread {
    scores: Array<Rows>,
    sums: Array<Rows>,
    /// The highest score of each query so far.
    highest: Array<Rows>,
    /// The sum of the weights of this thread's keys.
    total: Array<Rows>,
    across: usize,
    /// The first of its groups of queries.
    down: usize,
    #[cube(comptime)]
    tiles: Tiles,
}

#[cube]
impl AttentionThread {
    pub(super) fn new(#[comptime] tiles: Tiles) -> AttentionThread {
        let tall = comptime!(tiles.tall);
        let columns = comptime!(tiles.columns());
        let scores = Array::<Rows>::new(comptime!(ROWS * tall));
        let mut sums = Array::<Rows>::new(comptime!(columns * tall));
        let mut highest = Array::<Rows>::new(tall);
        let mut total = Array::<Rows>::new(tall);
        #[unroll]
        for t in 0..tall {
            highest[t] = Rows::new(LOWEST);
            total[t] = Rows::new(0.0);
        }
        #[unroll]
        for i in 0..comptime!(columns * tall) {
            sums[i] = Rows::new(0.0);
        }
        let across = UNIT_POS as usize % ACROSS;
        let down = (UNIT_POS as usize / ACROSS) * tall;
        AttentionThread { scores, sums, highest, total, across, down, tiles }
    }

    pub(super) fn clear_scores(&mut self) {
        #[unroll]
        for i in 0..comptime!(ROWS * self.tiles.tall) {
            self.scores[i] = Rows::new(0.0);
        }
    }

    /// Adds the products of the channels in the stage to the scores.
    pub(super) fn multiply(&mut self, stage: &Shared<[Rows]>) {
        let tall = comptime!(self.tiles.tall);
        let pitch = comptime!(self.tiles.pitch());
        for c in 0..comptime!(self.tiles.slice) {
            let of_keys = stage[(self.across + DOWN) * pitch + c];
            #[unroll]
            for t in 0..tall {
                let of_queries = stage[(self.down + t) * pitch + c];
                #[unroll]
                for j in 0..ROWS {
                    let i = comptime!(t * ROWS + j);
                    self.scores[i] = fma(of_queries, Rows::new(of_keys.extract(j)), self.scores[i]);
                }
            }
        }
    }

    /// Scales the scores, hides those of keys that aren't there or not to be seen, and notes the highest.
    pub(super) fn compare(&mut self, weights: &mut Shared<[Rows]>, first: usize, key: usize, keys: usize, scale: f32) {
        #[unroll]
        for t in 0..comptime!(self.tiles.tall) {
            let mut highest = Rows::new(LOWEST);
            #[unroll]
            for j in 0..ROWS {
                let i = comptime!(t * ROWS + j);
                let key = key + self.across * ROWS + j;
                let mut score = self.scores[i] * Rows::new(scale);
                if comptime!(self.tiles.causal) {
                    #[unroll]
                    for r in 0..ROWS {
                        if key > first + (self.down + t) * ROWS + r {
                            score.insert(r, LOWEST);
                        }
                    }
                }
                if key >= keys {
                    score = Rows::new(LOWEST);
                }
                self.scores[i] = score;
                highest = max(highest, score);
            }
            weights[self.across * DOWN + self.down + t] = highest;
        }
    }

    /// Turns the scores into weights, and what there is so far to the new highest score.
    pub(super) fn weigh(&mut self, weights: &Shared<[Rows]>) {
        let columns = comptime!(self.tiles.columns());
        #[unroll]
        for t in 0..comptime!(self.tiles.tall) {
            let before = self.highest[t];
            let mut now = before;
            #[unroll]
            for a in 0..ACROSS {
                now = max(now, weights[comptime!(a * DOWN) + self.down + t]);
            }
            let fade = (before - now).exp();
            let mut added = Rows::new(0.0);
            #[unroll]
            for j in 0..ROWS {
                let i = comptime!(t * ROWS + j);
                let weight = (self.scores[i] - now).exp();
                self.scores[i] = weight;
                added += weight;
            }
            self.highest[t] = now;
            self.total[t] = fma(self.total[t], fade, added);
            #[unroll]
            for c in 0..columns {
                let i = comptime!(t * columns + c);
                self.sums[i] *= fade;
            }
        }
    }

    /// Shares the weights with the threads that sum up other channels.
    pub(super) fn share(&self, weights: &mut Shared<[Rows]>) {
        #[unroll]
        for t in 0..comptime!(self.tiles.tall) {
            #[unroll]
            for j in 0..ROWS {
                weights[(self.across * ROWS + j) * DOWN + self.down + t] = self.scores[comptime!(t * ROWS + j)];
            }
        }
    }

    /// Adds the values in the stage, those of the tile's keys from `at` on, by their weights.
    pub(super) fn sum_up(&mut self, stage: &Shared<[Rows]>, weights: &Shared<[Rows]>, at: usize) {
        let tall = comptime!(self.tiles.tall);
        let columns = comptime!(self.tiles.columns());
        for g in 0..comptime!(self.tiles.groups()) {
            let mut weight = Array::<Rows>::new(comptime!(ROWS * tall));
            #[unroll]
            for j in 0..ROWS {
                #[unroll]
                for t in 0..tall {
                    let key = at + g * ROWS + j;
                    weight[comptime!(t * ROWS + j)] = weights[key * DOWN + self.down + t];
                }
            }
            #[unroll]
            for c in 0..columns {
                let value = stage[g * comptime!(ACROSS * columns) + comptime!(c * ACROSS) + self.across];
                #[unroll]
                for t in 0..tall {
                    let i = comptime!(t * columns + c);
                    let mut sum = self.sums[i];
                    #[unroll]
                    for j in 0..ROWS {
                        sum = fma(weight[comptime!(t * ROWS + j)], Rows::new(value.extract(j)), sum);
                    }
                    self.sums[i] = sum;
                }
            }
        }
    }

    /// Shares the sum of the weights of this thread's keys.
    pub(super) fn share_total(&self, weights: &mut Shared<[Rows]>) {
        #[unroll]
        for t in 0..comptime!(self.tiles.tall) {
            weights[self.across * DOWN + self.down + t] = self.total[t];
        }
    }

    /// Writes the answers to `rows` queries, the first at `start`, at `channels` channels.
    pub(super) fn write<E: Numeric>(
        &self,
        out: &mut [E],
        weights: &Shared<[Rows]>,
        start: usize,
        width: usize,
        rows: usize,
        channels: usize,
    ) {
        let columns = comptime!(self.tiles.columns());
        #[unroll]
        for t in 0..comptime!(self.tiles.tall) {
            let mut total = Rows::new(0.0);
            #[unroll]
            for a in 0..ACROSS {
                total += weights[comptime!(a * DOWN) + self.down + t];
            }
            #[unroll]
            for c in 0..columns {
                let channel = comptime!(c * ACROSS) + self.across;
                let answer = self.sums[comptime!(t * columns + c)] / total;
                #[unroll]
                for r in 0..ROWS {
                    let row = (self.down + t) * ROWS + r;
                    if row < rows && channel < channels {
                        out[start + row * width + channel] = E::cast_from(answer.extract(r));
                    }
                }
            }
        }
    }
}
