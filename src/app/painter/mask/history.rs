//! Undo and redo: what the mask was before each edit, in squares, of which those that an edit doesn't change aren't kept.
//!
//! A square of one value takes a byte. Edits that take much are packed in the background ([`Edit::packed`]); the window's thread only
//! copies squares, and uses no other thread. All edits together take at most [`CAP_BYTES`]: beyond it
//! the oldest are forgotten, of which at least [`LEAST`] stay unless packing gains nothing, as with masks of pure noise.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use rayon::prelude::*;

use super::bitmap::{Area, Bitmap};
use crate::content::request::Margins;

/// The most bytes that edits take together.
const CAP_BYTES: usize = 256 << 20;

/// How many edits there is always room for.
const LEAST: usize = 32;

/// Edits that are kept at most.
const MOST: usize = 500;

/// The pixels of a square.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Tile {
    Flat(u8),
    Pixels(Box<[u8]>),
    /// Deflated.
    Packed(Box<[u8]>),
}

impl Tile {
    pub(crate) fn of(pixels: &[u8]) -> Self {
        // Each like the one before it: one comparison of memory.
        let is_flat = pixels.get(1..) == pixels.get(..pixels.len().saturating_sub(1));
        match pixels.first() {
            Some(first) if is_flat => Self::Flat(*first),
            _ => Self::Pixels(pixels.into()),
        }
    }

    fn read(bitmap: &Bitmap, index: usize) -> Self {
        let area = bitmap.tile(index);
        let mut pixels = Vec::with_capacity(area.width() * area.height());
        (area.top..area.bottom).for_each(|y| pixels.extend_from_slice(bitmap.row(y, area)));
        Self::of(&pixels)
    }

    /// Writes the pixels into the mask.
    pub(crate) fn put(&self, bitmap: &mut Bitmap, index: usize) {
        let area = bitmap.tile(index);
        let unpacked;
        let pixels = match self {
            Self::Flat(value) => {
                (area.top..area.bottom).for_each(|y| bitmap.row_mut(y, area).fill(*value));
                return bitmap.touch(area);
            }
            Self::Pixels(pixels) => &**pixels,
            Self::Packed(packed) => {
                let mut pixels = Vec::with_capacity(area.width() * area.height());
                // What we packed ourselves unpacks.
                let _ = DeflateDecoder::new(&**packed).read_to_end(&mut pixels);
                unpacked = pixels;
                &unpacked
            }
        };
        for (y, row) in (area.top..area.bottom).zip(pixels.chunks_exact(area.width().max(1))) {
            bitmap.row_mut(y, area).copy_from_slice(row);
        }
        bitmap.touch(area);
    }

    fn pack(&mut self) {
        let Self::Pixels(pixels) = self else { return };
        let mut packer = DeflateEncoder::new(Vec::new(), Compression::fast());
        if packer.write_all(pixels).is_ok()
            && let Ok(packed) = packer.finish()
            && packed.len() < pixels.len()
        {
            *self = Self::Packed(packed.into());
        }
    }

    fn bytes(&self) -> usize {
        size_of::<(usize, Self)>()
            + match self {
                Self::Flat(_) => 0,
                Self::Pixels(bytes) | Self::Packed(bytes) => bytes.len(),
            }
    }
}

/// How to get back to what was before an edit, or after one that was undone.
#[derive(Clone, Debug)]
pub(crate) struct Edit {
    /// Tells it from others.
    id: u64,
    /// Squares by their number.
    tiles: Arc<[(usize, Tile)]>,
    /// Width, height and margins, if the edit changed them. Then there are all squares.
    shape: Option<(usize, usize, Margins)>,
    bytes: usize,
    is_packed: bool,
}

impl Edit {
    pub(super) fn of_tiles(tiles: Vec<(usize, Tile)>) -> Self {
        Self::new(tiles, None)
    }

    /// The whole mask with its margins.
    pub(crate) fn of_whole(bitmap: &Bitmap, margins: Margins) -> Self {
        let (across, down) = bitmap.tiles();
        let tiles = (0..across * down).map(|index| (index, Tile::read(bitmap, index))).collect();
        let (width, height) = bitmap.size();
        Self::new(tiles, Some((width, height, margins)))
    }

    /// From one mask to another of the same size: what differs, and where. `None` if nothing does.
    pub(super) fn between(before: &Bitmap, after: &Bitmap) -> Option<(Self, Area)> {
        let (across, down) = before.tiles();
        let differs = |index: &usize| {
            let area = before.tile(*index);
            (area.top..area.bottom).any(|y| before.row(y, area) != after.row(y, area))
        };
        let differing: Vec<usize> = (0..across * down).filter(differs).collect();
        let area = differing.iter().fold(Area::default(), |area, index| area.and(before.tile(*index)));
        let tiles: Vec<_> = differing.into_iter().map(|index| (index, Tile::read(before, index))).collect();
        (!tiles.is_empty()).then(|| (Self::of_tiles(tiles), area))
    }

