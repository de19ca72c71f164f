//! Preparing pictures for vision networks: transformers' `CLIPImageProcessor` and `DPTImageProcessor`, which resize
//! with Pillow where torchvision isn't installed (`image_processing_backends.py`).
//!
//! Limits: RGB only; a crop may not be larger than the picture; pictures aren't padded.

use image::{RgbImage, imageops};
use serde_json::{Map, Value};

use super::resize::{self, Filter};
use crate::base::error::{Error, Result};

/// The longest side that a picture may be resized to: longer than any network needs, and small enough for memory.
const MAX_SIDE: u64 = 4096;

/// The preparation of pictures that a `preprocessor_config.json` asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageProcessor {
    size: Option<Resizing>,
    filter: Filter,
    /// The width and height of the middle part that is kept.
    crop: Option<(u32, u32)>,
    rescale_factor: f64,
    /// The mean and the standard deviation of each colour; `None` if they aren't normalised.
    mean_and_std: Option<[[f32; 3]; 2]>,
}

/// The size that a picture is resized to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resizing {
    /// The shorter side; the other one follows in proportion.
    Shortest(u32),
    /// Width and height, whatever the proportions.
    Exactly(u32, u32),
}

/// The processors, which differ in their defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Processor {
    /// `CLIPImageProcessor`: the shorter side to 224, the middle.
    Clip,
    /// `DPTImageProcessor`: 384 x 384.
    Dpt,
}

/// A picture as numbers, `[3, height, width]`, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Pixels {
    /// The values of red, then of green, then of blue.
    pub values: Vec<f32>,
    /// In pixels.
    pub width: usize,
    /// In pixels.
    pub height: usize,
}

impl ImageProcessor {
    /// Reads a config. An empty one gives the processor's defaults.
    ///
    /// # Errors
    /// A value is invalid or unsupported: the message names the key.
    pub fn new(processor: Processor, config: &Map<String, Value>) -> Result<Self> {
        let is_clip = processor == Processor::Clip;
        let flag = |key: &str, default: bool| config.get(key).and_then(Value::as_bool).unwrap_or(default);
        if flag("keep_aspect_ratio", false) || flag("do_pad", false) {
            return Err(wrong("keep_aspect_ratio or do_pad", "isn't supported"));
        }
        let size = match config.get("size") {
            None | Some(Value::Null) if is_clip => Resizing::Shortest(224),
            None | Some(Value::Null) => Resizing::Exactly(384, 384),
            Some(size) => read_size(size, is_clip).ok_or_else(|| wrong("size", "makes no sense"))?,
        };
        let crop = match config.get("crop_size") {
            None | Some(Value::Null) => (224, 224),
            Some(size) => match read_size(size, false) {
                Some(Resizing::Exactly(width, height)) => (width, height),
                _ => return Err(wrong("crop_size", "makes no sense")),
            },
        };
        let (mean, std) = if is_clip { (CLIP_MEAN, CLIP_STD) } else { ([0.5; 3], [0.5; 3]) };
        let mean_and_std = [colours(config, "image_mean", mean)?, colours(config, "image_std", std)?];
        let factor = config.get("rescale_factor").and_then(Value::as_f64).unwrap_or(1.0 / 255.0);
        Ok(Self {
            size: flag("do_resize", true).then_some(size),
            filter: filter(config.get("resample"))?,
            crop: flag("do_center_crop", is_clip).then_some(crop),
            rescale_factor: if flag("do_rescale", true) { factor } else { 1.0 },
            mean_and_std: flag("do_normalize", true).then_some(mean_and_std),
        })
    }

    /// Prepares a picture for the network.
    ///
    /// # Errors
    /// It is smaller than the part to be cropped.
    pub fn process(&self, picture: &RgbImage) -> Result<Pixels> {
        let mut picture = match self.size.map(|size| size.of(picture.dimensions())) {
            Some((width, height)) => resize::rgb(picture, width, height, self.filter),
            None => picture.clone(),
        };
        if let Some((width, height)) = self.crop {
            let (from_width, from_height) = picture.dimensions();
            let (Some(left), Some(top)) = (from_width.checked_sub(width), from_height.checked_sub(height)) else {
                return Err(wrong("crop_size", "is larger than what size gives"));
            };
            picture = imageops::crop_imm(&picture, left / 2, top / 2, width, height).to_image();
        }
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let mut values = Vec::with_capacity(3 * width * height);
        for colour in 0..3 {
            // There are only 256 values: each is computed once, with numpy's roundings.
            let table: Vec<f32> = (0..=255_u8).map(|byte| self.value(byte, colour)).collect();
            values.extend(picture.pixels().map(|pixel| table[usize::from(pixel.0[colour])]));
        }
        Ok(Pixels { values, width, height })
    }

    /// The value of a byte: `rescale` in f64, rounded to f32, and `normalize` in f32.
    fn value(&self, byte: u8, colour: usize) -> f32 {
        let rescaled = (f64::from(byte) * self.rescale_factor) as f32;
        self.mean_and_std.map_or(rescaled, |[mean, std]| (rescaled - mean[colour]) / std[colour])
    }
}

/// The means and standard deviations of OpenAI's CLIP, from transformers' `image_utils.py`.
const CLIP_MEAN: [f32; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];
const CLIP_STD: [f32; 3] = [0.268_629_54, 0.261_302_6, 0.275_777_1];

