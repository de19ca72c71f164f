//! What is done to all of a mask at once. On large masks it takes a while, so it is done on a thread that may take its time.

use std::path::{Path, PathBuf};

use image::imageops::FilterType;
use image::{GrayImage, Luma};
use rayon::prelude::*;

use super::bitmap::{Area, Bitmap};
use super::brush::Paint;
use super::history::Edit;
use super::{Point, polygon};
use crate::base::error::{Error, Result};
use crate::content::imaging::decode;
use crate::content::imaging::mask as shaping;
use crate::content::request::{Margins, Mask};

/// How much a pixel may differ from the one that was clicked and still be filled with it.
const FLOOD_TOLERANCE: u8 = 127;

/// What to do.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Operation {
    /// Exchange what is masked and what isn't.
    Invert,
    /// Mask everything, or nothing.
    All(Paint),
    /// Grow by so many pixels; shrink by negative ones.
    Grow(i32),
    /// Soften the edge by a Gaussian of this radius, in pixels.
    Feather(f64),
    /// Fill a closed line.
    Polygon { points: Vec<Point>, paint: Paint, opacity: f32 },
    /// Fill what looks like the pixel at a point and hangs together with it: the inside of an outline, or its outside.
    Flood { at: Point, paint: Paint, opacity: f32 },
    /// Mask where a picture is transparent. Its margins stay as they are.
    Alpha(PathBuf),
    /// Take a picture as the mask, white being masked.
    Picture(PathBuf),
    /// Other margins; what is new is masked.
    Extend(Margins),
    /// Stretch the mask to this width and height.
    Scale(usize, usize),
    /// An empty mask of this width and height.
    Anew(usize, usize),
}

/// An operation on a mask.
#[derive(Clone, Debug)]
pub(crate) struct MaskWork {
    /// To tell its result from those of others.
    pub id: u64,
    pub operation: Operation,
    pub mask: Mask,
    /// The picture's margins that the mask stands for.
    pub margins: Margins,
}

/// What has come of it.
#[derive(Debug)]
pub(crate) struct Worked {
    pub id: u64,
    /// The new mask, to be shown and painted on.
    pub bitmap: Bitmap,
    /// The same, to be kept.
    pub mask: Mask,
    pub margins: Margins,
    /// How to undo it, and what changed; `None` if nothing did.
    pub edit: Option<(Edit, Area)>,
    /// Something to tell the user.
    pub note: Option<String>,
}

impl MaskWork {
    /// Does it.
    ///
    /// # Errors
    /// A picture that it needs can't be read, or the mask would be too large.
    pub(crate) fn run(self) -> Result<Worked> {
        let before = self.mask.pixels();
        let (after, margins, note) = self.operation.apply(before, self.margins)?;
        let (old, new) = (Bitmap::from_image(before), Bitmap::from_image(&after));
        let edit = if old.size() == new.size() && margins == self.margins {
            Edit::between(&old, &new)
        } else {
            Some((Edit::of_whole(&old, self.margins), Area::whole(new.size().0, new.size().1)))
        };
        Ok(Worked { id: self.id, bitmap: new, mask: Mask::new(after), margins, edit, note })
    }
}

impl Operation {
    /// The mask and margins after it, and what there is to say.
    fn apply(&self, mask: &GrayImage, margins: Margins) -> Result<(GrayImage, Margins, Option<String>)> {
        let mut note = None;
        let after = match self {
            Self::Invert => map(mask, |pixel| 255 - pixel),
            Self::All(paint) => map(mask, |_| paint.value()),
            Self::Grow(pixels) => shaping::grow(mask, *pixels),
            Self::Feather(radius) => shaping::blur(mask, *radius),
            Self::Polygon { points, paint, opacity } => {
                let cover = polygon::cover(points, mask.width() as usize, mask.height() as usize);
                painted(mask, &cover, *paint, *opacity)
            }
            Self::Flood { at, paint, opacity } => painted(mask, &flooded(mask, *at), *paint, *opacity),
            Self::Alpha(path) => with_alpha(mask, margins, path)?,
            Self::Picture(path) => {
                let (picture, told) = from_picture(mask, margins, path)?;
                note = told;
                picture
            }
            Self::Extend(to) => return Ok((extended(mask, margins, *to)?, *to, None)),
            Self::Scale(width, height) => scaled(mask, *width, *height),
            Self::Anew(width, height) => GrayImage::new(*width as u32, *height as u32),
        };
        Ok((after, margins, note))
    }
}