    fn new(tiles: Vec<(usize, Tile)>, shape: Option<(usize, usize, Margins)>) -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let id = LAST.fetch_add(1, Ordering::Relaxed);
        let bytes = bytes(&tiles);
        Self { id, tiles: tiles.into(), shape, bytes, is_packed: bytes <= CAP_BYTES / LEAST }
    }

    /// The same in less memory. On large masks it takes a while, and all cores: it is for the background.
    pub(crate) fn packed(self) -> Self {
        if self.is_packed {
            return self;
        }
        let mut tiles = self.tiles.to_vec();
        tiles.par_iter_mut().for_each(|(_, tile)| tile.pack());
        Self { bytes: bytes(&tiles), tiles: tiles.into(), is_packed: true, ..self }
    }

    /// Goes there, and gives the way back.
    fn swap(self, bitmap: &mut Bitmap, margins: &mut Margins) -> Self {
        let back = match self.shape {
            Some((width, height, before)) => {
                let back = Self::of_whole(bitmap, *margins);
                *margins = before;
                bitmap.replace(width, height, vec![0; width * height], Area::default());
                back
            }
            None => Self::of_tiles(self.tiles.iter().map(|(index, _)| (*index, Tile::read(bitmap, *index))).collect()),
        };
        for (index, tile) in &*self.tiles {
            tile.put(bitmap, *index);
        }
        back
    }
}

fn bytes(tiles: &[(usize, Tile)]) -> usize {
    tiles.iter().map(|(_, tile)| tile.bytes()).sum()
}

/// What can be undone and redone.
#[derive(Debug, Default)]
pub(crate) struct History {
    done: VecDeque<Edit>,
    undone: Vec<Edit>,
}

impl History {
    /// Remembers an edit. What was undone can't be redone any more.
    pub(crate) fn push(&mut self, edit: Edit) {
        self.undone.clear();
        self.done.push_back(edit);
        while self.done.len() > MOST || (self.done.len() > 1 && self.bytes() > CAP_BYTES) {
            self.done.pop_front();
        }
    }

    /// Remembers an edit; one that joins the last one is undone with it.
    pub(crate) fn push_or_join(&mut self, edit: Edit, joins: bool) {
        if joins && self.can_undo() {
            self.undone.clear();
        } else {
            self.push(edit);
        }
    }

    /// Takes the last edit back. False if there is none.
    pub(crate) fn undo(&mut self, bitmap: &mut Bitmap, margins: &mut Margins) -> bool {
        let Some(edit) = self.done.pop_back() else { return false };
        self.undone.push(edit.swap(bitmap, margins));
        true
    }

    /// Does what was undone last once more. False if there is nothing.
    pub(crate) fn redo(&mut self, bitmap: &mut Bitmap, margins: &mut Margins) -> bool {
        let Some(edit) = self.undone.pop() else { return false };
        self.done.push_back(edit.swap(bitmap, margins));
        true
    }

    /// An edit that takes much and should be packed; the oldest first.
    pub(crate) fn unpacked(&self) -> Option<Edit> {
        self.done.iter().chain(&self.undone).find(|edit| !edit.is_packed).cloned()
    }

    /// Puts an edit that was packed into the place of the one that wasn't, if that is still kept.
    pub(crate) fn put_packed(&mut self, packed: Edit) {
        if let Some(edit) = self.done.iter_mut().chain(&mut self.undone).find(|edit| edit.id == packed.id) {
            *edit = packed;
        }
    }

    pub(crate) fn can_undo(&self) -> bool {
        !self.done.is_empty()
    }

    pub(crate) fn can_redo(&self) -> bool {
        !self.undone.is_empty()
    }

