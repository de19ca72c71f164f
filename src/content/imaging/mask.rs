//! Masks: 255 is drawn anew, 0 stays. Preparing a mask for a model, and compositing two pictures along it.
//!
//! The time of every function is proportional to the number of pixels, whatever the radius; rows are spread over
//! rayon's pool.

use image::{GrayImage, RgbImage};
use rayon::prelude::*;

/// The value from which a pixel is drawn anew: `VaeImageProcessor.binarize` at one half.
const HALF: u8 = 128;

/// A rectangle of pixels. `right` and `bottom` lie outside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// Its first column.
    pub left: u32,
    /// Its first row.
    pub top: u32,
    /// The column after its last one.
    pub right: u32,
    /// The row after its last one.
    pub bottom: u32,
}

impl Region {
    /// The number of columns.
    pub fn width(self) -> u32 {
        self.right - self.left
    }

    /// The number of rows.
    pub fn height(self) -> u32 {
        self.bottom - self.top
    }
}

/// Grows a mask by so many pixels, or shrinks it by a negative number. Nothing beyond the edges counts, so that a mask
/// that touches an edge doesn't shrink from there.
///
/// It grows by a regular octagon around a circle of this radius (its corners reach 8 % further), or by a square for 1
/// and 2 pixels. Unlike a disc, an octagon is the sum of four lines, along each of which a maximum takes constant time.
pub fn grow(mask: &GrayImage, pixels: i32) -> GrayImage {
    let (width, height) = mask.dimensions();
    let radius = pixels.unsigned_abs().min(width.max(height)) as usize;
    if radius == 0 || mask.is_empty() {
        return mask.clone();
    }
    let width = width as usize;
    // Growing the outside shrinks the mask.
    let is_shrunk = pixels < 0;
    // A border is added: on its way along the four lines, a pixel may leave the picture and come back.
    let wide = width + 2 * radius;
    let mut canvas = vec![0; wide * (height as usize + 2 * radius)];
    for (canvas, row) in canvas.chunks_exact_mut(wide).skip(radius).zip(mask.as_raw().chunks_exact(width)) {
        canvas[radius..][..width].copy_from_slice(row);
        if is_shrunk {
            invert(&mut canvas[radius..][..width]);
        }
    }
    // A square of half the side `straight` and two diagonals of `slanted` reach `straight + 2 * slanted` along the
    // axes. The square has 0.414 = sqrt(2) - 1 of it in a regular octagon; without one, the diagonals would leave every
    // other pixel out.
    let slanted =
        if radius < 3 { 0 } else { (radius as f64 * (1.0 - std::f64::consts::FRAC_1_SQRT_2)).round() as usize };
    let straight = radius - 2 * slanted;
    maximum_across(&mut canvas, wide, straight);
    for (shift, radius) in [(0, straight), (1, slanted), (-1, slanted)] {
        canvas = maximum_down(canvas, wide, radius, shift);
    }
    let mut grown = mask.clone();
    for (row, canvas) in grown.chunks_exact_mut(width).zip(canvas.chunks_exact(wide).skip(radius)) {
        row.copy_from_slice(&canvas[radius..][..width]);
        if is_shrunk {
            invert(row);
        }
    }
    grown
}

fn invert(bytes: &mut [u8]) {
    for byte in bytes {
        *byte = 255 - *byte;
    }
}

/// The maximum of each pixel and `radius` neighbours on both sides in its row (van Herk, 1992: maxima from the start of
/// each block of one window's length, and to its end; a window is the end of one block and the start of the next).
fn maximum_across(bytes: &mut [u8], width: usize, radius: usize) {
    let window = 2 * radius + 1;
    bytes.par_chunks_exact_mut(width).for_each_init(
        || (vec![0; width + 2 * radius], vec![0; width + 2 * radius]),
        |(starts, ends), row| {
            for line in [&mut *starts, &mut *ends] {
                line.fill(0);
                line[radius..][..width].copy_from_slice(row);
            }
            for block in starts.chunks_mut(window) {
                for i in 1..block.len() {
                    block[i] = block[i].max(block[i - 1]);
                }
            }
            for block in ends.chunks_mut(window) {
                for i in (1..block.len()).rev() {
                    block[i - 1] = block[i - 1].max(block[i]);
                }
            }
            for ((pixel, end), start) in row.iter_mut().zip(&*ends).zip(&starts[2 * radius..]) {
                *pixel = (*end).max(*start);
            }
        },
    );
}

