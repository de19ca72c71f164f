//! The pixels of a mask, and which of them changed since they were last shown.

use std::sync::atomic::{AtomicU64, Ordering};

use image::GrayImage;

/// A rectangle of pixels; `right` and `bottom` lie outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Area {
    pub left: usize,
    pub top: usize,
    pub right: usize,
    pub bottom: usize,
}

impl Area {
    /// All of a mask of this size.
    pub(crate) fn whole(width: usize, height: usize) -> Self {
        Self { left: 0, top: 0, right: width, bottom: height }
    }

    /// What lies between two corners, cut off at the edges of a mask of this size; whole pixels.
    pub(crate) fn between(min: [f32; 2], max: [f32; 2], width: usize, height: usize) -> Self {
        // `as` brings what is below 0 or beyond every number into range.
        let [left, top] = min.map(|at| at.floor() as usize);
        let [right, bottom] = max.map(|at| at.ceil() as usize);
        Self { left: left.min(width), top: top.min(height), right: right.min(width), bottom: bottom.min(height) }
    }

    pub(crate) fn is_empty(self) -> bool {
        self.left >= self.right || self.top >= self.bottom
    }

    pub(crate) fn width(self) -> usize {
        self.right.saturating_sub(self.left)
    }

    pub(crate) fn height(self) -> usize {
        self.bottom.saturating_sub(self.top)
    }

    /// The smallest rectangle around both.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self.is_empty(), other.is_empty()) {
            (true, _) => other,
            (_, true) => self,
            _ => Self {
                left: self.left.min(other.left),
                top: self.top.min(other.top),
                right: self.right.max(other.right),
                bottom: self.bottom.max(other.bottom),
            },
        }
    }

    /// What both have.
    pub(crate) fn within(self, other: Self) -> Self {
        Self {
            left: self.left.max(other.left),
            top: self.top.max(other.top),
            right: self.right.min(other.right),
            bottom: self.bottom.min(other.bottom),
        }
    }
}

/// The side of the squares that a mask is kept in for undoing, in pixels.
pub(crate) const TILE: usize = 64;

/// One byte a pixel, row by row.
#[derive(Debug, Default)]
pub(crate) struct Bitmap {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
    /// A number that no other state of any bitmap has.
    revision: u64,
    /// What changed since the revision that was shown last.
    touched: Area,
    shown: u64,
}

/// Pixels of a mask that changed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MaskPatch {
    /// Width and height of the mask.
    pub size: (usize, usize),
    /// Where they are.
    pub area: Area,
    /// Those of the area, row by row.
    pub pixels: Vec<u8>,
    /// The mask's revision with them.
    pub revision: u64,
}

fn next_revision() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed) + 1
}

impl Bitmap {
    /// A mask of these pixels, which are as many as its sides say.
    pub(crate) fn of(width: usize, height: usize, pixels: Vec<u8>) -> Self {
        debug_assert_eq!(width * height, pixels.len());
        let revision = next_revision();
        Self { width, height, pixels, revision, touched: Area::default(), shown: revision }
    }

    /// An empty mask.
    pub(crate) fn blank(width: usize, height: usize) -> Self {
        Self::of(width, height, vec![0; width * height])
    }

    pub(crate) fn from_image(image: &GrayImage) -> Self {
        Self::of(image.width() as usize, image.height() as usize, image.as_raw().clone())
    }

    pub(crate) fn to_image(&self) -> GrayImage {
        GrayImage::from_raw(self.width as u32, self.height as u32, self.pixels.clone()).unwrap_or_default()
    }

