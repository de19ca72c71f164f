//! The chunks of a PNG file. Pixels are skipped unread, so that the cost doesn't depend on the size of the picture.
//!
//! Limits: checksums aren't checked, so that a damaged text is read as it is; everything after the end chunk is
//! ignored.

use std::io::{BufRead, Read, Seek};

use flate2::Crc;

use crate::base::error::{Error, Result};

/// The four letters of a chunk's type. A capital first letter means that the picture can't be shown without it.
pub type ChunkKind = [u8; 4];

/// The first bytes of a PNG.
pub const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

const HEADER: ChunkKind = *b"IHDR";
const END: ChunkKind = *b"IEND";

/// The optional chunks that affect the look of a picture: transparency, colour spaces, pixel shape, animation.
const LOOKS: [ChunkKind; 13] = [
    *b"tRNS", *b"gAMA", *b"cHRM", *b"sRGB", *b"iCCP", *b"cICP", *b"mDCV", *b"cLLI", *b"sBIT", *b"pHYs", *b"acTL",
    *b"fcTL", *b"fdAT",
];

/// Reads the contents of the chunks of the `wanted` kinds, in the order of the file.
///
/// # Errors
/// It is not a PNG, it ends too early, or these chunks have more than `limit` bytes together.
pub fn read(mut file: impl BufRead + Seek, wanted: &[ChunkKind], limit: usize) -> Result<Vec<(ChunkKind, Vec<u8>)>> {
    let mut signature = [0; SIGNATURE.len()];
    file.read_exact(&mut signature).map_err(ends_early)?;
    if signature != SIGNATURE {
        return Err(no_png());
    }
    let (mut chunks, mut left, mut is_first) = (Vec::new(), limit, true);
    loop {
        let mut head = [0; 8];
        file.read_exact(&mut head).map_err(ends_early)?;
        let (length, kind) = split_head(head);
        if is_first && kind != HEADER {
            return Err(no_png());
        }
        is_first = false;
        if kind == END {
            return Ok(chunks);
        }
        if wanted.contains(&kind) {
            left = left.checked_sub(length as usize).ok_or_else(too_large)?;
            let mut content = Vec::new();
            // Grows as it reads: the length in the file may be wrong.
            let read = (&mut file).take(u64::from(length)).read_to_end(&mut content).map_err(ends_early)?;
            if read < length as usize {
                return Err(Error::new("This PNG ends in the middle of a text"));
            }
            chunks.push((kind, content));
        } else {
            file.seek_relative(i64::from(length)).map_err(ends_early)?;
        }
        // Skips the checksum.
        file.seek_relative(4).map_err(ends_early)?;
    }
}

/// Adds a chunk at the end of a PNG.
///
/// # Errors
/// It is not a complete PNG, or the chunk is longer than PNG allows.
pub fn with_chunk(mut file: Vec<u8>, kind: ChunkKind, content: &[u8]) -> Result<Vec<u8>> {
    // The end chunk is empty: length, kind and checksum.
    let end = file.len().checked_sub(12).filter(|end| file.get(end + 4..end + 8) == Some(&END)).ok_or_else(no_png)?;
    let length = u32::try_from(content.len()).map_err(|_| too_large())?;
    let mut checksum = Crc::new();
    checksum.update(&kind);
    checksum.update(content);
    let chunk = [&length.to_be_bytes()[..], &kind, content, &checksum.sum().to_be_bytes()].concat();
    file.splice(end..end, chunk);
    Ok(file)
}

/// Copies a PNG without its metadata: the pixels stay byte for byte, and so do the chunks that affect their look.
///
/// # Errors
/// It is not a PNG, or it ends too early.
pub fn without_metadata(file: &[u8]) -> Result<Vec<u8>> {
    let mut rest = file.strip_prefix(&SIGNATURE).ok_or_else(no_png)?;
    let mut copy = SIGNATURE.to_vec();
    loop {
        let early = || Error::new("This PNG ends too early");
        let (length, kind) = split_head(*rest.first_chunk().ok_or_else(early)?);
        let (chunk, after) = rest.split_at_checked(length as usize + 12).ok_or_else(early)?;
        if kind.first().is_some_and(u8::is_ascii_uppercase) || LOOKS.contains(&kind) {
            copy.extend_from_slice(chunk);
        }
        if kind == END {
            return Ok(copy);
        }
        rest = after;
    }
}

/// Splits the head of a chunk into its length and kind.
fn split_head(head: [u8; 8]) -> (u32, ChunkKind) {
    let [a, b, c, d, kind @ ..] = head;
    (u32::from_be_bytes([a, b, c, d]), kind)
}