/// The maximum down the columns, or along diagonals that go `shift` columns to the right in each row.
fn maximum_down(bytes: Vec<u8>, width: usize, radius: usize, shift: isize) -> Vec<u8> {
    if radius == 0 {
        return bytes;
    }
    // A border makes room for every window, even those of diagonals that leave the picture and come back into it.
    let (room, window) = (radius * shift.unsigned_abs(), 2 * radius + 1);
    let wide = width + 2 * room;
    let mut starts = vec![0; wide * (bytes.len() / width + 2 * radius)];
    for (roomy, row) in starts.chunks_exact_mut(wide).skip(radius).zip(bytes.chunks_exact(width)) {
        roomy[room..][..width].copy_from_slice(row);
    }
    let mut ends = starts.clone();
    starts.par_chunks_mut(window * wide).for_each(|block| {
        for row in 1..block.len() / wide {
            let (above, here) = block.split_at_mut(row * wide);
            raise(&mut here[..wide], &above[(row - 1) * wide..], shift);
        }
    });
    ends.par_chunks_mut(window * wide).for_each(|block| {
        for row in (1..block.len() / wide).rev() {
            let (above, here) = block.split_at_mut(row * wide);
            raise(&mut above[(row - 1) * wide..], &here[..wide], -shift);
        }
    });
    let mut out = bytes;
    let (first, last) = if shift < 0 { (2 * room, 0) } else { (0, 2 * room) };
    let windows = ends.par_chunks_exact(wide).zip(starts.par_chunks_exact(wide).skip(2 * radius));
    out.par_chunks_exact_mut(width).zip(windows).for_each(|(out, (ends, starts))| {
        for ((pixel, end), start) in out.iter_mut().zip(&ends[first..]).zip(&starts[last..]) {
            *pixel = (*end).max(*start);
        }
    });
    out
}

/// Raises each pixel to the value of the one `shift` columns before it in another row.
fn raise(row: &mut [u8], other: &[u8], shift: isize) {
    let by = shift.unsigned_abs();
    let length = row.len() - by;
    let (row, other) = if shift < 0 { (&mut row[..length], &other[by..]) } else { (&mut row[by..], &other[..length]) };
    for (pixel, other) in row.iter_mut().zip(other) {
        *pixel = (*pixel).max(*other);
    }
}

/// Blurs a mask by a Gaussian of this radius (its standard deviation, in pixels), byte for byte as Pillow's
/// `GaussianBlur` (`libImaging/BoxBlur.c`): three box blurs in each direction, whose boxes end in a fraction of a
/// pixel.
pub fn blur(mask: &GrayImage, radius: f64) -> GrayImage {
    let (width, height) = (mask.width() as usize, mask.height() as usize);
    if radius <= 0.0 || mask.is_empty() {
        return mask.clone();
    }
    let radius = box_radius(radius as f32);
    let mut bytes = mask.as_raw().clone();
    box_blur_across(&mut bytes, width, radius);
    let mut bytes = transposed(&bytes, width);
    box_blur_across(&mut bytes, height, radius);
    GrayImage::from_raw(mask.width(), mask.height(), transposed(&bytes, height)).unwrap_or_default()
}

/// The number of box blurs that make a Gaussian blur (Pillow's `passes`).
const PASSES: usize = 3;

/// The radius of the boxes (`_gaussian_blur_radius`, after Gwosdek et al., "Theoretical foundations of Gaussian
/// convolution by extended box filtering", 2011), in Pillow's mix of f32 and f64.
fn box_radius(radius: f32) -> f32 {
    let variance = radius * radius / PASSES as f32;
    let length = (12.0 * f64::from(variance) + 1.0).sqrt() as f32;
    let whole = ((f64::from(length) - 1.0) / 2.0).floor() as f32;
    let part = (2.0 * whole + 1.0) * (whole * (whole + 1.0) - 3.0 * variance);
    whole + part / (6.0 * (variance - (whole + 1.0) * (whole + 1.0)))
}

/// Blurs each row of `width` pixels. Beyond its ends, its first and last pixel are repeated.
fn box_blur_across(bytes: &mut [u8], width: usize, radius: f32) {
    const ONE: u32 = 1 << 24;
    let reach = radius as usize;
    let weight = (ONE as f32 / (radius * 2.0 + 1.0)) as u32;
    let edge_weight = (ONE - (2 * reach as u32 + 1) * weight) / 2;
    // The row, extended at either end by as many pixels as the box reaches, those at its fractional ends included.
    let room = reach + 1;
    bytes.par_chunks_exact_mut(width).for_each_init(
        || vec![0_u8; width + 2 * room],
        |roomy, row| {
            for _ in 0..PASSES {
                roomy[..room].fill(row[0]);
                roomy[room..][..width].copy_from_slice(row);
                roomy[room + width..].fill(row[width - 1]);
                // The sum of the whole pixels of the box around the pixel before the first one.
                let mut sum = roomy[..=2 * reach].iter().map(|byte| u32::from(*byte)).sum::<u32>();
                let enters = roomy[2 * reach + 1..].iter().zip(&roomy[2 * reach + 2..]);
                for ((pixel, leaves), (enters, next)) in row.iter_mut().zip(&*roomy).zip(enters) {
                    let [leaves, enters, next] = [leaves, enters, next].map(|byte| u32::from(*byte));
                    sum = sum + enters - leaves;
                    *pixel = ((sum * weight + (leaves + next) * edge_weight + (ONE >> 1)) >> 24) as u8;
                }
            }
        },
    );
}

