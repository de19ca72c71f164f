//! A stroke: the brush along a line, from the press of the button to its release.
//!
//! Within a stroke the cover of a pixel is the highest that any part of the line gives it, so a stroke that crosses itself is no
//! denser there. Whole squares of the mask that the brush covers, or can't reach, are done with at once.

use super::Point;
use super::bitmap::{Area, Bitmap, TILE};
use super::brush::{Falloff, Paint, dab, spacing};
use super::history::{Edit, Tile};
use crate::session::settings::Brush;

/// Half a square's diagonal, rounded up: no pixel's middle is further from the middle of its square.
const REACH: f32 = 46.0;

/// A stroke in the making.
#[derive(Debug)]
pub(crate) struct Stroke {
    brush: Brush,
    paint: Paint,
    last: Point,
    tiles: Vec<Option<Box<Touched>>>,
}

/// A square that the stroke has reached. Its rows are as long as what of it lies in the mask.
#[derive(Debug)]
struct Touched {
    before: [u8; TILE * TILE],
    /// How much the stroke covers.
    cover: [u8; TILE * TILE],
    /// The least cover of its pixels.
    least: u8,
}

/// A piece of the line.
#[derive(Clone, Copy)]
struct Segment {
    from: Point,
    by: Point,
    /// 1 by its squared length, or 0 for a point.
    inverse: f32,
}

impl Segment {
    fn between(from: Point, to: Point) -> Self {
        let by = [to[0] - from[0], to[1] - from[1]];
        let squared = by[0] * by[0] + by[1] * by[1];
        Self { from, by, inverse: if squared > 1e-12 { 1.0 / squared } else { 0.0 } }
    }

    /// The squared distance of a point.
    fn squared_distance(self, x: f32, y: f32) -> f32 {
        let (x, y) = (x - self.from[0], y - self.from[1]);
        let along = ((x * self.by[0] + y * self.by[1]) * self.inverse).clamp(0.0, 1.0);
        let (x, y) = (x - along * self.by[0], y - along * self.by[1]);
        x * x + y * y
    }
}

impl Stroke {
    /// Puts the brush down. The point may lie outside the mask.
    pub(crate) fn begin(bitmap: &mut Bitmap, brush: Brush, paint: Paint, at: Point) -> Self {
        let (across, down) = bitmap.tiles();
        let tiles = (0..across * down).map(|_| None).collect();
        let mut stroke = Self { brush, paint, last: dab(brush, at), tiles };
        stroke.draw(bitmap, stroke.last);
        stroke
    }

    /// Moves the brush through points. Those that are too near to tell from the one before are left out, but for the last.
    pub(crate) fn follow(&mut self, bitmap: &mut Bitmap, points: &[Point]) {
        let Some((end, between)) = points.split_last() else { return };
        for point in between {
            let (dx, dy) = (point[0] - self.last[0], point[1] - self.last[1]);
            if dx.hypot(dy) >= spacing(self.brush) {
                self.draw(bitmap, dab(self.brush, *point));
            }
        }
        self.draw(bitmap, dab(self.brush, *end));
    }

    /// The end of the stroke: how to undo it; `None` if it changed nothing.
    pub(crate) fn end(self, bitmap: &Bitmap) -> Option<Edit> {
        let touched = self.tiles.iter().enumerate().filter_map(|(index, tile)| Some((index, tile.as_ref()?)));
        let changed = touched.filter(|(index, tile)| tile.differs(bitmap, bitmap.tile(*index)));
        let tiles: Vec<_> = changed.map(|(index, tile)| (index, Tile::of(tile.pixels(bitmap.tile(index))))).collect();
        (!tiles.is_empty()).then(|| Edit::of_tiles(tiles))
    }

    /// Takes the stroke back.
    pub(crate) fn cancel(self, bitmap: &mut Bitmap) {
        for (index, tile) in self.tiles.iter().enumerate().filter_map(|(index, tile)| Some((index, tile.as_ref()?))) {
            Tile::of(tile.pixels(bitmap.tile(index))).put(bitmap, index);
        }
    }

    /// Where the brush was last.
    pub(crate) fn last(&self) -> Point {
        self.last
    }

