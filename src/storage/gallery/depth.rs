//! The depth map that a picture was drawn by, kept in the picture's own PNG: a chunk of ours that other apps pass over.

use std::fs::File;
use std::io::{BufReader, Cursor};
use std::path::Path;

use image::{DynamicImage, GrayImage, ImageFormat, ImageReader, Limits};

use crate::base::error::{Error, Result};
use crate::content::imaging::png_chunks::{self, ChunkKind};

/// Optional, our own, and still true of the picture after an editor that doesn't know it.
const KIND: ChunkKind = *b"dpTh";

/// The most bytes of a depth map, packed and unpacked.
const LIMIT_BYTES: usize = 256 << 20;

/// A PNG with a depth map in it: a grey PNG.
pub(super) fn with_depth(file: Vec<u8>, depth: &GrayImage) -> Result<Vec<u8>> {
    let mut packed = Cursor::new(Vec::new());
    let written = depth.write_to(&mut packed, ImageFormat::Png);
    written.map_err(|cause| Error::new("the depth map can't be written").caused_by(cause))?;
    png_chunks::with_chunk(file, KIND, packed.get_ref())
}

/// The depth map in a PNG; `None` if there is none.
///
/// # Errors
/// The file can't be read, is no PNG, or its depth map is broken.
pub fn read_depth(path: &Path) -> Result<Option<GrayImage>> {
    let at = |error: Error| Error::new(format!("can't read the depth map of {}", path.display())).caused_by(error);
    let file = File::open(path).map_err(|cause| at(Error::new(cause.to_string())))?;
    let chunks = png_chunks::read(BufReader::new(file), &[KIND], LIMIT_BYTES).map_err(at)?;
    let Some((_, packed)) = chunks.into_iter().next() else { return Ok(None) };
    let mut reader = ImageReader::with_format(Cursor::new(packed), ImageFormat::Png);
    let mut limits = Limits::default();
    limits.max_alloc = Some(LIMIT_BYTES as u64);
    reader.limits(limits);
    match reader.decode() {
        Ok(DynamicImage::ImageLuma8(depth)) => Ok(Some(depth)),
        Ok(_) => Err(at(Error::new("it isn't grey"))),
        Err(cause) => Err(at(Error::new(cause.to_string()))),
    }
}

#[cfg(test)]
mod tests {
    use image::{Luma, RgbImage};

    use super::*;
    use crate::storage::gallery::testing::recipe;
    use crate::storage::gallery::{Destination, read_recipe, save, save_with_depth};

    #[test]
    fn a_depth_map_stays_with_its_picture() {
        let folder = tempfile::tempdir().expect("a folder");
        let destination = Destination::Folder(folder.path().to_owned());
        let picture = RgbImage::from_pixel(20, 10, image::Rgb([1, 2, 3]));
        let depth = GrayImage::from_fn(20, 10, |x, y| Luma([(x * 9 + y) as u8]));
        let entry = save_with_depth(&picture, Some(&depth), 0, recipe("a fox"), &destination).expect("saved");
        assert_eq!(read_depth(&entry.path).expect("a PNG"), Some(depth));
        assert_eq!(read_recipe(&entry.path).expect("a PNG"), Some(recipe("a fox")));
        assert_eq!(image::open(&entry.path).expect("any reader opens it").into_rgb8(), picture);
        let without = save(&picture, 0, recipe("a fox"), &destination).expect("saved");
        assert_eq!(read_depth(&without.path).expect("a PNG"), None);
    }

    #[test]
    fn a_broken_depth_map_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.png");
        let file = crate::content::imaging::png_text::encode(&RgbImage::new(2, 2), &[]).expect("a PNG");
        std::fs::write(&path, png_chunks::with_chunk(file, KIND, b"no PNG").expect("a PNG")).expect("written");
        assert!(read_depth(&path).expect_err("broken").to_string().starts_with("can't read the depth map of "));
    }
}
