//! Encoding JPEG and WebP files with the settings: EXIF's user comment has the `parameters` text, as AUTOMATIC1111's
//! web UI writes it and other tools read it, and a packet of XMP says how the picture was made.

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder, RgbImage};
use image_webp::{ColorType, WebPEncoder};

use super::{exif_text, xmp};
use crate::base::error::{Error, Result};

/// The quality of JPEG files, of 100: no visible difference, at a fifth of a PNG's size.
const JPEG_QUALITY: u8 = 95;

/// The longest side of a WebP picture.
const LONGEST_WEBP_SIDE: u32 = 16_384;

/// The texts of a file beside its pixels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The settings, as AUTOMATIC1111's text.
    pub parameters: Option<String>,
    /// A packet of XMP.
    pub xmp: Option<String>,
}

/// Encodes a JPEG file.
///
/// # Errors
/// A side is longer than JPEG allows, or a text is longer than JPEG's segments.
pub fn jpeg(picture: &RgbImage, said: &Said) -> Result<Vec<u8>> {
    let mut file = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut file, JPEG_QUALITY);
    if let Some(parameters) = &said.parameters {
        let exif = exif_text::comment(parameters)?;
        segment_length(exif.len() + exif_text::PREFIX.len())?;
        encoder.set_exif_metadata(exif).map_err(|cause| cannot("JPEG", &cause))?;
    }
    let (width, height) = picture.dimensions();
    let written = encoder.write_image(picture.as_raw(), width, height, ExtendedColorType::Rgb8);
    written.map_err(|cause| cannot("JPEG", &cause))?;
    match &said.xmp {
        Some(packet) => with_xmp(&file, packet),
        None => Ok(file),
    }
}

/// Encodes a lossless WebP file.
///
/// # Errors
/// A side is longer than WebP allows.
pub fn webp(picture: &RgbImage, said: &Said) -> Result<Vec<u8>> {
    let (width, height) = picture.dimensions();
    if width.max(height) > LONGEST_WEBP_SIDE {
        return Err(Error::new(format!("A WebP file can't have {width} x {height} pixels"))
            .advise(format!("Its sides have {LONGEST_WEBP_SIDE} pixels at most: choose PNG or JPEG")));
    }
    let mut file = Vec::new();
    let mut encoder = WebPEncoder::new(&mut file);
    if let Some(parameters) = &said.parameters {
        encoder.set_exif_metadata(exif_text::comment(parameters)?);
    }
    if let Some(packet) = &said.xmp {
        encoder.set_xmp_metadata(packet.clone().into_bytes());
    }
    let written = encoder.encode(picture.as_raw(), width, height, ColorType::Rgb8);
    written.map_err(|cause| cannot("WebP", &cause))?;
    Ok(file)
}

/// Inserts a packet of XMP after the first segment of a JPEG, which must stay the first.
fn with_xmp(jpeg: &[u8], packet: &str) -> Result<Vec<u8>> {
    let segment = [xmp::JPEG_HEADER, packet.as_bytes()].concat();
    let length = segment_length(segment.len())?.to_be_bytes();
    let first = match jpeg {
        [0xff, 0xd8, 0xff, 0xe0, high, low, ..] => 4 + usize::from(u16::from_be_bytes([*high, *low])),
        _ => 2,
    };
    let (before, after) = jpeg.split_at_checked(first).ok_or_else(|| cannot("JPEG", &"it is empty"))?;
    Ok([before, &[0xff, 0xe1], &length, &segment, after].concat())
}

/// The length field of a segment with so many bytes: its own two bytes count.
fn segment_length(bytes: usize) -> Result<u16> {
    u16::try_from(bytes + 2).map_err(|_| {
        Error::new("The settings are too long for a JPEG file")
            .advise("Choose PNG or WebP, or save it without the settings")
    })
}

fn cannot(format: &str, cause: &dyn std::fmt::Display) -> Error {
    Error::new(format!("The picture can't be encoded as {format}: {cause}"))
}

#[cfg(test)]
mod tests {
    use image::ImageDecoder;
    use image::codecs::jpeg::JpegDecoder;
    use image::codecs::webp::WebPDecoder;
    use std::io::Cursor;

    use super::*;

    fn picture() -> RgbImage {
        RgbImage::from_fn(16, 8, |x, y| image::Rgb([x as u8 * 16, y as u8 * 32, 7]))
    }

    fn said(parameters: &str) -> Said {
        Said { parameters: Some(parameters.into()), xmp: Some(xmp::MADE_BY_A_MODEL.into()) }
    }

    fn check(mut decoder: impl ImageDecoder) {
        let exif = decoder.exif_metadata().expect("it can be read").expect("it is there");
        assert_eq!(exif_text::texts(&exif), [(0x9286, "猫\nSteps: 1".to_owned())]);
        let packet = decoder.xmp_metadata().expect("it can be read").expect("it is there");
        assert_eq!(packet, xmp::MADE_BY_A_MODEL.as_bytes());
    }

    #[test]
    fn both_formats_say_what_they_are_given_and_show_the_picture() {
        let (jpeg, webp) = (jpeg(&picture(), &said("猫\nSteps: 1")), webp(&picture(), &said("猫\nSteps: 1")));
        let (jpeg, webp) = (jpeg.expect("a JPEG"), webp.expect("a WebP"));
        check(JpegDecoder::new(Cursor::new(&jpeg)).expect("a JPEG"));
        check(WebPDecoder::new(Cursor::new(&webp)).expect("a WebP"));
        assert_eq!(image::load_from_memory(&webp).expect("a picture").to_rgb8(), picture(), "WebP loses nothing");
        let shown = image::load_from_memory(&jpeg).expect("a picture").to_rgb8();
        let differences = shown.as_raw().iter().zip(picture().into_raw()).map(|(a, b)| a.abs_diff(b));
        assert!(differences.max() < Some(12), "JPEG loses little");
    }

    #[test]
    fn without_texts_there_are_only_pixels() {
        let silent = Said::default();
        for file in [jpeg(&picture(), &silent).expect("a JPEG"), webp(&picture(), &silent).expect("a WebP")] {
            assert!(!file.windows(4).any(|w| w == b"Exif" || w == b"EXIF" || w == b"XMP " || w == b"http"));
            assert_eq!(image::load_from_memory(&file).expect("a picture").to_rgb8().dimensions(), (16, 8));
        }
    }

    #[test]
    fn what_a_format_has_no_room_for_is_refused_with_what_to_do() {
        let long = said(&"x".repeat(40_000));
        assert!(jpeg(&picture(), &long).expect_err("too long").to_string().contains("Choose PNG or WebP"));
        assert!(webp(&picture(), &long).is_ok());
        let wide = RgbImage::new(LONGEST_WEBP_SIDE + 1, 1);
        assert!(webp(&wide, &Said::default()).expect_err("too wide").to_string().contains("choose PNG or JPEG"));
        assert!(jpeg(&RgbImage::new(65_536, 1), &Said::default()).is_err());
    }
}