    /// What it takes of memory.
    fn bytes(&self) -> usize {
        self.done.iter().chain(&self.undone).map(|edit| edit.bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::painter::mask::{Paint, Stroke};
    use crate::session::settings::Brush;

    const NONE: Margins = Margins { left: 0, top: 0, right: 0, bottom: 0 };

    fn stroke(bitmap: &mut Bitmap, brush: Brush, points: &[[f32; 2]]) -> Edit {
        let mut stroke = Stroke::begin(bitmap, brush, Paint::Mask, points[0]);
        stroke.follow(bitmap, &points[1..]);
        stroke.end(bitmap).expect("it changes something")
    }

    /// Packs whatever should be, as the background does.
    fn pack(history: &mut History) {
        while let Some(edit) = history.unpacked() {
            history.put_packed(edit.packed());
        }
    }

    #[test]
    fn the_windows_thread_waits_for_no_pool_of_threads() {
        // Every thread of the pool is held, as a step of the model holds them.
        let (release, held) = crossbeam_channel::bounded::<()>(0);
        let all = Arc::new(std::sync::Barrier::new(rayon::current_num_threads() + 1));
        let begun = all.clone();
        rayon::spawn_broadcast(move |_| {
            begun.wait();
            let _ = held.recv();
        });
        all.wait();
        let (tell, told) = crossbeam_channel::bounded(1);
        let undoing = std::thread::Builder::new().name("undoing".to_owned()).spawn(move || {
            let (mut bitmap, mut history, mut margins) = (Bitmap::blank(4096, 4096), History::default(), NONE);
            history.push(Edit::of_whole(&bitmap, margins));
            let soft = Brush { diameter: 1024.0, hardness: 0.0, opacity: 0.3 };
            history.push(stroke(&mut bitmap, soft, &[[0.0, 0.0], [4096.0, 4096.0]]));
            let undone = (0..2).filter(|_| history.undo(&mut bitmap, &mut margins)).count();
            let redone = (0..2).filter(|_| history.redo(&mut bitmap, &mut margins)).count();
            let _ = tell.send((undone, redone));
        });
        undoing.expect("a thread");
        let done = told.recv_timeout(std::time::Duration::from_mins(1));
        drop(release);
        assert_eq!(done, Ok((2, 2)), "undoing waited for the pool");
    }

    #[test]
    fn forty_strokes_are_undone_one_by_one_and_done_again() {
        let (mut bitmap, mut history, mut margins) = (Bitmap::blank(500, 400), History::default(), NONE);
        let mut states = vec![bitmap.pixels().to_vec()];
        for k in 0..40_u8 {
            let at = [7.0 * f32::from(k), 5.0 * f32::from(k)];
            history.push(stroke(&mut bitmap, Brush::default(), &[at, [at[0] + 30.0, at[1]]]));
            states.push(bitmap.pixels().to_vec());
        }
        for state in states.iter().rev().skip(1) {
            assert!(history.undo(&mut bitmap, &mut margins));
            assert_eq!(bitmap.pixels(), state);
        }
        assert!(!history.undo(&mut bitmap, &mut margins), "nothing is left");
        for state in &states[1..] {
            assert!(history.redo(&mut bitmap, &mut margins));
            assert_eq!(bitmap.pixels(), state);
        }
        assert!(!history.can_redo() && history.can_undo());
    }

    #[test]
    fn a_small_stroke_on_a_large_mask_takes_little() {
        let mut bitmap = Bitmap::blank(4096, 4096);
        let edit = stroke(&mut bitmap, Brush { diameter: 20.0, ..Brush::default() }, &[[2000.0, 2000.0]]);
        assert!(edit.bytes < 40_000, "{}", edit.bytes);
    }

    #[test]
    fn memory_stays_bounded_and_thirty_two_of_the_largest_strokes_can_be_undone() {
        let (mut bitmap, mut history, mut margins) = (Bitmap::blank(4096, 4096), History::default(), NONE);
        let soft = Brush { diameter: 1024.0, hardness: 0.0, opacity: 0.3 };
        for k in 0..33 {
            // From edge to edge, of which few squares are of one value.
            let at = (k * 100) as f32;
            let points = [[at, 0.0], [4096.0 - at, 4096.0]];
            history.push(stroke(&mut bitmap, soft, &points));
            assert!(history.bytes() <= CAP_BYTES);
            pack(&mut history);
        }
        let undo = |_: &usize| {
            let is_undone = history.undo(&mut bitmap, &mut margins);
            pack(&mut history);
            is_undone
        };
        let undone = (0..MOST).take_while(undo).count();
        assert!(undone >= LEAST, "{undone}");
        assert!(history.bytes() <= CAP_BYTES + CAP_BYTES / 8, "redoing takes as much: {}", history.bytes());
    }

    #[test]
    fn noise_that_nothing_packs_is_bounded_too() {
        let mut seed = 1_u64;
        let mut noise = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 56) as u8
        };
        let (mut bitmap, mut history) = (Bitmap::default(), History::default());
        for _ in 0..9 {
            let pixels = (0..8192 * 4096).map(|_| noise()).collect();
            history.push(Edit::of_whole(&bitmap, NONE));
            pack(&mut history);
            bitmap = Bitmap::of(8192, 4096, pixels);
            assert!(history.bytes() <= CAP_BYTES);
        }
        assert!(history.done.len() < 8, "the oldest are gone");
    }

    #[test]
    fn size_and_margins_come_back_too() {
        let (mut bitmap, mut history) = (Bitmap::of(3, 2, vec![1, 2, 3, 4, 5, 6]), History::default());
        let mut margins = NONE;
        history.push(Edit::of_whole(&bitmap, margins));
        bitmap.replace(4, 2, vec![9; 8], Area::default());
        margins.left = 1;
        assert!(history.undo(&mut bitmap, &mut margins));
        assert_eq!((bitmap.size(), bitmap.pixels(), margins), ((3, 2), &[1, 2, 3, 4, 5, 6][..], NONE));
        assert!(history.redo(&mut bitmap, &mut margins));
        assert_eq!((bitmap.size(), bitmap.pixels(), margins.left), ((4, 2), &[9; 8][..], 1));
    }
}