fn map(mask: &GrayImage, change: impl Fn(u8) -> u8 + Sync) -> GrayImage {
    let pixels = mask.as_raw().par_iter().map(|pixel| change(*pixel)).collect();
    GrayImage::from_raw(mask.width(), mask.height(), pixels).unwrap_or_default()
}

/// The mask painted where `cover` says so.
fn painted(mask: &GrayImage, cover: &GrayImage, paint: Paint, opacity: f32) -> GrayImage {
    let (value, opacity) = (f32::from(paint.value()), opacity / 255.0);
    let pixels = mask.as_raw().par_iter().zip(cover.as_raw());
    let pixels = pixels.map(|(pixel, cover)| {
        let before = f32::from(*pixel);
        (before + (value - before) * f32::from(*cover) * opacity + 0.5) as u8
    });
    GrayImage::from_raw(mask.width(), mask.height(), pixels.collect()).unwrap_or_default()
}

/// The pixels that hang together with the one at a point by their sides and look like it: row by row, each span of them once.
fn flooded(mask: &GrayImage, at: Point) -> GrayImage {
    let (width, height) = mask.dimensions();
    let mut filled = GrayImage::new(width, height);
    let [x, y] = at.map(f32::floor);
    if !(0.0..width as f32).contains(&x) || !(0.0..height as f32).contains(&y) {
        return filled;
    }
    let (x, y) = (x as u32, y as u32);
    let seed = mask.get_pixel(x, y).0[0];
    let is_open = |filled: &GrayImage, x: u32, y: u32| {
        filled.get_pixel(x, y).0[0] == 0 && mask.get_pixel(x, y).0[0].abs_diff(seed) <= FLOOD_TOLERANCE
    };
    let mut starts = vec![(x, y)];
    while let Some((x, y)) = starts.pop() {
        if !is_open(&filled, x, y) {
            continue;
        }
        let left = (0..x).rev().take_while(|x| is_open(&filled, *x, y)).last().unwrap_or(x);
        let right = (x..width).take_while(|x| is_open(&filled, *x, y)).last().unwrap_or(x);
        (left..=right).for_each(|x| filled.put_pixel(x, y, Luma([255])));
        for next in [y.checked_sub(1), Some(y + 1).filter(|y| *y < height)].into_iter().flatten() {
            let mut was_open = false;
            for x in left..=right {
                let open = is_open(&filled, x, next);
                if open && !was_open {
                    starts.push((x, next));
                }
                was_open = open;
            }
        }
    }
    filled
}

/// The mask with what a picture's alpha says in the picture's place.
fn with_alpha(mask: &GrayImage, margins: Margins, path: &Path) -> Result<GrayImage> {
    let picture = decode::decode(path)?;
    if !picture.color().has_alpha() {
        return Err(Error::new(format!("the picture has no transparent parts: {}", path.display())));
    }
    let mut alpha = GrayImage::new(picture.width(), picture.height());
    for (hole, pixel) in alpha.pixels_mut().zip(picture.into_rgba8().pixels()) {
        hole.0[0] = 255 - pixel.0[3];
    }
    let mut after = mask.clone();
    put(&mut after, &alpha, Margins::default(), margins);
    Ok(after)
}

