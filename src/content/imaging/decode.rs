//! Decoding picture files within a memory limit: PNG, JPEG, WebP, GIF, BMP and TIFF.
//!
//! The format is recognised by the content, and photographs are rotated as their EXIF data says. Limits: only the first
//! picture of an animation or of a file with several pages is read; colour profiles are ignored, as by Diffusers'
//! loaders.

use std::fs;
use std::io::{BufRead, BufReader, Read, Seek};
use std::path::Path;

use image::codecs::gif::GifDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::{
    AnimationDecoder, DynamicImage, GrayImage, ImageBuffer, ImageDecoder, ImageFormat, ImageReader, Limits, Luma, Rgb,
    RgbImage,
};

use super::{unread, webp_chunks};
use crate::base::crash::contained;
use crate::base::error::{Error, Result};

/// The formats that are read.
const READ: [ImageFormat; 6] =
    [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Gif, ImageFormat::Bmp, ImageFormat::Tiff];

/// The most memory that a picture's pixels may take: about 13,000 by 13,000 in three colours.
const LIMIT_BYTES: u64 = 512 << 20;

/// Decodes a file.
///
/// # Errors
/// It can't be read, is not a picture, is damaged, or has more pixels than can be shown.
pub fn decode(path: &Path) -> Result<DynamicImage> {
    contained(|| decode_unguarded(path)).unwrap_or_else(|| {
        Err(Error::new(format!("This is not a picture that can be shown: {}", path.display()))
            .caused_by(Error::new("its decoder stopped because of an internal error")))
    })
}

fn decode_unguarded(path: &Path) -> Result<DynamicImage> {
    let broken = |cause: image::ImageError| broken(path, &cause);
    let mut decoder = open(path)?.into_decoder().map_err(broken)?;
    let (width, height) = decoder.dimensions();
    if decoder.total_bytes() > LIMIT_BYTES {
        return Err(Error::new(format!(
            "The picture is too large to be shown ({width} x {height} pixels): {}",
            path.display()
        )));
    }
    let orientation = decoder.orientation().map_err(broken)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(broken)?;
    image.apply_orientation(orientation);
    Ok(image)
}

/// Opens a reader that knows the format of a file and has the memory limit.
fn open(path: &Path) -> Result<ImageReader<BufReader<fs::File>>> {
    let failed = |cause: std::io::Error| Error::new(format!("Can't read {}", path.display())).caused_by(cause);
    let file = fs::File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    if length > LIMIT_BYTES {
        // Some decoders first read all of the file.
        return Err(Error::new(format!("The file is too large to be shown ({} MB): {}", length >> 20, path.display())));
    }
    let mut file = BufReader::new(file);
    let mut start = Vec::new();
    let read = file.by_ref().take(unread::LOOKED_AT_BYTES as u64).read_to_end(&mut start);
    read.and_then(|_| file.rewind()).map_err(failed)?;
    let format = image::guess_format(&start).ok().filter(|format| READ.contains(format));
    let format = format.ok_or_else(|| not_read(path, &start))?;
    if format == ImageFormat::WebP {
        webp_chunks::check(&mut file).map_err(|error| {
            Error::new(format!("This is not a picture that can be shown: {}", path.display())).caused_by(error)
        })?;
    }
    let mut reader = ImageReader::with_format(file, format);
    let mut limits = Limits::no_limits();
    // Decoders need a little more than the pixels: a row, or a palette.
    limits.max_alloc = Some(LIMIT_BYTES * 2);
    reader.limits(limits);
    Ok(reader)
}

/// Says that a file is in none of the formats that are read, and in which it is.
fn not_read(path: &Path, start: &[u8]) -> Error {
    let shown = path.display();
    match unread::kind(start) {
        Some(kind) => Error::new(format!("This is {kind}, which can't be read: {shown}"))
            .advise("Save the picture as PNG, JPEG or WebP with another program"),
        None => Error::new(format!("This is not a picture that can be shown: {shown}"))
            .caused_by(Error::new("it is none of PNG, JPEG, WebP, GIF, BMP and TIFF")),
    }
}

fn broken(path: &Path, cause: &image::ImageError) -> Error {
    Error::new(format!("This is not a picture that can be shown: {}", path.display())).caused_by(reason(cause))
}