/// Swaps rows and columns, in squares that fit into the cache.
fn transposed(bytes: &[u8], width: usize) -> Vec<u8> {
    const SIDE: usize = 64;
    let height = bytes.len() / width;
    let mut out = vec![0; bytes.len()];
    out.par_chunks_mut(SIDE * height).enumerate().for_each(|(strip, out)| {
        for top in (0..height).step_by(SIDE) {
            for (i, column) in out.chunks_exact_mut(height).enumerate() {
                let rows = bytes[top * width..].chunks_exact(width);
                for (pixel, row) in column[top..].iter_mut().take(SIDE).zip(rows) {
                    *pixel = row[strip * SIDE + i];
                }
            }
        }
    });
    out
}

/// Makes the mask of the latents: each latent is drawn anew (255) or stays (0), by its nearest pixel.
///
/// This is `VaeImageProcessor.binarize` and torch's `interpolate` of mode `nearest`, as `prepare_mask_latents` calls
/// it.
pub fn latent_mask(mask: &GrayImage, width: u32, height: u32) -> GrayImage {
    let nearest = |i: u32, from: u32, to: u32| ((i as f32 * (from as f32 / to as f32)) as u32).min(from - 1);
    if mask.is_empty() {
        return GrayImage::new(width, height);
    }
    GrayImage::from_fn(width, height, |x, y| {
        let pixel = mask.get_pixel(nearest(x, mask.width(), width), nearest(y, mask.height(), height));
        image::Luma([if pixel.0[0] >= HALF { 255 } else { 0 }])
    })
}

/// Finds the part of a picture to draw when only the mask's surroundings are drawn: the smallest rectangle with
/// everything that isn't 0 and `padding` pixels around it, widened to the shape of `width` x `height`. `None` for an
/// empty mask.
///
/// This is `VaeImageProcessor.get_crop_region`, which `padding_mask_crop` calls.
pub fn crop_region(mask: &GrayImage, width: usize, height: usize, padding: usize) -> Option<Region> {
    let full = [i64::from(mask.width()), i64::from(mask.height())];
    let columns = mask.width() as usize;
    let is_drawn = |pixels: &[u8]| pixels.iter().any(|pixel| *pixel != 0);
    let mut drawn_rows = mask.as_raw().chunks_exact(columns.max(1)).enumerate().filter(|(_, row)| is_drawn(row));
    let top = drawn_rows.next()?.0;
    let bottom = drawn_rows.next_back().map_or(top, |(row, _)| row) + 1;
    let (mut left, mut right) = (columns, 0);
    for row in mask.as_raw().chunks_exact(columns).take(bottom).skip(top) {
        left = row.iter().position(|pixel| *pixel != 0).map_or(left, |first| first.min(left));
        right = row.iter().rposition(|pixel| *pixel != 0).map_or(right, |last| (last + 1).max(right));
    }
    let padding = i64::try_from(padding).unwrap_or(i64::MAX / 4);
    let [mut x, mut y] = [(left, right, full[0]), (top, bottom, full[1])].map(|(first, end, size)| {
        ((first.cast_signed() as i64 - padding).max(0), (end.cast_signed() as i64 + padding).min(size))
    });
    let (region_width, region_height) = ((x.1 - x.0) as f64, (y.1 - y.0) as f64);
    let shape = width as f64 / height as f64;
    if region_width / region_height > shape {
        y = widened(y, (region_width / shape - region_height) as i64, full[1]);
    } else {
        x = widened(x, (region_height * shape - region_width) as i64, full[0]);
    }
    Some(Region { left: x.0 as u32, top: y.0 as u32, right: x.1 as u32, bottom: y.1 as u32 })
}

/// Makes a range longer by `by` on both sides, and moves or cuts it so that it lies in `0..size`.
fn widened((first, end): (i64, i64), by: i64, size: i64) -> (i64, i64) {
    let (mut first, mut end) = (first - by / 2, end + by - by / 2);
    let beyond = (end - size).max(0);
    (first, end) = (first - beyond, end - beyond);
    let before = first.min(0);
    (first - before, (end - before).min(size))
}