/// Makes the error that chunks, or what they unpack to, are larger than the reader allows.
pub(super) fn too_large() -> Error {
    Error::new("The texts in this PNG are larger than any settings")
}

fn no_png() -> Error {
    Error::new("This is not a PNG file")
}

fn ends_early(cause: std::io::Error) -> Error {
    match cause.kind() {
        std::io::ErrorKind::UnexpectedEof => Error::new("This PNG ends too early"),
        _ => Error::new("This PNG can't be read").caused_by(cause),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn chunk(kind: ChunkKind, content: &[u8]) -> Vec<u8> {
        let length = u32::try_from(content.len()).expect("short");
        [&length.to_be_bytes(), &kind[..], content, &[0; 4]].concat()
    }

    /// A PNG whose header promises 30,000 x 30,000 pixels of which there are none.
    fn huge(chunks: &[Vec<u8>]) -> Vec<u8> {
        let side = 30_000_u32.to_be_bytes();
        let header = chunk(HEADER, &[&side[..], &side, &[8, 2, 0, 0, 0]].concat());
        [&SIGNATURE[..], &header, &chunks.concat(), &chunk(END, b"")].concat()
    }

    fn texts(file: &[u8]) -> Result<Vec<(ChunkKind, Vec<u8>)>> {
        read(Cursor::new(file), &[*b"tEXt"], 100)
    }

    #[test]
    fn chunks_before_and_after_the_pixels_of_a_huge_picture_are_found_without_reading_them() {
        let file = huge(&[chunk(*b"tEXt", b"a\0b"), chunk(*b"IDAT", b"no deflate stream"), chunk(*b"tEXt", b"c\0d")]);
        assert_eq!(texts(&file).expect("a PNG"), [(*b"tEXt", b"a\0b".to_vec()), (*b"tEXt", b"c\0d".to_vec())]);
    }

    #[test]
    fn a_length_that_lies_is_an_error_and_takes_no_memory() {
        for (kind, words) in [(*b"tEXt", "larger than any settings"), (*b"IDAT", "ends too early")] {
            let lie = [&u32::MAX.to_be_bytes()[..], &kind, b"x"].concat();
            let error = texts(&huge(&[lie])).expect_err("there is no such chunk").to_string();
            assert!(error.contains(words), "{error}");
        }
        let short = [&90_u32.to_be_bytes()[..], b"tEXt", b"x"].concat();
        assert!(texts(&huge(&[short])).expect_err("too short").to_string().contains("in the middle of a text"));
        assert!(texts(&huge(&[chunk(*b"tEXt", &[0; 60]), chunk(*b"tEXt", &[0; 60])])).is_err(), "the limit is for all");
    }

    #[test]
    fn a_chunk_at_the_end_is_found_and_harms_no_reader() {
        let picture = image::RgbImage::from_pixel(3, 2, image::Rgb([1, 2, 3]));
        let file = crate::content::imaging::png_text::encode(&picture, &[("a", "b")]).expect("a PNG");
        let file = with_chunk(file, *b"dpTh", b"depth").expect("a PNG");
        let found = read(Cursor::new(&file), &[*b"dpTh"], 100).expect("a PNG");
        assert_eq!(found, [(*b"dpTh", b"depth".to_vec())]);
        // It checks the checksums.
        assert_eq!(image::load_from_memory(&file).expect("any reader opens it").into_rgb8(), picture);
        assert!(with_chunk(b"GIF89a".to_vec(), *b"dpTh", b"").is_err());
    }

    #[test]
    fn what_is_no_png_is_an_error() {
        for file in [&b""[..], b"GIF89a", b"\x89PNG\r\n\x1a\n", &[&SIGNATURE[..], &chunk(END, b"")].concat()] {
            assert!(texts(file).is_err());
            assert!(without_metadata(file).is_err() || file.len() > SIGNATURE.len());
        }
    }

    #[test]
    fn a_copy_without_metadata_keeps_pixels_and_colours_only() {
        let kept = [chunk(*b"gAMA", &[0, 0, 1, 2]), chunk(*b"IDAT", b"pixels")];
        let file = huge(&[kept[0].clone(), chunk(*b"tEXt", b"a\0b"), chunk(*b"eXIf", b"MM"), kept[1].clone()]);
        assert_eq!(without_metadata(&file).expect("a PNG"), huge(&kept));
        assert!(without_metadata(&file[..file.len() - 1]).is_err());
    }
}