/// A picture as the mask: in the place of the picture if it has its size, and else over everything.
fn from_picture(mask: &GrayImage, margins: Margins, path: &Path) -> Result<(GrayImage, Option<String>)> {
    let picture = decode::grey(path)?;
    let (width, height) = mask.dimensions();
    let own = margins.around(picture.width() as usize, picture.height() as usize);
    if picture.dimensions() == (width, height) {
        return Ok((picture, None));
    }
    if own == (width as usize, height as usize) {
        let mut after = mask.clone();
        put(&mut after, &picture, Margins::default(), margins);
        return Ok((after, None));
    }
    let (had_width, had_height) = picture.dimensions();
    let note = format!("The mask was {had_width} × {had_height} and is scaled to {width} × {height}");
    Ok((scaled(&picture, width as usize, height as usize), Some(note)))
}

/// The mask of a picture that has other margins now.
fn extended(mask: &GrayImage, from: Margins, to: Margins) -> Result<GrayImage> {
    let (width, height) = (mask.width() as usize, mask.height() as usize);
    let inner = (width.checked_sub(from.left + from.right), height.checked_sub(from.top + from.bottom));
    let (Some(inner_width), Some(inner_height)) = inner else {
        return Err(Error::new("the mask is smaller than the picture's margins"));
    };
    let (width, height) = to.around(inner_width, inner_height);
    if width * height > crate::content::request::MAX_MASK_PIXELS {
        return Err(Error::new(format!("the mask would be too large: {width} x {height} pixels")));
    }
    let mut after = GrayImage::from_pixel(width as u32, height as u32, Luma([255]));
    put(&mut after, mask, from, to);
    Ok(after)
}

/// Puts what has some margins into the place of what has others.
fn put(into: &mut GrayImage, what: &GrayImage, from: Margins, to: Margins) {
    // The sides of pictures are far below what overflows.
    let at = |to: usize, from: usize| to.cast_signed() as i64 - from.cast_signed() as i64;
    image::imageops::replace(into, what, at(to.left, from.left), at(to.top, from.top));
}