/// Composites two pictures: `drawn` where the mask is 255 and `original` where it is 0, byte for byte, and a mixture in
/// between.
///
/// Pictures and mask have the same size.
pub fn composite(drawn: &RgbImage, original: &RgbImage, mask: &GrayImage) -> RgbImage {
    let mut out = original.clone();
    let pixels = out.as_chunks_mut::<3>().0.iter_mut().zip(drawn.as_chunks::<3>().0).zip(mask.as_raw());
    for ((original, drawn), mask) in pixels {
        let mask = u32::from(*mask);
        for (original, drawn) in original.iter_mut().zip(drawn) {
            *original = ((u32::from(*drawn) * mask + u32::from(*original) * (255 - mask) + 127) / 255) as u8;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use image::Luma;

    use super::*;

    fn dots(width: u32, height: u32) -> GrayImage {
        GrayImage::from_fn(width, height, |x, y| {
            Luma([if (x * 7 + y * 11) % 43 == 0 { (x * 5 + y + 1) as u8 } else { 0 }])
        })
    }

    /// The octagon that a dot becomes, as lines of `#` and `.`.
    fn octagon(radius: i32) -> Vec<String> {
        let mut dot = GrayImage::new(2 * radius as u32 + 1, 2 * radius as u32 + 1);
        dot.put_pixel(radius as u32, radius as u32, Luma([255]));
        let line = |row: &[u8]| row.iter().map(|pixel| if *pixel > 0 { '#' } else { '.' }).collect();
        grow(&dot, radius).as_raw().chunks(dot.width() as usize).map(line).collect()
    }

    #[test]
    fn a_dot_grows_into_an_octagon() {
        assert_eq!(octagon(1), ["###", "###", "###"]);
        assert_eq!(octagon(3), ["..###..", ".#####.", "#######", "#######", "#######", ".#####.", "..###.."]);
        let large = octagon(40);
        assert!(large.iter().all(|line| line.contains('#')) && large[40].chars().all(|pixel| pixel == '#'));
        let area = large.iter().flat_map(|line| line.chars()).filter(|pixel| *pixel == '#').count() as f64;
        let disc = std::f64::consts::PI * 40.5 * 40.5;
        assert!((1.0..1.08).contains(&(area / disc)), "{area} pixels, {disc} in the disc");
    }

    #[test]
    fn every_pixel_takes_the_largest_within_the_octagon() {
        for (width, height) in [(1, 1), (40, 3), (5, 31), (24, 24)] {
            for radius in [1, 2, 3, 4, 7, 60] {
                let mask = dots(width, height);
                let grown = grow(&mask, radius);
                let reach = radius.min(width.max(height).cast_signed());
                let shape = octagon(reach);
                let within = |dx: i32, dy: i32| {
                    let row = usize::try_from(dy + reach).ok().and_then(|row| shape.get(row));
                    let column = usize::try_from(dx + reach).ok();
                    row.zip(column).is_some_and(|(row, column)| row.as_bytes().get(column) == Some(&b'#'))
                };
                for (x, y, pixel) in grown.enumerate_pixels() {
                    let near = mask.enumerate_pixels().filter(|(i, j, _)| {
                        within(i.cast_signed() - x.cast_signed(), j.cast_signed() - y.cast_signed())
                    });
                    let largest = near.map(|(_, _, pixel)| pixel.0[0]).max();
                    assert_eq!(Some(pixel.0[0]), largest, "{width} x {height} grown by {radius} at {x}, {y}");
                }
            }
        }
    }

    #[test]
    fn shrinking_is_growing_what_is_left_out() {
        let mask = grow(&dots(50, 40), 3);
        let mut inverse = mask.clone();
        invert(&mut inverse);
        let mut grown = grow(&inverse, 4);
        invert(&mut grown);
        assert_eq!(grow(&mask, -4), grown);
        let full = GrayImage::from_pixel(30, 20, Luma([255]));
        assert_eq!(grow(&full, -9), full, "the edge of the picture is no edge of the mask");
        assert_eq!(grow(&mask, 0), mask);
        assert_eq!(grow(&mask, i32::MIN).as_raw().iter().max(), grow(&mask, -50).as_raw().iter().max());
    }

    #[test]
    fn where_the_mask_is_0_or_255_a_composite_is_one_of_its_pictures() {
        let [original, drawn] =
            [Luma([7_u8]), Luma([201])].map(|Luma([v])| RgbImage::from_pixel(3, 1, image::Rgb([v, 0, 255 - v])));
        let mask = GrayImage::from_raw(3, 1, vec![0, 255, 128]).expect("three pixels");
        let joined = composite(&drawn, &original, &mask);
        assert_eq!(joined.get_pixel(0, 0), original.get_pixel(0, 0));
        assert_eq!(joined.get_pixel(1, 0), drawn.get_pixel(0, 0));
        assert_eq!(joined.get_pixel(2, 0).0, [104, 0, 151]);
    }
}
