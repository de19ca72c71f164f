//! The pixels of a picture's file, within a limit of memory.
//!
//! The kind is told by the content, and a photograph is turned as its camera was held.

use std::fs;
use std::io::BufReader;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use image::{DynamicImage, ImageDecoder, ImageReader, Limits};

use crate::error::{Error, Result};

/// The most memory that a picture's pixels may take: about 13,000 by 13,000 in three colours.
const LIMIT_BYTES: u64 = 512 << 20;

/// Decodes a file.
///
/// # Errors
/// It can't be read, is no picture, is broken, or has more pixels than can be shown.
pub fn decode(path: &Path) -> Result<DynamicImage> {
    caught(|| decode_unguarded(path)).unwrap_or_else(|| {
        Err(Error::new(format!("this is no picture that can be shown: {}", path.display()))
            .caused_by(Error::new("its decoder broke down")))
    })
}

/// Does what reads a file with a decoder that isn't ours. A decoder that panics on a file that was made to break it costs
/// that file, and not the thread that shows all others. `None` is the panic.
pub(super) fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

fn decode_unguarded(path: &Path) -> Result<DynamicImage> {
    let failed = |cause: std::io::Error| Error::new(format!("can't read {}", path.display())).caused_by(cause);
    let broken = |cause: image::ImageError| {
        // Its words hold those of its own causes already.
        let cause = Error::new(cause.to_string());
        Error::new(format!("this is no picture that can be shown: {}", path.display())).caused_by(cause)
    };
    let file = fs::File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    if length > LIMIT_BYTES {
        // Some decoders read all of it first.
        return Err(Error::new(format!("the file is too large to be shown ({} MB): {}", length >> 20, path.display())));
    }
    let mut reader = ImageReader::new(BufReader::new(file)).with_guessed_format().map_err(failed)?;
    let mut limits = Limits::no_limits();
    // What a decoder needs beside the pixels, a row or a palette, comes on top.
    limits.max_alloc = Some(LIMIT_BYTES * 2);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(broken)?;
    let (width, height) = decoder.dimensions();
    if decoder.total_bytes() > LIMIT_BYTES {
        return Err(Error::new(format!(
            "the picture is too large to be shown ({width} x {height} pixels): {}",
            path.display()
        )));
    }
    let orientation = decoder.orientation().map_err(broken)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(broken)?;
    image.apply_orientation(orientation);
    Ok(image)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::testing::png_file;

    fn complaint(bytes: &[u8]) -> String {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.png");
        fs::write(&path, bytes).expect("written");
        decode(&path).expect_err("it can't be shown").to_string()
    }

    /// A PNG file whose header says `side` by `side`, with no pixels.
    fn giant(side: u32) -> Vec<u8> {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, side, side);
        encoder.set_color(png::ColorType::Rgb);
        drop(encoder.write_header().expect("a header"));
        // An empty chunk of them, and its checksum.
        file.truncate(33);
        file.extend(b"\0\0\0\0IDAT\x35\xaf\x06\x1e");
        file
    }

    #[test]
    fn a_giant_is_refused_by_its_size_without_taking_its_memory() {
        let message = complaint(&giant(30_000));
        assert!(message.starts_with("the picture is too large to be shown (30000 x 30000 pixels): "), "{message}");
    }

    #[test]
    fn a_decoder_that_panics_is_survived() {
        assert_eq!(caught(|| Vec::<u8>::new()[0]), None);
        assert_eq!(caught(|| 7), Some(7));
    }

    #[test]
    fn what_is_no_picture_or_half_of_one_is_said() {
        let file = png_file(64, 64, None);
        for bytes in [&b""[..], b"GIF89a", b"notes", &file[..40], &file[..file.len() - 20], &giant(8)] {
            let message = complaint(bytes);
            assert!(message.starts_with("this is no picture that can be shown: "), "{message}");
        }
        assert!(decode(Path::new("gone.png")).expect_err("gone").to_string().starts_with("can't read gone.png"));
    }
}