impl Resizing {
    /// The size of a picture of these sides after resizing (`get_resize_output_image_size`).
    fn of(self, (width, height): (u32, u32)) -> (u32, u32) {
        match self {
            Self::Exactly(width, height) => (width, height),
            Self::Shortest(shortest) => {
                let (short, long) = (width.min(height).max(1), width.max(height));
                // Bounds the memory: no picture of ours is 256 times as long as wide.
                let long = (u64::from(shortest) * u64::from(long) / u64::from(short)).min(u64::from(shortest) << 8);
                let long = u32::try_from(long).unwrap_or(shortest);
                if width <= height { (shortest, long) } else { (long, shortest) }
            }
        }
    }
}

/// Reads a number, `{"shortest_edge": n}` or `{"height": h, "width": w}`. A number alone means the shorter side or a
/// square.
fn read_size(value: &Value, is_shortest: bool) -> Option<Resizing> {
    let side = |value: &Value| value.as_u64().filter(|side| (1..=MAX_SIDE).contains(side)).map(|side| side as u32);
    match value {
        Value::Object(sides) => match (sides.get("shortest_edge"), sides.get("width"), sides.get("height")) {
            (Some(shortest), _, _) => Some(Resizing::Shortest(side(shortest)?)),
            (None, Some(width), Some(height)) => Some(Resizing::Exactly(side(width)?, side(height)?)),
            _ => None,
        },
        number if is_shortest => Some(Resizing::Shortest(side(number)?)),
        number => Some(Resizing::Exactly(side(number)?, side(number)?)),
    }
}

/// Finds the filter of one of Pillow's numbers.
fn filter(value: Option<&Value>) -> Result<Filter> {
    match value.map(Value::as_u64) {
        None | Some(Some(3)) => Ok(Filter::Bicubic),
        Some(Some(0)) => Ok(Filter::Nearest),
        Some(Some(1)) => Ok(Filter::Lanczos),
        Some(Some(2)) => Ok(Filter::Bilinear),
        Some(_) => Err(wrong("resample", "isn't supported")),
    }
}

/// Reads three numbers, one for each colour.
fn colours(config: &Map<String, Value>, key: &str, default: [f32; 3]) -> Result<[f32; 3]> {
    let Some(value) = config.get(key).filter(|value| !value.is_null()) else { return Ok(default) };
    let numbers = value.as_array().map(|list| list.iter().filter_map(|x| Some(x.as_f64()? as f32)).collect::<Vec<_>>());
    let numbers = numbers.and_then(|numbers| <[f32; 3]>::try_from(numbers).ok());
    numbers.filter(|x| key != "image_std" || !x.contains(&0.0)).ok_or_else(|| wrong(key, "makes no sense"))
}

fn wrong(key: &str, how: &str) -> Error {
    Error::new(format!("preprocessor_config.json: {key} {how}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn processor(processor: Processor, config: &Value) -> Result<ImageProcessor> {
        ImageProcessor::new(processor, config.as_object().expect("an object"))
    }

    #[test]
    fn old_and_new_configs_say_the_same() {
        let clip = |config| processor(Processor::Clip, &config).expect("a config");
        let new =
            json!({ "size": { "shortest_edge": 224 }, "crop_size": { "height": 224, "width": 224 }, "resample": 3 });
        assert_eq!(clip(new), clip(json!({})));
        assert_eq!(clip(json!({ "size": 224, "crop_size": 224, "feature_extractor_type": "x" })), clip(json!({})));
        let dpt = |config| processor(Processor::Dpt, &config).expect("a config");
        assert_eq!(dpt(json!({ "size": 384 })), dpt(json!({ "size": { "height": 384, "width": 384 } })));
    }

    #[test]
    fn the_shorter_side_becomes_224_and_the_middle_is_kept() {
        let clip = processor(Processor::Clip, &json!({})).expect("the defaults");
        assert_eq!(clip.size.map(|size| size.of((640, 480))), Some((298, 224)));
        assert_eq!(clip.size.map(|size| size.of((1, 1))), Some((224, 224)));
        let pixels = clip.process(&RgbImage::from_pixel(640, 480, image::Rgb([0, 255, 0]))).expect("pixels");
        assert_eq!((pixels.width, pixels.height, pixels.values.len()), (224, 224, 3 * 224 * 224));
        assert!((pixels.values[0] - (0.0 - CLIP_MEAN[0]) / CLIP_STD[0]).abs() < 1e-6);
    }

    #[test]
    fn configs_that_make_no_sense_are_refused_by_key() {
        let refusal = |config| processor(Processor::Clip, &config).expect_err("it makes no sense").to_string();
        assert!(refusal(json!({ "size": 0 })).contains("size"));
        assert!(refusal(json!({ "size": { "shortest_edge": 100_000 } })).contains("size"));
        assert!(refusal(json!({ "crop_size": { "height": 3 } })).contains("crop_size"));
        assert!(refusal(json!({ "image_std": [1.0, 0.0, 1.0] })).contains("image_std"));
        assert!(refusal(json!({ "image_mean": [1.0] })).contains("image_mean"));
        assert!(refusal(json!({ "resample": 5 })).contains("resample"));
        assert!(refusal(json!({ "do_pad": true })).contains("do_pad"));
        let clip = processor(Processor::Clip, &json!({ "size": 100 })).expect("fine by itself");
        assert!(clip.process(&RgbImage::new(9, 9)).expect_err("nothing to crop").to_string().contains("crop_size"));
    }
}
