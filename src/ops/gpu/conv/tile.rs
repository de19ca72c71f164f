//! The sizes of the kernel's tiles, and which of them a convolution takes.

/// How many numbers of the sum, channels of one position of the kernel, are in shared memory at once.
pub(super) const SLICE: usize = 16;

/// Vectors of four of a slice.
pub(super) const SLICE_VECTORS: usize = SLICE / 4;

/// Vectors from one pixel to the next in shared memory: one more than a slice has, so that the pixels which neighbouring
/// threads read lie in different banks.
pub(super) const PIXEL_VECTORS: usize = SLICE_VECTORS + 1;

/// What a workgroup computes, and what each of its threads does: all in numbers of pixels and of output channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct OutputTile {
    /// Pixels of a workgroup.
    pub(super) pixels: usize,
    /// Output channels of a workgroup.
    pub(super) outputs: usize,
    /// Pixels of a thread.
    pub(super) thread_pixels: usize,
    /// Output channels of a thread, a multiple of four.
    pub(super) thread_outputs: usize,
}

impl OutputTile {
    /// For pictures of many pixels.
    pub(super) const LARGE: Self = Self { pixels: 128, outputs: 64, thread_pixels: 8, thread_outputs: 8 };
    /// For pictures that make too few large tiles.
    pub(super) const MEDIUM: Self = Self { pixels: 64, outputs: 64, thread_pixels: 8, thread_outputs: 4 };
    /// For the smallest pictures, at the bottom of a network.
    pub(super) const SMALL: Self = Self { pixels: 32, outputs: 32, thread_pixels: 4, thread_outputs: 4 };
    /// For the last layers, which leave a few channels: four of a latent, three of a picture.
    pub(super) const NARROW: Self = Self { pixels: 128, outputs: 8, thread_pixels: 4, thread_outputs: 4 };

    /// Enough workgroups to keep a GPU of the middle class busy, which has about thirty cores, each with several at a time.
    const WORKGROUPS: usize = 128;

    /// Returns the tile for so many pixels, of all pictures together, and output channels.
    pub(super) fn of(pixels: usize, outputs: usize) -> Self {
        if outputs <= Self::NARROW.outputs {
            return Self::NARROW;
        }
        let fills = |tile: &Self| pixels.div_ceil(tile.pixels) * outputs.div_ceil(tile.outputs) >= Self::WORKGROUPS;
        [Self::LARGE, Self::MEDIUM].into_iter().find(fills).unwrap_or(Self::SMALL)
    }

    /// Threads along the output channels: neighbours, which write side by side.
    pub(super) const fn columns(self) -> usize {
        self.outputs / self.thread_outputs
    }

    /// Threads along the pixels.
    pub(super) const fn rows(self) -> usize {
        self.pixels / self.thread_pixels
    }

    /// Threads of a workgroup.
    pub(super) const fn threads(self) -> usize {
        self.columns() * self.rows()
    }

    /// Vectors of output channels of a workgroup.
    pub(super) const fn output_vectors(self) -> usize {
        self.outputs / 4
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [OutputTile; 4] = [OutputTile::LARGE, OutputTile::MEDIUM, OutputTile::SMALL, OutputTile::NARROW];

    #[test]
    fn every_tile_fits_the_least_that_devices_have() {
        for tile in ALL {
            assert!(tile.threads() <= 256 && tile.threads().is_multiple_of(32), "{tile:?}");
            let vectors = tile.pixels * PIXEL_VECTORS + SLICE * tile.output_vectors();
            assert!(vectors * 16 <= 16 << 10, "{tile:?} takes {} bytes of shared memory", vectors * 16);
            assert!(tile.thread_outputs.is_multiple_of(4));
            assert!((tile.pixels * SLICE_VECTORS).is_multiple_of(tile.threads()), "threads share the loads evenly");
            assert!(tile.threads().is_multiple_of(SLICE_VECTORS));
        }
    }

    #[test]
    fn a_number_that_is_read_is_used_many_times() {
        // Numbers read from memory for each multiplication of a whole tile.
        let reads = |tile: OutputTile| (tile.pixels + tile.outputs) as f64 / (tile.pixels * tile.outputs) as f64;
        assert!(reads(OutputTile::LARGE) <= 1.0 / 42.0);
        assert!(reads(OutputTile::MEDIUM) <= 1.0 / 32.0);
        assert!(reads(OutputTile::SMALL) <= 1.0 / 16.0);
    }

    #[test]
    fn the_layers_of_stable_diffusion_fill_a_gpu() {
        let of = |batch: usize, side: usize, outputs: usize| OutputTile::of(batch * side * side, outputs);
        assert_eq!([of(2, 64, 320), of(2, 32, 640), of(1, 512, 128)], [OutputTile::LARGE; 3]);
        assert_eq!(of(2, 16, 1280), OutputTile::MEDIUM);
        assert_eq!(of(2, 8, 1280), OutputTile::SMALL);
        assert_eq!([of(2, 64, 4), of(1, 512, 3), of(1, 64, 8)], [OutputTile::NARROW; 3]);
    }
}
