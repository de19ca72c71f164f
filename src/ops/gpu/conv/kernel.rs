//! The kernel: a product of matrices whose left one, the pixels' surroundings, is never written out.

use burn::cubecl;
use burn::cubecl::prelude::*;

use super::tile::{OutputTile, PIXEL_VECTORS, SLICE, SLICE_VECTORS};

/// Four numbers in f32, as they are in shared memory and summed.
type Four = Vector<f32, Const<4>>;

/// The sizes that a convolution runs with.
#[derive(CubeLaunch, CubeType, Clone, Copy)]
pub(super) struct Extent {
    /// Channels of the input.
    pub(super) channels: usize,
    /// Channels of the output.
    pub(super) outputs: usize,
    /// Height of the picture that the kernel moves over: the input's, or the doubled one's.
    pub(super) height: usize,
    /// Its width.
    pub(super) width: usize,
    /// Height of the input in memory.
    pub(super) stored_height: usize,
    /// Its width.
    pub(super) stored_width: usize,
    /// Height of the output.
    pub(super) out_height: usize,
    /// Its width.
    pub(super) out_width: usize,
    /// Pixels of the output, of all pictures together.
    pub(super) pixels: usize,
    /// Zeros above.
    pub(super) top: usize,
    /// Zeros to the left.
    pub(super) left: usize,
    /// Numbers of the shift from one picture to the next: none if all have the same.
    pub(super) shift_stride: usize,
}

/// What is the same for all launches of a variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ConvVariant {
    /// The tile.
    pub(super) tile: OutputTile,
    /// Positions of the kernel each way.
    pub(super) kernel: usize,
    /// Pixels from one output to the next.
    pub(super) stride: usize,
    /// For how many pixels each way one of the input stands.
    pub(super) repeats: usize,
}

/// Reads the four numbers from `start + position` on; those whose position is `limit` or more are zeros.
#[cube]
fn read_four<E: Numeric, N: Size>(numbers: &[Vector<E, N>], start: usize, position: usize, limit: usize) -> Four {
    let size = N::value().comptime();
    let mut four = Four::new(0.0f32);
    #[unroll]
    for part in 0..comptime!(4 / size) {
        let at = position + part * size;
        // Without a branch, so that all reads of a thread are under way at once.
        let inside = at < limit;
        let read = numbers[select(inside, (start + at) / size, 0usize)];
        #[unroll]
        for i in 0..size {
            let number = select(inside, f32::cast_from(read.extract(i)), 0.0f32);
            four.insert(comptime!(part * size + i), number);
        }
    }
    four
}

/// Writes what [`read_four`] would read.
#[cube]
fn write_four<E: Numeric, N: Size>(
    numbers: &mut [Vector<E, N>],
    start: usize,
    position: usize,
    limit: usize,
    four: Four,
) {
    let size = N::value().comptime();
    #[unroll]
    for part in 0..comptime!(4 / size) {
        let at = position + part * size;
        if at < limit {
            let mut written = Vector::<E, N>::cast_from(0.0f32);
            #[unroll]
            for i in 0..size {
                written.insert(i, E::cast_from(four.extract(comptime!(part * size + i))));
            }
            numbers[(start + at) / size] = written;
        }
    }
}

/// Adds the products of a slice to the sums of this thread, whose tile is `row` and `column` of the workgroup's.
#[cube]
fn add_products(
    pixels: &Shared<[Four]>,
    weights: &Shared<[Four]>,
    sums: &mut Array<Four>,
    row: usize,
    column: usize,
    #[comptime] tile: OutputTile,
) {
    let vectors = comptime!(tile.thread_outputs / 4);
    for vector in 0..SLICE_VECTORS {
        let mut left = Array::<Four>::new(tile.thread_pixels);
        #[unroll]
        for i in 0..tile.thread_pixels {
            left[i] = pixels[(row + i * comptime!(tile.rows())) * PIXEL_VECTORS + vector];
        }
        #[unroll]
        for k in 0..4usize {
            #[unroll]
            for j in 0..vectors {
                let at = (vector * 4 + k) * comptime!(tile.output_vectors()) + column + j * comptime!(tile.columns());
                let right = weights[at];
                #[unroll]
                for i in 0..tile.thread_pixels {
                    sums[i * vectors + j] += right * Four::new(left[i].extract(k));
                }
            }
        }
    }
}

