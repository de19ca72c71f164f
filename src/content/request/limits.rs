//! The limits of a request's values, shared by form, command line and recipes.

use crate::base::error::{Error, Result};

/// The most steps that make sense: the models are trained on 1000 noise levels, and diffusers refuses more.
pub const MAX_STEPS: usize = 1000;

/// The longest side of a picture in pixels. Far above what any model draws, it keeps every later product of sides,
/// channels and bytes within 64 bits; whether a picture fits into memory is for the pipeline to say.
pub const MAX_SIDE: usize = 32_768;

/// Pixels that one latent pixel of the common autoencoders stands for: sides are multiples of it.
pub const SIDE_MULTIPLE: usize = 8;

/// The most pixels of a mask: 128 megabytes, more than any picture that is drawn.
pub const MAX_MASK_PIXELS: usize = 1 << 27;

/// The widest mask blur, in pixels.
pub const MAX_BLUR: f64 = 512.0;

/// The furthest that a mask grows or shrinks, in pixels.
pub const MAX_GROW: u32 = 512;

/// Checks one side of a picture; `name` is `width` or `height`.
///
/// # Errors
/// It is 0, no multiple of [`SIDE_MULTIPLE`], or above [`MAX_SIDE`].
pub fn validate_side(name: &str, pixels: usize) -> Result<()> {
    if pixels == 0 || !pixels.is_multiple_of(SIDE_MULTIPLE) {
        let below = pixels / SIDE_MULTIPLE * SIDE_MULTIPLE;
        let above = below.saturating_add(SIDE_MULTIPLE);
        let nearest = if below == 0 { format!("{above}") } else { format!("{below} or {above}") };
        return Err(Error::new(format!("the {name} must be a multiple of {SIDE_MULTIPLE} above 0, not {pixels}"))
            .advise(format!("The nearest is {nearest}")));
    }
    if pixels > MAX_SIDE {
        return Err(Error::new(format!("the {name} {pixels} is too large: a side has at most {MAX_SIDE} pixels")));
    }
    Ok(())
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
/// It is negative, infinite or no number.
pub fn validate_guidance_scale(scale: f64) -> Result<()> {
    if scale.is_finite() && scale >= 0.0 {
        return Ok(());
    }
    Err(Error::new(format!("the guidance scale must be a number from 0 up, not {scale}")))
}

/// Checks the guidance rescale.
///
/// # Errors
/// It isn't between 0 and 1.
pub fn validate_guidance_rescale(rescale: f64) -> Result<()> {
    if (0.0..=1.0).contains(&rescale) {
        return Ok(());
    }
    Err(Error::new(format!("the guidance rescale must be between 0 and 1, not {rescale}")))
}

/// Checks the number of pictures.
///
/// # Errors
/// It is 0.
pub fn validate_count(count: usize) -> Result<()> {
    if count == 0 {
        return Err(Error::new("the number of pictures must be 1 or more, not 0"));
    }
    Ok(())
}

/// Checks the strength.
///
/// # Errors
/// It isn't between 0 and 1.
pub fn validate_strength(strength: f64) -> Result<()> {
    if (0.0..=1.0).contains(&strength) {
        return Ok(());
    }
    Err(Error::new(format!("the strength must be between 0 and 1, not {strength}")))
}