    fn draw(&mut self, bitmap: &mut Bitmap, to: Point) {
        let from = std::mem::replace(&mut self.last, to);
        if !from.iter().chain(&to).all(|at| at.is_finite()) {
            return;
        }
        let (segment, falloff) = (Segment::between(from, to), Falloff::of(self.brush));
        let reach = |pick: fn(f32, f32) -> f32, by: f32| [0, 1].map(|axis| pick(from[axis], to[axis]) + by);
        let (width, height) = bitmap.size();
        let area = Area::between(reach(f32::min, -falloff.outer), reach(f32::max, falloff.outer), width, height);
        if area.is_empty() {
            return;
        }
        let across = bitmap.tiles().0;
        for row in area.top / TILE..=(area.bottom - 1) / TILE {
            for column in area.left / TILE..=(area.right - 1) / TILE {
                let tile = bitmap.tile(row * across + column);
                self.draw_tile(bitmap, row * across + column, tile.within(area), segment, falloff);
            }
        }
        bitmap.touch(area);
    }

    fn draw_tile(&mut self, bitmap: &mut Bitmap, index: usize, area: Area, segment: Segment, falloff: Falloff) {
        let tile = bitmap.tile(index);
        let middle = [tile.left, tile.top].map(|at| (at + TILE / 2) as f32);
        let distance = segment.squared_distance(middle[0], middle[1]).sqrt();
        let nearest = (distance - REACH).max(0.0);
        let most = falloff.cover(nearest * nearest);
        let Some(touched) = self.tiles.get_mut(index) else { return };
        if most == 0 || touched.as_ref().is_some_and(|touched| touched.least >= most) {
            return;
        }
        let touched = touched.get_or_insert_with(|| Box::new(Touched::of(bitmap, tile)));
        let (opacity, value) = ((self.brush.opacity * 255.0 + 0.5) as u32, u32::from(self.paint.value()));
        let is_whole = distance + REACH <= falloff.inner;
        let area = if is_whole { tile } else { area };
        for y in area.top..area.bottom {
            let start = (y - tile.top) * tile.width() + area.left - tile.left;
            let row = bitmap.row_mut(y, area);
            let covers = touched.cover.get_mut(start..start + row.len()).unwrap_or_default();
            let before = touched.before.get(start..start + row.len()).unwrap_or_default();
            for (x, ((pixel, cover), before)) in row.iter_mut().zip(covers).zip(before).enumerate() {
                let now = if is_whole {
                    255
                } else {
                    falloff.cover(segment.squared_distance((area.left + x) as f32 + 0.5, y as f32 + 0.5))
                };
                if now > *cover {
                    *cover = now;
                    *pixel = mix(*before, value, u32::from(now) * opacity);
                }
            }
        }
        if is_whole {
            touched.least = 255;
        } else if distance + REACH < falloff.outer {
            touched.note_least(tile);
        }
    }
}

/// `value` in the place of `before`, by `weight` of 255 * 255.
fn mix(before: u8, value: u32, weight: u32) -> u8 {
    const WHOLE: u32 = 255 * 255;
    ((u32::from(before) * (WHOLE - weight) + value * weight + WHOLE / 2) / WHOLE) as u8
}

impl Touched {
    fn of(bitmap: &Bitmap, tile: Area) -> Self {
        let mut before = [0; TILE * TILE];
        for (y, line) in (tile.top..tile.bottom).zip(before.chunks_exact_mut(tile.width().max(1))) {
            line.copy_from_slice(bitmap.row(y, tile));
        }
        Self { before, cover: [0; TILE * TILE], least: 0 }
    }

    /// What was there before.
    fn pixels(&self, tile: Area) -> &[u8] {
        &self.before[..tile.width() * tile.height()]
    }

    fn differs(&self, bitmap: &Bitmap, tile: Area) -> bool {
        let before = self.pixels(tile).chunks_exact(tile.width().max(1));
        (tile.top..tile.bottom).zip(before).any(|(y, before)| bitmap.row(y, tile) != before)
    }