/// Computes a tile of the output. `x` is `[batch, height, width, channels]`, `weight` `[channels, kernel, kernel, outputs]`,
/// `bias` `[outputs]`, `shift` `[batch or 1, outputs]`, `residual` and `out` `[batch, out_height, out_width, outputs]`.
#[cube(launch_unchecked)]
#[expect(clippy::too_many_arguments, reason = "a kernel's arguments are its bindings")]
pub(super) fn conv2d_kernel<E: Numeric, NX: Size, NO: Size>(
    x: &[Vector<E, NX>],
    weight: &[Vector<E, NO>],
    bias: ComptimeOption<&[Vector<E, NO>]>,
    shift: ComptimeOption<&[Vector<E, NO>]>,
    residual: ComptimeOption<&[Vector<E, NO>]>,
    out: &mut [Vector<E, NO>],
    extent: Extent,
    #[comptime] variant: ConvVariant,
    #[define(E)] _dtype: ElemType,
) {
    let tile = comptime!(variant.tile);
    let threads = comptime!(tile.threads());
    let rows = comptime!(tile.rows());
    let columns = comptime!(tile.columns());
    let output_vectors = comptime!(tile.output_vectors());
    let thread_vectors = comptime!(tile.thread_outputs / 4);
    let unit = UNIT_POS as usize;
    let first_output = CUBE_POS_X as usize * tile.outputs;
    let first_pixel = (CUBE_POS_Z as usize * CUBE_COUNT_Y as usize + CUBE_POS_Y as usize) * tile.pixels;

    let mut pixels = Shared::<[Four]>::new_slice(comptime!(tile.pixels * PIXEL_VECTORS));
    let mut weights = Shared::<[Four]>::new_slice(comptime!(SLICE * output_vectors));

    // The pixels that this thread reads for all: where each begins in the picture, and that picture's first row.
    let read_pixels = comptime!(tile.pixels * SLICE_VECTORS / threads);
    let mut tops = Array::<usize>::new(read_pixels);
    let mut lefts = Array::<usize>::new(read_pixels);
    let mut stored_rows = Array::<usize>::new(read_pixels);
    let read_vector = unit % SLICE_VECTORS;
    let read_row = unit / SLICE_VECTORS;
    #[unroll]
    for i in 0..read_pixels {
        let pixel = first_pixel + read_row + i * comptime!(threads / SLICE_VECTORS);
        let row = pixel / extent.out_width;
        let picture = row / extent.out_height;
        // A position above or to the left of the picture wraps around, and so is past its end. So is every position of a pixel
        // past the last one.
        tops[i] = select(pixel < extent.pixels, (row % extent.out_height) * variant.stride - extent.top, extent.height);
        lefts[i] = (pixel % extent.out_width) * variant.stride - extent.left;
        stored_rows[i] = picture * extent.stored_height;
    }

    let mut sums = Array::<Four>::new(comptime!(tile.thread_pixels * thread_vectors));
    #[unroll]
    for i in 0..comptime!(tile.thread_pixels * thread_vectors) {
        sums[i] = Four::new(0.0f32);
    }
    let row = unit / columns;
    let column = unit % columns;

    let mut starts = Array::<usize>::new(read_pixels);
    let mut limits = Array::<usize>::new(read_pixels);
    for ky in 0..variant.kernel {
        for kx in 0..variant.kernel {
            #[unroll]
            for i in 0..read_pixels {
                let top = tops[i] + ky;
                let left = lefts[i] + kx;
                limits[i] = select(top < extent.height && left < extent.width, extent.channels, 0usize);
                let stored_row = stored_rows[i] + top / variant.repeats;
                let stored_column = left / variant.repeats;
                starts[i] = (stored_row * extent.stored_width + stored_column) * extent.channels;
            }
            let tap = ky * variant.kernel + kx;

            for first_channel in range_stepped(0, extent.channels, SLICE) {
                let channel = first_channel + read_vector * 4;
                #[unroll]
                for i in 0..read_pixels {
                    let pixel = read_row + i * comptime!(threads / SLICE_VECTORS);
                    pixels[pixel * PIXEL_VECTORS + read_vector] = read_four(x, starts[i], channel, limits[i]);
                }
                #[unroll]
                for i in 0..comptime!((SLICE * output_vectors).div_ceil(threads)) {
                    let at = unit + i * threads;
                    if comptime!((SLICE * output_vectors).is_multiple_of(threads))
                        || at < comptime!(SLICE * output_vectors)
                    {
                        let channel = first_channel + at / output_vectors;
                        let output = first_output + at % output_vectors * 4;
                        let limit = select(channel < extent.channels, extent.outputs, 0usize);
                        let start = (channel * comptime!(variant.kernel * variant.kernel) + tap) * extent.outputs;
                        weights[at] = read_four(weight, start, output, limit);
                    }
                }
                sync_cube();

                add_products(&pixels, &weights, &mut sums, row, column, tile);
                sync_cube();
            }
        }
    }

    #[unroll]
    for i in 0..tile.thread_pixels {
        let pixel = first_pixel + row + i * rows;
        if pixel < extent.pixels {
            #[unroll]
            for j in 0..thread_vectors {
                let output = first_output + (column + j * columns) * 4;
                let mut sum = sums[i * thread_vectors + j];
                if comptime!(bias.is_some()) {
                    sum += read_four(bias.unwrap(), 0usize, output, extent.outputs);
                }
                if comptime!(shift.is_some()) {
                    let picture = pixel / (extent.out_height * extent.out_width);
                    sum += read_four(shift.unwrap(), picture * extent.shift_stride, output, extent.outputs);
                }
                if comptime!(residual.is_some()) {
                    sum += read_four(residual.unwrap(), pixel * extent.outputs, output, extent.outputs);
                }
                write_four(out, pixel * extent.outputs, output, extent.outputs, sum);
            }
        }
    }
}
