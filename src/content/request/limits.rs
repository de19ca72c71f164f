//! The limits of a request's values, and what checks them. Form, command line and recipes all go by these.

use super::groups::Size;
use crate::base::error::{Error, Result};
use crate::base::units::number_text;

/// The most steps that make sense: the models are trained on 1000 noise levels, and diffusers refuses more.
pub const MAX_STEPS: usize = 1000;

/// The largest guidance scale: far above what any model draws well with, so that more is a slip of the keyboard.
pub const MAX_GUIDANCE: f64 = 1000.0;

/// The most pictures of one request. Products with it stay far within 64 bits.
pub const MAX_COUNT: usize = 10_000;

/// The longest side of a picture in pixels. Far above what any model draws, it keeps every later product of sides,
/// channels and bytes within 64 bits; whether a picture fits into memory is for the pipeline to say.
pub const MAX_SIDE: usize = 32_768;

/// Pixels that one latent pixel of most autoencoders stands for: sides are multiples of it where no model is known that
/// needs another one.
pub const SIDE_MULTIPLE: usize = 8;

/// The most pixels of a mask: 128 megabytes, more than any picture that is drawn.
pub const MAX_MASK_PIXELS: usize = 1 << 27;

/// The widest mask blur, in pixels.
pub const MAX_BLUR: f64 = 512.0;

/// The most pixels that a mask grows or shrinks by.
pub const MAX_GROW: i32 = 512;

/// The most pixels around a mask that are drawn with it.
pub const MAX_PADDING: usize = MAX_SIDE;

/// Checks one side of a picture; `name` is `width` or `height`. With `multiple` 1 it needn't be a multiple of anything.
///
/// # Errors
/// It is 0, no multiple, or above [`MAX_SIDE`].
pub fn validate_side(name: &str, pixels: usize, multiple: usize) -> Result<()> {
    if pixels > MAX_SIDE {
        return Err(Error::new(format!("the {name} {pixels} is too large: a side has at most {MAX_SIDE} pixels")));
    }
    if pixels == 0 || !pixels.is_multiple_of(multiple) {
        let below = pixels / multiple * multiple;
        let above = below.saturating_add(multiple);
        let nearest = if below == 0 { format!("{above}") } else { format!("{below} or {above}") };
        let what = if multiple == 1 { "above 0".to_owned() } else { format!("a multiple of {multiple} above 0") };
        return Err(
            Error::new(format!("the {name} must be {what}, not {pixels}")).advise(format!("The nearest is {nearest}"))
        );
    }
    Ok(())
}

/// Checks both sides of a picture, as [`validate_side`] does.
///
/// # Errors
/// A side can't be drawn.
pub fn validate_size(size: Size, multiple: usize) -> Result<()> {
    validate_side("width", size.width, multiple)?;
    validate_side("height", size.height, multiple)
}

/// Returns the nearest side that a picture can have.
pub fn nearest_side(pixels: usize, multiple: usize) -> usize {
    let nearest = (pixels.min(MAX_SIDE) + multiple / 2) / multiple * multiple;
    nearest.clamp(multiple, MAX_SIDE / multiple * multiple)
}

/// Checks the number of steps.
///
/// # Errors
/// It is 0 or above [`MAX_STEPS`].
pub fn validate_steps(steps: usize) -> Result<()> {
    if (1..=MAX_STEPS).contains(&steps) {
        return Ok(());
    }
    Err(Error::new(format!("the number of steps must be between 1 and {MAX_STEPS}, not {steps}")))
}

/// Checks the guidance scale.
///
/// # Errors
/// It is negative, above [`MAX_GUIDANCE`] or no number.
pub fn validate_guidance_scale(scale: f64) -> Result<()> {
    if (0.0..=MAX_GUIDANCE).contains(&scale) {
        return Ok(());
    }
    Err(Error::new(format!("the guidance scale must be between 0 and {MAX_GUIDANCE}, not {}", number_text(scale))))
}

/// Checks the guidance rescale.
///
/// # Errors
/// It isn't between 0 and 1.
pub fn validate_guidance_rescale(rescale: f64) -> Result<()> {
    if (0.0..=1.0).contains(&rescale) {
        return Ok(());
    }
    Err(Error::new(format!("the guidance rescale must be between 0 and 1, not {}", number_text(rescale))))
}

/// Checks the number of pictures.
///
/// # Errors
/// It is 0 or above [`MAX_COUNT`].
pub fn validate_count(count: usize) -> Result<()> {
    match count {
        0 => Err(Error::new("the number of pictures must be 1 or more, not 0")),
        1..=MAX_COUNT => Ok(()),
        _ => Err(Error::new(format!("the number of pictures must be {MAX_COUNT} or less, not {count}"))),
    }
}

/// Checks the strength.
///
/// # Errors
/// It isn't between 0 and 1.
pub fn validate_strength(strength: f64) -> Result<()> {
    if (0.0..=1.0).contains(&strength) {
        return Ok(());
    }
    Err(Error::new(format!("the strength must be between 0 and 1, not {}", number_text(strength))))
}

/// Brings a number into a range; what is no number becomes `usual`.
pub fn clamped(value: f64, most: f64, usual: f64) -> f64 {
    if value.is_finite() { value.clamp(0.0, most) } else { usual }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_are_multiples_of_what_the_model_needs() {
        for (pixels, multiple) in [(100, 4), (68, 4), (96, 8), (513, 1)] {
            validate_side("width", pixels, multiple).expect("it can be drawn");
        }
        let error = validate_side("width", 100, 8).expect_err("no multiple").to_string();
        assert!(
            error.contains("the width must be a multiple of 8 above 0, not 100. The nearest is 96 or 104"),
            "{error}"
        );
        assert_eq!([nearest_side(101, 4), nearest_side(3, 8), nearest_side(usize::MAX, 64)], [100, 8, MAX_SIDE]);
    }
}