    /// Width and height in pixels.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    pub(crate) fn into_pixels(self) -> Vec<u8> {
        self.pixels
    }

    pub(crate) fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// A pixel; none beyond the edges.
    #[cfg(test)]
    pub(crate) fn get(&self, x: usize, y: usize) -> Option<u8> {
        (x < self.width).then(|| self.pixels.get(y * self.width + x).copied()).flatten()
    }

    /// The part of a row that lies in an area, to be changed; the area is told to [`touch`](Self::touch) afterwards.
    pub(crate) fn row_mut(&mut self, y: usize, area: Area) -> &mut [u8] {
        self.pixels.get_mut(y * self.width + area.left..y * self.width + area.right).unwrap_or_default()
    }

    pub(crate) fn row(&self, y: usize, area: Area) -> &[u8] {
        self.pixels.get(y * self.width + area.left..y * self.width + area.right).unwrap_or_default()
    }

    /// Says that pixels of an area changed.
    pub(crate) fn touch(&mut self, area: Area) {
        if !area.is_empty() {
            self.touched = self.touched.and(area);
            self.revision = next_revision();
        }
    }

    /// Takes the place of what is there. `changed` is what differs, if the size is the same.
    pub(crate) fn replace(&mut self, width: usize, height: usize, pixels: Vec<u8>, changed: Area) {
        let whole = Area::whole(width, height);
        let area = if self.size() == (width, height) { changed } else { whole };
        (self.width, self.height, self.pixels) = (width, height, pixels);
        self.touched = self.touched.within(whole);
        self.touch(area);
    }

    /// The pixels that who shows the revision `seen` has to take in to show the present one.
    pub(crate) fn patch_since(&mut self, seen: u64) -> MaskPatch {
        let (area, revision) = self.changes_since(seen);
        let pixels = (area.top..area.bottom).flat_map(|y| self.row(y, area)).copied().collect();
        MaskPatch { size: self.size(), area, pixels, revision }
    }

    /// What has to be shown anew by who shows the revision `seen`, and the revision that it then shows.
    fn changes_since(&mut self, seen: u64) -> (Area, u64) {
        let area = match seen {
            seen if seen == self.revision => Area::default(),
            seen if seen == self.shown => self.touched,
            _ => Area::whole(self.width, self.height),
        };
        (self.touched, self.shown) = (Area::default(), self.revision);
        (area, self.revision)
    }

    /// Squares a row, and rows of them.
    pub(crate) fn tiles(&self) -> (usize, usize) {
        (self.width.div_ceil(TILE), self.height.div_ceil(TILE))
    }

    /// The area of a square, counted row by row.
    pub(crate) fn tile(&self, index: usize) -> Area {
        let across = self.tiles().0.max(1);
        let (left, top) = (index % across * TILE, index / across * TILE);
        Area { left, top, right: left + TILE, bottom: top + TILE }.within(Area::whole(self.width, self.height))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_touched_is_shown_anew_and_at_rest_nothing() {
        let mut bitmap = Bitmap::blank(300, 200);
        let (area, seen) = bitmap.changes_since(0);
        assert_eq!(area, Area::whole(300, 200), "at first all of it");
        assert!(bitmap.changes_since(seen).0.is_empty());
        bitmap.touch(Area { left: 10, top: 20, right: 30, bottom: 40 });
        bitmap.touch(Area { left: 25, top: 5, right: 26, bottom: 6 });
        let (area, newer) = bitmap.changes_since(seen);
        assert_eq!(area, Area { left: 10, top: 5, right: 30, bottom: 40 });
        assert!(bitmap.changes_since(newer).0.is_empty());
        assert_eq!(bitmap.changes_since(seen).0, Area::whole(300, 200), "who missed something gets all of it");
    }

    #[test]
    fn another_bitmap_is_never_taken_for_the_one_that_was_shown() {
        let seen = Bitmap::blank(8, 8).changes_since(0).1;
        assert_eq!(Bitmap::blank(8, 8).changes_since(seen).0, Area::whole(8, 8));
    }

    #[test]
    fn a_patch_has_the_pixels_of_its_area() {
        let mut bitmap = Bitmap::of(4, 3, (0..12).collect());
        let first = bitmap.patch_since(0);
        assert_eq!((first.area, first.pixels), (Area::whole(4, 3), (0..12).collect()));
        bitmap.touch(Area { left: 1, top: 1, right: 3, bottom: 3 });
        let patch = bitmap.patch_since(first.revision);
        assert_eq!((patch.size, patch.pixels), ((4, 3), vec![5, 6, 9, 10]));
        // One that got lost is made up for.
        assert_eq!(bitmap.patch_since(first.revision).area, Area::whole(4, 3));
        let same = bitmap.patch_since(patch.revision);
        assert!(same.pixels.is_empty() && same.area.is_empty());
    }

    #[test]
    fn squares_cover_everything_once() {
        for (width, height) in [(1, 1), (64, 64), (65, 128), (101, 70), (20_000, 20)] {
            let bitmap = Bitmap::blank(width, height);
            let (across, down) = bitmap.tiles();
            let covered: usize = (0..across * down).map(|i| bitmap.tile(i).width() * bitmap.tile(i).height()).sum();
            assert_eq!(covered, width * height);
        }
    }
}