    fn note_least(&mut self, tile: Area) {
        self.least = self.cover[..tile.width() * tile.height()].iter().copied().min().unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn brush(diameter: f32) -> Brush {
        Brush { diameter, hardness: 1.0, opacity: 1.0 }
    }

    fn count(bitmap: &Bitmap, value: u8) -> usize {
        bitmap.pixels().iter().map(|pixel| usize::from(*pixel == value)).sum()
    }

    #[test]
    fn a_dab_is_a_disc_of_the_brushs_size_where_it_was_put() {
        let mut bitmap = Bitmap::blank(200, 150);
        Stroke::begin(&mut bitmap, brush(40.0), Paint::Mask, [100.0, 75.0]);
        let area: f64 = bitmap.pixels().iter().map(|pixel| f64::from(*pixel) / 255.0).sum();
        assert!((area - std::f64::consts::PI * 400.0).abs() < 4.0, "{area}");
        assert_eq!([bitmap.get(100, 75), bitmap.get(82, 75), bitmap.get(79, 75)], [Some(255), Some(255), Some(0)]);
    }

    #[test]
    fn a_brush_of_one_pixel_paints_one_pixel_wherever_in_it_the_pointer_is() {
        for at in [[3.0, 4.0], [3.5, 4.5], [3.99, 4.99]] {
            let mut bitmap = Bitmap::blank(9, 9);
            Stroke::begin(&mut bitmap, brush(1.0), Paint::Mask, at);
            assert_eq!((bitmap.get(3, 4), count(&bitmap, 0)), (Some(255), 80));
        }
    }

    #[test]
    fn a_stroke_that_crosses_itself_is_no_denser_there() {
        let mut bitmap = Bitmap::blank(200, 200);
        let half = Brush { opacity: 0.5, ..brush(20.0) };
        let mut stroke = Stroke::begin(&mut bitmap, half, Paint::Mask, [20.0, 100.0]);
        stroke.follow(&mut bitmap, &[[180.0, 100.0], [180.0, 20.0], [100.0, 20.0], [100.0, 180.0]]);
        assert_eq!([bitmap.get(100, 100), bitmap.get(50, 100)], [Some(128), Some(128)]);
        stroke.end(&bitmap).expect("something changed");
        Stroke::begin(&mut bitmap, half, Paint::Mask, [100.0, 100.0]);
        assert_eq!(bitmap.get(100, 100), Some(192), "a second stroke is");
    }

    #[test]
    fn squares_done_at_once_are_what_pixel_by_pixel_gives() {
        for hardness in [0.0, 0.4, 1.0] {
            let wide = Brush { hardness, ..brush(300.0) };
            let mut bitmap = Bitmap::blank(520, 389);
            let points = [[10.0, 20.0], [300.0, 250.0], [480.0, 180.0]];
            let mut stroke = Stroke::begin(&mut bitmap, wide, Paint::Mask, points[0]);
            stroke.follow(&mut bitmap, &points[1..]);
            let falloff = Falloff::of(wide);
            let segments = [(0, 0), (0, 1), (1, 2)].map(|(a, b)| Segment::between(points[a], points[b]));
            for (at, pixel) in bitmap.pixels().iter().enumerate() {
                let (x, y) = ((at % 520) as f32 + 0.5, (at / 520) as f32 + 0.5);
                let cover = segments.iter().map(|segment| falloff.cover(segment.squared_distance(x, y))).max();
                assert_eq!(Some(*pixel), cover, "{x} {y}");
            }
        }
    }

    #[test]
    fn strokes_begin_and_end_outside_and_survive_any_coordinates() {
        let mut bitmap = Bitmap::blank(100, 100);
        let mut stroke = Stroke::begin(&mut bitmap, brush(10.0), Paint::Mask, [-500.0, 50.0]);
        assert_eq!(count(&bitmap, 0), 10_000);
        stroke.follow(&mut bitmap, &[[900.0, 50.0]]);
        assert_eq!([bitmap.get(0, 50), bitmap.get(99, 50), bitmap.get(50, 60)], [Some(255), Some(255), Some(0)]);
        stroke.follow(&mut bitmap, &[[f32::INFINITY, f32::NAN], [1e30, -1e30], [-1e30, 2e9]]);
        assert!(stroke.end(&bitmap).is_some());
        let empty = Stroke::begin(&mut Bitmap::default(), brush(10.0), Paint::Mask, [1.0, 1.0]);
        assert!(empty.end(&Bitmap::default()).is_none());
    }

    #[test]
    fn erasing_takes_away_and_a_stroke_that_changes_nothing_is_none() {
        let mut bitmap = Bitmap::of(64, 64, vec![255; 64 * 64]);
        let stroke = Stroke::begin(&mut bitmap, brush(10.0), Paint::Mask, [32.0, 32.0]);
        assert!(stroke.end(&bitmap).is_none());
        let stroke = Stroke::begin(&mut bitmap, brush(10.0), Paint::Erase, [32.0, 32.0]);
        assert_eq!(bitmap.get(32, 32), Some(0));
        stroke.cancel(&mut bitmap);
        assert_eq!(count(&bitmap, 255), 64 * 64);
    }
}
