//! PNG files with text chunks: what a picture says about itself.
//!
//! Writes 8-bit RGB. A text goes into a `tEXt` chunk where Latin-1 can hold it and else into an `iTXt` chunk, as
//! Pillow does it, whose files every tool reads. Reads `tEXt`, `zTXt` and `iTXt`, before and after the pixels.

use std::io::{BufRead, Seek};

use image::RgbImage;

use crate::error::{Error, Result};

/// The keyword of the text that AUTOMATIC1111's web UI introduced and nearly every tool reads.
pub const PARAMETERS: &str = "parameters";

/// The keyword of our own recipe, JSON.
pub const BURNISHER: &str = "burnisher";

/// The most bytes that reading a file's texts may take: far more than any recipe, far less than a hostile file asks.
const READ_LIMIT_BYTES: usize = 64 << 20;

/// A PNG file of `picture` with `(keyword, text)` chunks, in the order given.
///
/// # Errors
/// A keyword or text that PNG can't hold, or a picture without pixels.
pub fn encode(picture: &RgbImage, texts: &[(&str, &str)]) -> Result<Vec<u8>> {
    let mut file = Vec::new();
    write(picture, texts, &mut file).map_err(|cause| Error::new("the picture can't be made a PNG").caused_by(cause))?;
    Ok(file)
}

fn write(picture: &RgbImage, texts: &[(&str, &str)], file: &mut Vec<u8>) -> Result<(), png::EncodingError> {
    let mut encoder = png::Encoder::new(file, picture.width(), picture.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    for (keyword, text) in texts {
        if text.chars().all(|c| u32::from(c) <= 0xff) {
            encoder.add_text_chunk((*keyword).to_owned(), (*text).to_owned())?;
        } else {
            encoder.add_itxt_chunk((*keyword).to_owned(), (*text).to_owned())?;
        }
    }
    let mut writer = encoder.write_header()?;
    writer.write_image_data(picture.as_raw())?;
    writer.finish()
}

/// The texts of a PNG file as `(keyword, text)`. Pixels are passed over.
///
/// # Errors
/// It is no PNG, it is broken, or its texts are larger than any recipe.
pub fn read_texts(file: impl BufRead + Seek) -> Result<Vec<(String, String)>> {
    read(file).map_err(|cause| Error::new("this is no PNG that can be read").caused_by(cause))
}

fn read(file: impl BufRead + Seek) -> Result<Vec<(String, String)>, png::DecodingError> {
    let decoder = png::Decoder::new_with_limits(file, png::Limits { bytes: READ_LIMIT_BYTES });
    let mut reader = decoder.read_info()?;
    reader.finish()?;
    let info = reader.info();
    let mut texts = Vec::new();
    for chunk in &info.uncompressed_latin1_text {
        texts.push((chunk.keyword.clone(), chunk.text.clone()));
    }
    for chunk in &info.compressed_latin1_text {
        let mut chunk = chunk.clone();
        chunk.decompress_text_with_limit(READ_LIMIT_BYTES)?;
        texts.push((chunk.keyword.clone(), chunk.get_text()?));
    }
    for chunk in &info.utf8_text {
        let mut chunk = chunk.clone();
        chunk.decompress_text_with_limit(READ_LIMIT_BYTES)?;
        texts.push((chunk.keyword.clone(), chunk.get_text()?));
    }
    Ok(texts)
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
        let expected = [("Late", "after"), ("Comment", "zipped")].map(|(k, t)| (k.to_owned(), t.to_owned()));
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
}
