//! PNG files with text chunks.
//!
//! Pictures are written in 8-bit RGB. A text goes into a `tEXt` chunk where Latin-1 can represent it and else into an
//! `iTXt` chunk, as with Pillow, whose files every tool reads. `tEXt`, `zTXt` and `iTXt` are read, before and after the
//! pixels, and so are two mistakes of other apps: UTF-8 in a chunk for Latin-1, and invalid characters.

use std::io::{BufRead, Read, Seek};

use flate2::read::ZlibDecoder;
use image::RgbImage;

use super::png_chunks::{self, ChunkKind};
use super::xmp;
use crate::base::error::{Error, Result};

/// The keyword of the text that AUTOMATIC1111's web UI introduced and nearly every tool reads.
pub const PARAMETERS: &str = "parameters";

/// The keyword of our own recipe in JSON.
pub const BURNISHER: &str = "burnisher";

/// The kinds of chunks that have texts.
pub(crate) const KINDS: [ChunkKind; 3] = [*b"tEXt", *b"zTXt", *b"iTXt"];

/// The most bytes that a file's texts may take: far more than any recipe, far less than a malicious file asks for.
pub(crate) const READ_LIMIT_BYTES: usize = 64 << 20;

/// Encodes a PNG file of `picture` with `(keyword, text)` chunks, in this order.
///
/// # Errors
/// PNG can't represent a keyword or text, or the picture has no pixels.
pub fn encode(picture: &RgbImage, texts: &[(&str, &str)]) -> Result<Vec<u8>> {
    let mut file = Vec::new();
    write(picture, texts, &mut file)
        .map_err(|cause| Error::new("The picture can't be encoded as PNG").caused_by(cause))?;
    Ok(file)
}

fn write(picture: &RgbImage, texts: &[(&str, &str)], file: &mut Vec<u8>) -> Result<(), png::EncodingError> {
    let mut encoder = png::Encoder::new(file, picture.width(), picture.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    for (keyword, text) in texts {
        if *keyword != xmp::KEYWORD && is_plainly_latin_1(text) {
            encoder.add_text_chunk((*keyword).to_owned(), (*text).to_owned())?;
        } else {
            encoder.add_itxt_chunk((*keyword).to_owned(), (*text).to_owned())?;
        }
    }
    let mut writer = encoder.write_header()?;
    writer.write_image_data(picture.as_raw())?;
    writer.finish()
}

/// Returns whether Latin-1 can represent a text, and its bytes can't be mistaken for UTF-8.
fn is_plainly_latin_1(text: &str) -> bool {
    let bytes: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(c).ok()).collect();
    bytes.is_some_and(|bytes| text.is_ascii() || str::from_utf8(&bytes).is_err())
}

/// Reads the texts of a PNG file as `(keyword, text)`, in the order of the file. Pixels are skipped, and so are texts
/// that are too damaged to be unpacked.
///
/// # Errors
/// It is not a PNG, it is damaged, or its texts are larger than any recipe.
pub fn read_texts(file: impl BufRead + Seek) -> Result<Vec<(String, String)>> {
    decode_all(&png_chunks::read(file, &KINDS, READ_LIMIT_BYTES)?)
}

/// Decodes the texts of these chunks. Chunks of other kinds, and those that can't be understood, are skipped.
///
/// # Errors
/// They unpack to more than any recipe.
pub(crate) fn decode_all(chunks: &[(ChunkKind, Vec<u8>)]) -> Result<Vec<(String, String)>> {
    let (mut texts, mut left) = (Vec::new(), READ_LIMIT_BYTES);
    for (kind, content) in chunks {
        let Some((keyword, text)) = split(content) else { continue };
        let text = match kind {
            b"tEXt" => Some(decode_latin_1(text)),
            b"zTXt" => match text {
                [0, packed @ ..] => unpack(packed, left)?.map(|text| decode_latin_1(&text)),
                _ => None,
            },
            b"iTXt" => decode_itxt(text, left)?,
            _ => None,
        };
        let Some(text) = text else { continue };
        left = left.checked_sub(text.len()).ok_or_else(png_chunks::too_large)?;
        texts.push((decode_latin_1(keyword), text));
    }
    Ok(texts)
}

/// Decodes the rest of an `iTXt` chunk: whether it is packed, how, the language, the keyword in that language, and the
/// text.
fn decode_itxt(content: &[u8], limit: usize) -> Result<Option<String>> {
    let [is_packed, _, rest @ ..] = content else { return Ok(None) };
    let Some((_, text)) = split(rest).and_then(|(_language, rest)| split(rest)) else { return Ok(None) };
    let text = if *is_packed == 1 { unpack(text, limit)? } else { Some(text.to_vec()) };
    Ok(text.map(|text| String::from_utf8_lossy(&text).into_owned()))
}

/// Splits bytes at the first zero.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let zero = bytes.iter().position(|byte| *byte == 0)?;
    Some((bytes.get(..zero)?, bytes.get(zero + 1..)?))
}

/// Unpacks a deflated text. Gives `None` if it is damaged.
fn unpack(packed: &[u8], limit: usize) -> Result<Option<Vec<u8>>> {
    let mut text = Vec::new();
    let read = ZlibDecoder::new(packed).take(limit as u64 + 1).read_to_end(&mut text);
    if text.len() > limit { Err(png_chunks::too_large()) } else { Ok(read.is_ok().then_some(text)) }
}