/// Says why a decoder gave up, once: its text has those of its causes in it.
pub fn reason(cause: &image::ImageError) -> Error {
    let text = cause.to_string();
    // What the standard library says where a file ends within a value.
    if text.contains("failed to fill whole buffer") {
        return Error::new("the file ends too early").advise("Copy or download it again");
    }
    Error::new(text)
}

/// The facts in the header of a picture's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Looks {
    /// The side in pixels, as the picture is shown.
    pub width: u32,
    /// The side in pixels, as the picture is shown.
    pub height: u32,
    /// Whether other frames follow the first one, which is the one that is decoded.
    pub is_animated: bool,
}

/// Reads a file's header without decoding pixels (but for the first two frames of a GIF).
///
/// # Errors
/// It can't be read, or is not a picture.
pub fn look(path: &Path) -> Result<Looks> {
    let look = || {
        let broken = |cause: image::ImageError| broken(path, &cause);
        let reader = open(path)?;
        let format = reader.format();
        let mut decoder = reader.into_decoder().map_err(broken)?;
        let (width, height) = decoder.dimensions();
        let orientation = decoder.orientation().map_err(broken)?;
        // The four orientations that are rotated by a quarter turn.
        let is_turned = orientation.to_exif() >= 5;
        let (width, height) = if is_turned { (height, width) } else { (width, height) };
        let is_animated = is_animated(open(path)?.into_inner(), format).unwrap_or_default();
        Ok(Looks { width, height, is_animated })
    };
    contained(look)
        .unwrap_or_else(|| Err(Error::new(format!("This is not a picture that can be shown: {}", path.display()))))
}

fn is_animated(file: impl BufRead + Seek, format: Option<ImageFormat>) -> image::ImageResult<bool> {
    match format {
        Some(ImageFormat::Gif) => Ok(GifDecoder::new(file)?.into_frames().nth(1).is_some_and(|frame| frame.is_ok())),
        Some(ImageFormat::Png) => PngDecoder::new(file)?.is_apng(),
        Some(ImageFormat::WebP) => Ok(WebPDecoder::new(file)?.has_animation()),
        _ => Ok(false),
    }
}

/// Decodes a file that is complete. Decoders fill in the missing rows of a truncated JPEG, which is good enough to be
/// shown but not to be drawn from.
fn decode_whole(path: &Path) -> Result<DynamicImage> {
    let picture = decode(path)?;
    let file = fs::read(path).map_err(|cause| Error::new(format!("Can't read {}", path.display())).caused_by(cause))?;
    if file.starts_with(&JPEG_START) && !has_jpeg_end(&file) {
        return Err(Error::new(format!("This picture is incomplete: {}", path.display()))
            .advise("Copy or download the file again"));
    }
    Ok(picture)
}

/// The first bytes of a JPEG.
const JPEG_START: [u8; 2] = [0xff, 0xd8];

/// Returns whether a JPEG has an end after its pixels. The segments before them (a thumbnail, perhaps) are skipped by
/// their lengths; within the pixels, 0xff is followed by a zero unless it starts a marker.
fn has_jpeg_end(file: &[u8]) -> bool {
    let mut at = JPEG_START.len();
    while let Some(&[0xff, kind, high, low]) = file.get(at..at + 4) {
        at += 2 + usize::from(u16::from_be_bytes([high, low]));
        if kind == 0xda {
            return file.get(at..).is_some_and(|pixels| pixels.windows(2).any(|pair| pair == [0xff, 0xd9]));
        }
    }
    // An unusual layout, which its decoder accepted.
    true
}

/// Decodes a picture in 8-bit colours. Transparent pixels become white.
///
/// # Errors
/// As for [`decode`], or it is incomplete.
pub fn rgb(path: &Path) -> Result<RgbImage> {
    let picture = decode_whole(path)?;
    if !picture.color().has_alpha() {
        return Ok(picture.into_rgb8());
    }
    let picture = picture.into_rgba8();
    let mut out = RgbImage::new(picture.width(), picture.height());
    for (out, pixel) in out.pixels_mut().zip(picture.pixels()) {
        let [red, green, blue, alpha] = pixel.0.map(u32::from);
        // Rounds to the nearest.
        *out = Rgb([red, green, blue].map(|c| ((c * alpha + 255 * (255 - alpha) + 127) / 255) as u8));
    }
    Ok(out)
}

