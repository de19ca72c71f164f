//! Filling a closed line: a lasso's, or a rectangle's.
//!
//! What the line winds around is inside, however often (the nonzero rule: a lasso that crosses itself leaves no holes). Edges are
//! smooth: four lines a row, whose ends count in parts of a pixel.

use image::GrayImage;
use rayon::prelude::*;

use super::Point;

/// Lines a row.
const LINES: usize = 4;

/// How much of each pixel lies inside.
pub(crate) fn cover(points: &[Point], width: usize, height: usize) -> GrayImage {
    let mut pixels = vec![0_u8; width * height];
    let is_area = points.len() > 2 && points.iter().flatten().all(|at| at.is_finite());
    if is_area && width > 0 {
        let rows = pixels.par_chunks_exact_mut(width).enumerate();
        rows.for_each_init(|| vec![0.0; width], |sums, (y, row)| fill_row(points, y, row, sums));
    }
    GrayImage::from_raw(width as u32, height as u32, pixels).unwrap_or_default()
}

fn fill_row(points: &[Point], y: usize, row: &mut [u8], sums: &mut [f32]) {
    sums.fill(0.0);
    let mut is_reached = false;
    for line in 0..LINES {
        let mut crossings = crossings(points, y as f32 + (line as f32 + 0.5) / LINES as f32);
        crossings.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (mut winding, mut from) = (0, 0.0);
        for (x, turn) in crossings {
            if winding == 0 {
                from = x;
            }
            winding += turn;
            if winding == 0 {
                is_reached = true;
                add(sums, from, x);
            }
        }
    }
    if is_reached {
        for (pixel, sum) in row.iter_mut().zip(sums) {
            *pixel = (*sum * (255.0 / LINES as f32) + 0.5) as u8;
        }
    }
}

/// Where a horizontal line crosses the polygon, and which way: down is 1.
fn crossings(points: &[Point], y: f32) -> Vec<(f32, i32)> {
    let next = points.iter().cycle().skip(1);
    let edges = points.iter().zip(next);
    edges
        .filter_map(|(a, b)| {
            let turn = match (a[1] <= y, b[1] <= y) {
                (true, false) => 1,
                (false, true) => -1,
                _ => return None,
            };
            Some((a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0]), turn))
        })
        .collect()
}

/// Adds a span to the pixels that it covers, wholly or in part.
fn add(sums: &mut [f32], from: f32, to: f32) {
    let end = sums.len() as f32;
    let (from, to) = (from.clamp(0.0, end), to.clamp(0.0, end));
    let (first, last) = (from as usize, to as usize);
    if first == last {
        sums.get_mut(first).into_iter().for_each(|sum| *sum += to - from);
        return;
    }
    sums.get_mut(first).into_iter().for_each(|sum| *sum += (first + 1) as f32 - from);
    sums.get_mut(first + 1..last).unwrap_or_default().iter_mut().for_each(|sum| *sum += 1.0);
    sums.get_mut(last).into_iter().for_each(|sum| *sum += to - last as f32);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area(image: &GrayImage) -> f64 {
        image.as_raw().iter().map(|pixel| f64::from(*pixel) / 255.0).sum()
    }

    #[test]
    fn a_rectangle_of_whole_pixels_has_sharp_edges() {
        let image = cover(&[[2.0, 1.0], [7.0, 1.0], [7.0, 4.0], [2.0, 4.0]], 10, 6);
        let inside = |x: u32, y: u32| (2..7).contains(&x) && (1..4).contains(&y);
        for (x, y, pixel) in image.enumerate_pixels() {
            assert_eq!(pixel.0[0], if inside(x, y) { 255 } else { 0 }, "{x} {y}");
        }
    }

    #[test]
    fn slanted_edges_are_smooth_and_the_area_is_right() {
        let triangle = cover(&[[10.0, 10.0], [90.0, 30.0], [40.0, 80.0]], 100, 100);
        assert!((area(&triangle) - 2500.0).abs() < 15.0, "{}", area(&triangle));
        assert!(triangle.as_raw().iter().any(|pixel| (1..255).contains(pixel)));
    }

    #[test]
    fn a_line_that_crosses_itself_leaves_no_hole_and_one_outside_is_cut() {
        // A five-pointed star.
        let star: Vec<Point> = (0..5)
            .map(|k| {
                let angle = k as f32 * 0.8 * std::f32::consts::TAU / 2.0;
                [50.0 + 40.0 * angle.sin(), 50.0 - 40.0 * angle.cos()]
            })
            .collect();
        assert_eq!(cover(&star, 100, 100).get_pixel(50, 50).0[0], 255);
        let beyond = cover(&[[-1e6, -1e6], [1e6, -1e6], [1e6, 1e6], [-1e6, 1e6]], 33, 21);
        assert!(beyond.as_raw().iter().all(|pixel| *pixel == 255));
    }

    #[test]
    fn an_outline_without_an_area_fills_nothing() {
        for points in [&[][..], &[[1.0, 1.0]], &[[1.0, 1.0], [5.0, 5.0]], &[[f32::NAN, 0.0], [9.0, 0.0], [0.0, 9.0]]] {
            assert!(cover(points, 10, 10).as_raw().iter().all(|pixel| *pixel == 0));
        }
    }
}