fn scaled(mask: &GrayImage, width: usize, height: usize) -> GrayImage {
    if mask.is_empty() {
        return GrayImage::new(width as u32, height as u32);
    }
    image::imageops::resize(mask, width as u32, height as u32, FilterType::Triangle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(operation: Operation, mask: &GrayImage, margins: Margins) -> Result<Worked> {
        MaskWork { id: 1, operation, mask: Mask::new(mask.clone()), margins }.run()
    }

    fn after(operation: Operation, mask: &GrayImage) -> GrayImage {
        work(operation, mask, Margins::default()).expect("it can be done").mask.pixels().clone()
    }

    /// An outline of 10 to 30, two pixels wide, in 40 x 40.
    fn ring() -> GrayImage {
        let on = |at: u32| (10..30).contains(&at);
        let inner = |at: u32| (12..28).contains(&at);
        GrayImage::from_fn(40, 40, |x, y| Luma([if on(x) && on(y) && !(inner(x) && inner(y)) { 255 } else { 0 }]))
    }

    #[test]
    fn inverting_twice_gives_the_mask_back_and_clearing_leaves_nothing() {
        let mask = GrayImage::from_fn(101, 70, |x, y| Luma([(x * 3 + y) as u8]));
        assert_eq!(after(Operation::Invert, &after(Operation::Invert, &mask)), mask);
        assert!(after(Operation::All(Paint::Erase), &mask).as_raw().iter().all(|pixel| *pixel == 0));
        assert!(after(Operation::All(Paint::Mask), &mask).as_raw().iter().all(|pixel| *pixel == 255));
    }

    #[test]
    fn a_click_into_an_outline_fills_it_and_one_outside_fills_the_rest() {
        let fill = |at, paint| after(Operation::Flood { at, paint, opacity: 1.0 }, &ring());
        let count = |mask: &GrayImage| mask.pixels().filter(|pixel| pixel.0[0] == 255).count();
        assert_eq!(count(&fill([20.0, 20.0], Paint::Mask)), 20 * 20);
        assert_eq!(count(&fill([1.0, 1.0], Paint::Mask)), 40 * 40 - 16 * 16);
        assert_eq!(count(&fill([11.0, 11.0], Paint::Erase)), 0, "the outline itself");
        assert_eq!(fill([-1.0, 90.0], Paint::Mask), ring(), "beside the mask nothing is filled");
    }

    #[test]
    fn an_operation_tells_how_to_undo_it_and_what_it_changed() {
        let points = vec![[3.0, 3.0], [9.0, 3.0], [9.0, 9.0], [3.0, 9.0]];
        let polygon = Operation::Polygon { points, paint: Paint::Mask, opacity: 0.5 };
        let done = work(polygon, &GrayImage::new(200, 200), Margins::default()).expect("it can be done");
        assert_eq!([done.bitmap.get(5, 5), done.bitmap.get(9, 9)], [Some(128), Some(0)]);
        let (_, area) = done.edit.expect("something changed");
        assert_eq!(area, Area { left: 0, top: 0, right: 64, bottom: 64 });
        assert!(
            work(Operation::All(Paint::Erase), &GrayImage::new(9, 9), Margins::default()).expect("done").edit.is_none()
        );
    }

    #[test]
    fn margins_grow_and_shrink_around_what_is_painted() {
        let mask = GrayImage::from_fn(4, 3, |x, y| Luma([(10 * y + x) as u8]));
        let margins = Margins { left: 2, top: 1, right: 0, bottom: 0 };
        let grown = work(Operation::Extend(margins), &mask, Margins::default()).expect("it can be done");
        assert_eq!((grown.margins, grown.bitmap.size()), (margins, (6, 4)));
        assert_eq!(
            [grown.bitmap.get(0, 0), grown.bitmap.get(2, 1), grown.bitmap.get(5, 3)],
            [Some(255), Some(0), Some(23)]
        );
        let back = work(Operation::Extend(Margins::default()), grown.mask.pixels(), margins).expect("it can be done");
        assert_eq!(*back.mask.pixels(), mask);
        let large = Margins { left: 1 << 20, top: 1 << 20, ..Margins::default() };
        assert!(work(Operation::Extend(large), &mask, Margins::default()).is_err());
    }

    #[test]
    fn a_pictures_transparent_parts_and_a_masks_file_become_the_mask() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        let holed = image::RgbaImage::from_fn(4, 3, |x, _| image::Rgba([9, 9, 9, if x == 2 { 0 } else { 255 }]));
        holed.save(path("holed.png")).expect("written");
        let margins = Margins { left: 1, ..Margins::default() };
        let mask = GrayImage::from_pixel(5, 3, Luma([200]));
        let done = work(Operation::Alpha(path("holed.png")), &mask, margins).expect("it has alpha");
        assert_eq!(done.bitmap.pixels()[..5], [200, 0, 0, 255, 0]);
        let opaque = image::RgbImage::new(4, 3);
        opaque.save(path("opaque.png")).expect("written");
        let error = work(Operation::Alpha(path("opaque.png")), &mask, margins).expect_err("it has none");
        assert!(error.to_string().starts_with("the picture has no transparent parts"), "{error}");

        GrayImage::from_fn(10, 6, |x, _| Luma([if x < 5 { 0 } else { 255 }])).save(path("mask.png")).expect("written");
        let done = work(Operation::Picture(path("mask.png")), &mask, margins).expect("a mask");
        assert_eq!((done.bitmap.size(), done.bitmap.get(0, 0), done.bitmap.get(4, 2)), ((5, 3), Some(0), Some(255)));
        assert_eq!(done.note.as_deref(), Some("The mask was 10 × 6 and is scaled to 5 × 3"));
        let whole = work(Operation::Picture(path("holed.png")), &mask, margins).expect("a mask");
        assert_eq!((whole.bitmap.get(0, 0), whole.bitmap.get(1, 0), whole.note), (Some(200), Some(255), None));
        assert!(work(Operation::Picture(path("gone.png")), &mask, margins).is_err());
    }
}