/// Decodes the brightness of a picture in 8 bits, for masks. Colours are weighted as by Pillow's `convert("L")` (ITU-R
/// 601-2), and transparency is ignored, unless it is all that there is: where every pixel has the same brightness and the
/// transparency differs, the mask was drawn in it, and what is opaque counts as white.
///
/// # Errors
/// As for [`rgb`].
pub fn grey(path: &Path) -> Result<GrayImage> {
    Ok(mask_of(decode_whole(path)?))
}

/// Decodes a mask whose colours become brightness when it has its final size. It is grey already where it has transparency.
///
/// # Errors
/// As for [`rgb`].
pub fn mask_in_colours(path: &Path) -> Result<RgbImage> {
    let picture = decode_whole(path)?;
    let color = picture.color();
    if color.has_color() && !color.has_alpha() {
        return Ok(picture.into_rgb8());
    }
    Ok(DynamicImage::ImageLuma8(mask_of(picture)).into_rgb8())
}

fn mask_of(picture: DynamicImage) -> GrayImage {
    let alpha = picture.color().has_alpha().then(|| alpha(&picture));
    let brightness = brightness_of_any(picture);
    alpha.filter(|alpha| is_even(&brightness) && !is_even(alpha)).unwrap_or(brightness)
}

fn alpha(picture: &DynamicImage) -> GrayImage {
    let opaque = picture.to_rgba8().as_chunks::<4>().0.iter().map(|[_, _, _, alpha]| *alpha).collect();
    GrayImage::from_raw(picture.width(), picture.height(), opaque).unwrap_or_default()
}

/// Whether all pixels are the same.
fn is_even(picture: &GrayImage) -> bool {
    picture.as_raw().windows(2).all(|pair| pair[0] == pair[1])
}

/// Decodes the brightness of a picture in 16 bits, for depth maps. The 8 bits of other files are spread over them.
///
/// # Errors
/// As for [`rgb`].
pub fn grey_16(path: &Path) -> Result<ImageBuffer<Luma<u16>, Vec<u16>>> {
    use DynamicImage::{ImageLuma16, ImageLumaA16, ImageRgb16, ImageRgb32F, ImageRgba16, ImageRgba32F};
    match decode_whole(path)? {
        picture @ (ImageLuma16(_) | ImageLumaA16(_)) => Ok(picture.into_luma16()),
        picture @ (ImageRgb16(_) | ImageRgba16(_) | ImageRgb32F(_) | ImageRgba32F(_)) => {
            let picture = picture.into_rgb16();
            let grey = picture.as_chunks::<3>().0.iter().map(|rgb| weighted(rgb.map(u64::from)) as u16).collect();
            Ok(ImageBuffer::from_raw(picture.width(), picture.height(), grey).unwrap_or_default())
        }
        picture => Ok(DynamicImage::ImageLuma8(brightness_of_any(picture)).into_luma16()),
    }
}

/// The brightness of a colour of any depth, as Pillow's `L24` computes it.
fn weighted([red, green, blue]: [u64; 3]) -> u64 {
    (red * 19_595 + green * 38_470 + blue * 7_471 + 0x8000) >> 16
}

fn brightness_of_any(picture: DynamicImage) -> GrayImage {
    use DynamicImage::{ImageLuma8, ImageLuma16, ImageLumaA8, ImageLumaA16};
    if matches!(picture, ImageLuma8(_) | ImageLumaA8(_) | ImageLuma16(_) | ImageLumaA16(_)) {
        return picture.into_luma8();
    }
    brightness(&picture.into_rgb8())
}

