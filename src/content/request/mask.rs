//! The mask of inpainting: one byte a pixel, kept in a request and shared by its copies.
//!
//! In JSON it is a grey PNG in base64: painted masks are large areas of one value, so a few kilobytes stand for millions of
//! pixels. A mask from a file in colours keeps them, since Diffusers resizes colours and takes their brightness then.

use std::io::Cursor;
use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{DynamicImage, GrayImage, ImageFormat, ImageReader, RgbImage};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

use super::limits::{MAX_MASK_PIXELS, MAX_SIDE};
use crate::base::error::{Error, Result};
use crate::content::imaging::decode::brightness;

/// The part of a picture to draw again: 255 fully, 0 not at all. Copies share the pixels.
#[derive(Clone, Default)]
pub struct Mask(Arc<Inner>);

#[derive(Default)]
struct Inner {
    pixels: GrayImage,
    /// The colours that the pixels are the brightness of.
    colours: Option<RgbImage>,
    /// Kept, since the form is stored often.
    base64: OnceLock<String>,
}

impl Mask {
    /// Makes a mask of these pixels.
    pub fn new(pixels: GrayImage) -> Self {
        Self(Arc::new(Inner { pixels, colours: None, base64: OnceLock::new() }))
    }

    /// Makes a mask of the brightness of these colours, which it keeps if they are any.
    pub fn of_colours(colours: RgbImage) -> Self {
        let pixels = brightness(&colours);
        let has_colour = colours.pixels().any(|pixel| pixel.0 != [pixel.0[0]; 3]);
        Self(Arc::new(Inner { pixels, colours: has_colour.then_some(colours), base64: OnceLock::new() }))
    }

    /// Returns the pixels, one byte each: 255 is drawn again.
    pub fn pixels(&self) -> &GrayImage {
        &self.0.pixels
    }

    /// Returns the colours of a mask from a file that has them, as large as the pixels.
    pub fn colours(&self) -> Option<&RgbImage> {
        self.0.colours.as_ref()
    }

    /// Whether it selects nothing.
    pub fn is_empty(&self) -> bool {
        self.pixels().as_raw().iter().all(|pixel| *pixel == 0)
    }

    /// Checks that it can be used.
    ///
    /// # Errors
    /// It is too large.
    pub(super) fn validate(&self) -> Result<()> {
        let (width, height) = self.pixels().dimensions();
        let (width, height) = (width as usize, height as usize);
        if width > MAX_SIDE || height > MAX_SIDE || width * height > MAX_MASK_PIXELS {
            return Err(Error::new(format!("the mask is too large: {width} x {height} pixels")));
        }
        Ok(())
    }

    fn to_base64(&self) -> Result<&str> {
        if let Some(text) = self.0.base64.get() {
            return Ok(text);
        }
        let mut png = Vec::new();
        let encoder = PngEncoder::new_with_quality(&mut png, CompressionType::Fast, FilterType::Sub);
        let encoded = match self.colours() {
            Some(colours) => colours.write_with_encoder(encoder),
            None => self.pixels().write_with_encoder(encoder),
        };
        encoded.map_err(|cause| Error::new("the mask can't be written").caused_by(cause))?;
        Ok(self.0.base64.get_or_init(|| STANDARD.encode(png)))
    }

    fn from_base64(text: &str) -> Result<Self> {
        let unreadable = || Error::new("the mask can't be read");
        let png = STANDARD.decode(text).map_err(|cause| unreadable().caused_by(cause))?;
        let mut reader = ImageReader::with_format(Cursor::new(png), ImageFormat::Png);
        let mut limits = image::Limits::default();
        limits.max_alloc = Some(3 * MAX_MASK_PIXELS as u64);
        reader.limits(limits);
        match reader.decode().map_err(|cause| unreadable().caused_by(cause))? {
            DynamicImage::ImageLuma8(pixels) => Ok(Self::new(pixels)),
            DynamicImage::ImageRgb8(colours) => Ok(Self::of_colours(colours)),
            _ => Err(unreadable().caused_by(Error::new("it has transparency or more than 8 bits"))),
        }
    }
}

impl PartialEq for Mask {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || (self.pixels() == other.pixels() && self.colours() == other.colours())
    }
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mask({} x {})", self.pixels().width(), self.pixels().height())
    }
}

impl Serialize for Mask {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        if self.pixels().is_empty() {
            return serializer.serialize_none();
        }
        serializer.serialize_str(self.to_base64().map_err(ser::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for Mask {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map_or(Ok(Self::default()), |text| Self::from_base64(&text).map_err(de::Error::custom))
    }
}

#[cfg(test)]
mod tests {
    use image::Luma;

    use super::*;

    #[test]
    fn a_mask_survives_json_pixel_for_pixel() {
        let mask = Mask::new(GrayImage::from_fn(101, 70, |x, y| Luma([(x * 3 + y * 7) as u8])));
        let json = serde_json::to_string(&mask).expect("a mask is JSON");
        assert_eq!(serde_json::from_str::<Mask>(&json).expect("and back"), mask);
        let coloured = Mask::of_colours(RgbImage::from_fn(11, 7, |x, y| image::Rgb([x as u8, y as u8, 200])));
        let json = serde_json::to_string(&coloured).expect("a mask is JSON");
        assert_eq!(serde_json::from_str::<Mask>(&json).expect("and back"), coloured);
        let nothing = serde_json::to_string(&Mask::default()).expect("no mask is JSON");
        assert_eq!(
            (nothing.as_str(), serde_json::from_str::<Mask>(&nothing).expect("and back")),
            ("null", Mask::default())
        );
    }

    #[test]
    fn a_painted_mask_of_sixteen_megapixels_is_small_in_json() {
        let painted = |x: u32, y: u32| x.abs_diff(2000).pow(2) + y.abs_diff(1500).pow(2) < 900 * 900;
        let mask = GrayImage::from_fn(4096, 4096, |x, y| Luma([if painted(x, y) { 255 } else { 0 }]));
        let json = serde_json::to_string(&Mask::new(mask)).expect("a mask is JSON");
        assert!(json.len() < 200_000, "{} bytes", json.len());
    }

    #[test]
    fn colours_are_kept_where_there_are_any() {
        let grey = RgbImage::from_fn(11, 7, |x, y| image::Rgb([(x * y) as u8; 3]));
        let mask = Mask::of_colours(grey.clone());
        assert!(mask.colours().is_none() && mask.pixels().get_pixel(3, 2).0 == [6]);
        let mut coloured = grey;
        coloured.put_pixel(0, 0, image::Rgb([0, 0, 255]));
        let mask = Mask::of_colours(coloured.clone());
        assert_eq!((mask.colours(), mask.pixels().get_pixel(0, 0).0), (Some(&coloured), [29]));
    }

    #[test]
    fn what_is_no_mask_is_refused() {
        for text in ["\"!\"", "\"aGVsbG8=\"", "7"] {
            serde_json::from_str::<Mask>(text).expect_err("no mask");
        }
    }
}