/// Decodes Latin-1, or UTF-8 where the bytes are valid UTF-8: such accents make no sense in Latin-1.
pub(crate) fn decode_latin_1(bytes: &[u8]) -> String {
    str::from_utf8(bytes).map_or_else(|_| bytes.iter().copied().map(char::from).collect(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn picture() -> RgbImage {
        RgbImage::from_fn(5, 3, |x, y| image::Rgb([x as u8 * 50, y as u8 * 80, 7]))
    }

    fn texts_of(file: &[u8]) -> Vec<(String, String)> {
        read_texts(Cursor::new(file)).expect("a PNG")
    }

    #[test]
    fn latin_1_goes_into_text_and_the_rest_into_itxt() {
        let latin = encode(&picture(), &[(PARAMETERS, "café\nSteps: 1")]).expect("a PNG");
        assert!(latin.windows(4).any(|w| w == b"tEXt") && !latin.windows(4).any(|w| w == b"iTXt"));
        assert!(latin.windows(4).any(|w| w == b"caf\xe9"));
        let wide = encode(&picture(), &[(PARAMETERS, "猫 🦊")]).expect("a PNG");
        assert!(wide.windows(4).any(|w| w == b"iTXt") && !wide.windows(4).any(|w| w == b"tEXt"));
        assert_eq!(texts_of(&latin), [(PARAMETERS.to_owned(), "café\nSteps: 1".to_owned())]);
        assert_eq!(texts_of(&wide), [(PARAMETERS.to_owned(), "猫 🦊".to_owned())]);
    }

    #[test]
    fn the_pixels_are_the_pictures() {
        let file = encode(&picture(), &[(PARAMETERS, "x"), (BURNISHER, "{}")]).expect("a PNG");
        assert_eq!(image::load_from_memory(&file).expect("any reader opens it").to_rgb8(), picture());
    }

    #[test]
    fn compressed_texts_and_texts_after_the_pixels_are_read() {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, 5, 3);
        encoder.set_color(png::ColorType::Rgb);
        encoder.add_ztxt_chunk("Comment".into(), "zipped".into()).expect("a chunk");
        let mut writer = encoder.write_header().expect("a header");
        writer.write_image_data(picture().as_raw()).expect("pixels");
        writer.write_text_chunk(&png::text_metadata::TEXtChunk::new("Late", "after")).expect("a chunk");
        writer.finish().expect("an end");
        let expected = [("Comment", "zipped"), ("Late", "after")].map(|(k, t)| (k.to_owned(), t.to_owned()));
        assert_eq!(texts_of(&file), expected);
    }

    #[test]
    fn what_is_no_png_or_half_of_one_is_refused() {
        let file = encode(&picture(), &[(PARAMETERS, "x")]).expect("a PNG");
        assert!(read_texts(Cursor::new(b"GIF89a")).is_err());
        assert!(read_texts(Cursor::new(b"")).is_err());
        assert!(read_texts(Cursor::new(&file[..file.len() / 2])).is_err());
    }

    #[test]
    fn a_text_that_unpacks_to_a_giant_is_refused() {
        let giant = "a".repeat(READ_LIMIT_BYTES + 1);
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, 5, 3);
        encoder.set_color(png::ColorType::Rgb);
        encoder.add_ztxt_chunk("Bomb".into(), giant).expect("a chunk");
        let mut writer = encoder.write_header().expect("a header");
        writer.write_image_data(picture().as_raw()).expect("pixels");
        writer.finish().expect("an end");
        assert!(file.len() < 1 << 20, "it is a small file");
        assert!(read_texts(Cursor::new(file)).is_err());
    }

    /// A PNG with these chunks before its pixels.
    fn with_chunks(chunks: &[(ChunkKind, &[u8])]) -> Vec<u8> {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, 5, 3);
        encoder.set_color(png::ColorType::Rgb);
        let mut writer = encoder.write_header().expect("a header");
        for (kind, content) in chunks {
            writer.write_chunk(png::chunk::ChunkType(*kind), content).expect("a chunk");
        }
        writer.write_image_data(picture().as_raw()).expect("pixels");
        writer.finish().expect("an end");
        file
    }

    #[test]
    fn utf_8_in_the_wrong_chunk_and_broken_utf_8_in_the_right_one_are_read() {
        let file = with_chunks(&[(*b"tEXt", "a\0猫 é".as_bytes()), (*b"iTXt", b"b\0\0\0\0\0x\xff\xfey")]);
        let expected = [("a", "猫 é"), ("b", "x\u{fffd}\u{fffd}y")].map(|(k, t)| (k.to_owned(), t.to_owned()));
        assert_eq!(texts_of(&file), expected);
        // Latin-1 whose bytes could be taken for UTF-8 comes back as it was.
        assert_eq!(texts_of(&encode(&picture(), &[("x", "Ã©")]).expect("a PNG"))[0].1, "Ã©");
    }

    #[test]
    fn texts_that_make_no_sense_are_passed_over() {
        let file = with_chunks(&[
            (*b"tEXt", b"no zero"),
            (*b"zTXt", b"k\0\0not deflated"),
            (*b"zTXt", b"k\0"),
            (*b"iTXt", b"k\0\x01"),
            (*b"iTXt", b"k\0\0\0en"),
            (*b"iTXt", b"k\0\x01\0\0\0not deflated"),
            (*b"tEXt", b"good\0text"),
        ]);
        assert_eq!(texts_of(&file), [("good".to_owned(), "text".to_owned())]);
    }
}