/// Computes the brightness of colours as Pillow's `convert("L")` does (ITU-R 601-2).
pub fn brightness(picture: &RgbImage) -> GrayImage {
    let values = picture.as_chunks::<3>().0.iter().map(|rgb| weighted(rgb.map(u64::from)) as u8).collect();
    GrayImage::from_raw(picture.width(), picture.height(), values).unwrap_or_default()
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
        assert!(message.starts_with("The picture is too large to be shown (30000 x 30000 pixels): "), "{message}");
    }

    #[test]
    fn a_decoder_that_panics_is_survived() {
        assert_eq!(contained(|| Vec::<u8>::new()[0]), None);
        assert_eq!(contained(|| 7), Some(7));
    }

    #[test]
    fn what_is_no_picture_or_half_of_one_is_said() {
        let file = png_text::encode(&RgbImage::from_fn(64, 64, |x, y| Rgb([x as u8, y as u8, 7])), &[]).expect("a PNG");
        for bytes in [&b""[..], b"GIF89a", b"notes", &file[..40], &file[..file.len() - 20], &giant(8)] {
            let message = complaint(bytes);
            assert!(message.starts_with("This is not a picture that can be shown: "), "{message}");
        }
        assert!(decode(Path::new("gone.png")).expect_err("gone").to_string().starts_with("Can't read gone.png"));
    }

    #[test]
    fn a_picture_in_a_format_that_is_not_read_is_refused_by_its_name() {
        for (bytes, name) in [
            (&b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"[..], "This is a HEIC picture, which can't be read: "),
            (b"8BPS\0\x01\0\0", "This is a Photoshop (PSD) picture, which can't be read: "),
            (b"\0\0\0\x0cJXL \r\n\x87\n", "This is a JPEG XL picture, which can't be read: "),
            (b"\0\0\x02\0\0\0\0\0\0\0\0\0\x08\0\x08\0\x18\0", "This is a TGA picture, which can't be read: "),
            (b"qoif\0\0\0\x08\0\0\0\x08\x03\0", "This is a QOI picture, which can't be read: "),
        ] {
            let message = complaint(bytes);
            assert!(
                message.starts_with(name) && message.ends_with("PNG, JPEG or WebP with another program"),
                "{message}"
            );
        }
        let message = complaint(b"notes");
        assert!(message.ends_with("it is none of PNG, JPEG, WebP, GIF, BMP and TIFF"), "{message}");
    }

    #[test]
    fn a_picture_cut_off_in_its_header_ends_too_early() {
        for bytes in [&b"II*\0\x08\0"[..], b"MM\0*\0\0\0\x08\0", b"II*\0\x08\0\0\0\x04\0\0\x01"] {
            let message = complaint(bytes);
            assert!(message.contains("ends too early"), "{message}");
            assert!(!message.contains("buffer"), "{message}");
        }
    }

    /// What [`grey`] makes of a picture in a PNG.
    fn mask(picture: &DynamicImage) -> Vec<u8> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("mask.png");
        picture.save(&path).expect("written");
        grey(&path).expect("a mask").into_raw()
    }

    #[test]
    fn a_mask_drawn_in_the_transparency_alone_is_that() {
        let alpha = [0, 255, 128];
        for value in [255, 0, 90] {
            let colours = alpha.iter().flat_map(|alpha| [value, value, value, *alpha]).collect();
            assert_eq!(mask(&DynamicImage::ImageRgba8(ImageBuffer::from_raw(3, 1, colours).expect("pixels"))), alpha);
            let greys = alpha.iter().flat_map(|alpha| [value, *alpha]).collect();
            assert_eq!(mask(&DynamicImage::ImageLumaA8(ImageBuffer::from_raw(3, 1, greys).expect("pixels"))), alpha);
        }
        let opaque = vec![255, 255, 255, 255];
        assert_eq!(mask(&DynamicImage::ImageLumaA8(ImageBuffer::from_raw(2, 1, opaque).expect("pixels"))), [255, 255]);
        let both = vec![255, 255, 255, 9, 0, 0, 0, 255];
        let both = DynamicImage::ImageRgba8(ImageBuffer::from_raw(2, 1, both).expect("pixels"));
        assert_eq!(mask(&both), [255, 0], "Pillow's convert(\"L\") where the colours say something");
    }

    #[test]
    fn sixteen_bits_are_cut_to_eight_for_a_mask_and_kept_for_depth() {
        let values = [0_u16, 1, 32_639, 32_767, 32_768, 32_896, 65_535];
        let folder = tempfile::tempdir().expect("a folder");
        let kept = |picture: DynamicImage| {
            let path = folder.path().join("deep.png");
            picture.save(&path).expect("written");
            grey_16(&path).expect("a map").into_raw()
        };
        let grey = ImageBuffer::from_raw(7, 1, values.to_vec()).expect("pixels");
        assert_eq!(mask(&DynamicImage::ImageLuma16(grey.clone())), [0, 0, 127, 127, 128, 128, 255]);
        assert_eq!(kept(DynamicImage::ImageLuma16(grey)), values);
        let colours = values.iter().flat_map(|value| [*value; 3]).collect();
        assert_eq!(kept(DynamicImage::ImageRgb16(ImageBuffer::from_raw(7, 1, colours).expect("pixels"))), values);
        let eight = ImageBuffer::from_raw(2, 1, vec![1_u8, 255]).expect("pixels");
        assert_eq!(kept(DynamicImage::ImageLuma8(eight)), [257, 65_535]);
    }
}
