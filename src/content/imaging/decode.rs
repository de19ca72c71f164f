//! The pixels of a picture's file, within a limit of memory: PNG, JPEG, WebP, GIF, BMP and TIFF.
//!
//! The kind is told by the content, and a photograph is turned as its camera was held. Limits: of an animation or a file of
//! several pages, the first picture; colour profiles are passed over, as Diffusers' loaders do.

use std::fs;
use std::io::{BufRead, BufReader, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use image::codecs::gif::GifDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::{
    AnimationDecoder, DynamicImage, GrayImage, ImageDecoder, ImageFormat, ImageReader, Limits, Luma, Rgb, RgbImage,
};

use crate::base::error::{Error, Result};

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
pub fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

fn decode_unguarded(path: &Path) -> Result<DynamicImage> {
    let broken = |cause: image::ImageError| broken(path, &cause);
    let mut decoder = open(path)?.into_decoder().map_err(broken)?;
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

/// A reader that knows the kind of a file, and its limits.
fn open(path: &Path) -> Result<ImageReader<BufReader<fs::File>>> {
    let failed = |cause: std::io::Error| Error::new(format!("can't read {}", path.display())).caused_by(cause);
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
    Ok(reader)
}

fn broken(path: &Path, cause: &image::ImageError) -> Error {
    // Its words hold those of its own causes already.
    let cause = Error::new(cause.to_string());
    Error::new(format!("this is no picture that can be shown: {}", path.display())).caused_by(cause)
}

/// What a picture is like, by its file's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Looks {
    /// Pixels, as the picture is shown.
    pub width: u32,
    /// Pixels, as the picture is shown.
    pub height: u32,
    /// Whether other frames come after the first one, which is the one that is read.
    pub is_animated: bool,
}

/// Looks at a file without decoding its pixels (of a GIF, the first two frames).
///
/// # Errors
/// It can't be read, or is no picture.
pub fn look(path: &Path) -> Result<Looks> {
    let look = || {
        let broken = |cause: image::ImageError| broken(path, &cause);
        let reader = open(path)?;
        let format = reader.format();
        let mut decoder = reader.into_decoder().map_err(broken)?;
        let (width, height) = decoder.dimensions();
        let orientation = decoder.orientation().map_err(broken)?;
        // The four that turn a picture by a quarter.
        let is_turned = orientation.to_exif() >= 5;
        let (width, height) = if is_turned { (height, width) } else { (width, height) };
        let is_animated = is_animated(open(path)?.into_inner(), format).unwrap_or_default();
        Ok(Looks { width, height, is_animated })
    };
    caught(look).unwrap_or_else(|| Err(Error::new(format!("this is no picture that can be shown: {}", path.display()))))
}

fn is_animated(file: impl BufRead + Seek, format: Option<ImageFormat>) -> image::ImageResult<bool> {
    match format {
        Some(ImageFormat::Gif) => Ok(GifDecoder::new(file)?.into_frames().nth(1).is_some_and(|frame| frame.is_ok())),
        Some(ImageFormat::Png) => PngDecoder::new(file)?.is_apng(),
        Some(ImageFormat::WebP) => Ok(WebPDecoder::new(file)?.has_animation()),
        _ => Ok(false),
    }
}

/// A picture that nothing is missing of: a decoder fills in what a JPEG was cut off of, which does to be shown, but not to be
/// drawn from.
fn decode_whole(path: &Path) -> Result<DynamicImage> {
    let picture = decode(path)?;
    let file = fs::read(path).map_err(|cause| Error::new(format!("can't read {}", path.display())).caused_by(cause))?;
    if file.starts_with(&JPEG_START) && !has_jpeg_end(&file) {
        return Err(Error::new(format!("this picture is cut off: {}", path.display()))
            .advise("Copy or download the file again"));
    }
    Ok(picture)
}

/// What a JPEG begins with.
const JPEG_START: [u8; 2] = [0xff, 0xd8];

/// Whether the pixels of a JPEG come to an end. What stands before them, a thumbnail perhaps, is passed over by its length; among
/// them, 0xff is followed by a zero unless it means something.
fn has_jpeg_end(file: &[u8]) -> bool {
    let mut at = JPEG_START.len();
    while let Some(&[0xff, kind, high, low]) = file.get(at..at + 4) {
        at += 2 + usize::from(u16::from_be_bytes([high, low]));
        if kind == 0xda {
            return file.get(at..).is_some_and(|pixels| pixels.windows(2).any(|pair| pair == [0xff, 0xd9]));
        }
    }
    // Not laid out as usual, which its decoder didn't mind.
    true
}

/// A picture in 8-bit colours; what is see-through shows white.
///
/// # Errors
/// As for [`decode`]; it is cut off.
pub fn rgb(path: &Path) -> Result<RgbImage> {
    let picture = decode_whole(path)?;
    if !picture.color().has_alpha() {
        return Ok(picture.into_rgb8());
    }
    let picture = picture.into_rgba8();
    let mut out = RgbImage::new(picture.width(), picture.height());
    for (out, pixel) in out.pixels_mut().zip(picture.pixels()) {
        let [red, green, blue, alpha] = pixel.0.map(u32::from);
        // Rounded to the nearest.
        *out = Rgb([red, green, blue].map(|c| ((c * alpha + 255 * (255 - alpha) + 127) / 255) as u8));
    }
    Ok(out)
}

/// The brightness of a picture, 8 bits, as Pillow's `convert("L")` weighs the colours (ITU-R 601-2); what is see-through counts
/// as the colour under it. For masks.
///
/// # Errors
/// As for [`rgb`].
pub fn grey(path: &Path) -> Result<GrayImage> {
    Ok(brightness(decode_whole(path)?))
}

/// The brightness of a picture in 16 bits where the file has as many, else in 8 bits spread over them. For depth maps.
///
/// # Errors
/// As for [`rgb`].
pub fn grey_16(path: &Path) -> Result<image::ImageBuffer<Luma<u16>, Vec<u16>>> {
    match decode_whole(path)? {
        picture @ (DynamicImage::ImageLuma16(_) | DynamicImage::ImageLumaA16(_)) => Ok(picture.into_luma16()),
        picture => Ok(DynamicImage::ImageLuma8(brightness(picture)).into_luma16()),
    }
}

fn brightness(picture: DynamicImage) -> GrayImage {
    use DynamicImage::{ImageLuma8, ImageLuma16, ImageLumaA8, ImageLumaA16};
    if matches!(picture, ImageLuma8(_) | ImageLumaA8(_) | ImageLuma16(_) | ImageLumaA16(_)) {
        return picture.into_luma8();
    }
    let picture = picture.into_rgb8();
    let mut out = GrayImage::new(picture.width(), picture.height());
    for (out, pixel) in out.pixels_mut().zip(picture.pixels()) {
        let [red, green, blue] = pixel.0.map(u32::from);
        // Pillow's `L24`.
        *out = Luma([((red * 19_595 + green * 38_470 + blue * 7_471 + 0x8000) >> 16) as u8]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::imaging::png_text;

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
        let file = png_text::encode(&RgbImage::from_fn(64, 64, |x, y| Rgb([x as u8, y as u8, 7])), &[]).expect("a PNG");
        for bytes in [&b""[..], b"GIF89a", b"notes", &file[..40], &file[..file.len() - 20], &giant(8)] {
            let message = complaint(bytes);
            assert!(message.starts_with("this is no picture that can be shown: "), "{message}");
        }
        assert!(decode(Path::new("gone.png")).expect_err("gone").to_string().starts_with("can't read gone.png"));
    }
}
