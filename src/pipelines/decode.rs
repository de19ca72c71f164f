//! The end of every task: latents become pictures.

use burn::tensor::{DType, Tensor};
use image::RgbImage;

use super::resident::Resident;
use super::run::Drawn;
use super::run_context::RunContext;
use crate::base::error::{Error, Result};
use crate::base::stop::Outcome;
use crate::content::imaging::pixels::rgb_image_from_unit;
use crate::content::request::SafetyMode;
use crate::ops;

/// Decodes the pictures of a batch, one after the other so that memory doesn't grow with it. The model's safety checker looks at
/// each unless it is off.
///
/// # Errors
/// It was cancelled, a component can't be loaded, or the numbers overflowed.
pub(super) fn decode(
    resident: &Resident,
    latents: &Tensor<4>,
    safety: SafetyMode,
    context: &mut RunContext<'_>,
) -> Outcome<Vec<Drawn>> {
    let drawn = all(resident, latents, safety, context);
    resident.done_with(&resident.stages().code);
    drawn
}

fn all(
    resident: &Resident,
    latents: &Tensor<4>,
    safety: SafetyMode,
    context: &mut RunContext<'_>,
) -> Outcome<Vec<Drawn>> {
    let count = latents.dims()[0];
    let mut pictures = Vec::new();
    let mut traced = Vec::new();
    for k in 0..count {
        let picture = decode_one(resident, latents.clone().narrow(0, k, 1))?;
        let [_, _, height, width] = picture.dims();
        let mut values = values(picture)?;
        ops::check_cancelled()?;
        if values.iter().any(|x| !x.is_finite()) {
            return Err(Error::new("The picture came out as NaN: the model's numbers overflowed")
                .advise("Try --dtype f32, another sampler or a lower guidance scale")
                .into());
        }
        let mut image = rgb_image_from_unit(&values, width, height)?;
        let verdict = if safety == SafetyMode::Off { None } else { resident.judge(&image)? };
        if safety.withholds(verdict.as_ref()) {
            // As Diffusers returns it: black.
            values.fill(0.0);
            image = RgbImage::new(image.width(), image.height());
        }
        pictures.push(Drawn { verdict, ..image.into() });
        if context.is_traced() {
            traced.extend(values);
            if k + 1 == count {
                let shape = if count == 1 { vec![height, width, 3] } else { vec![count, height, width, 3] };
                context.record_values("image", &shape, &traced);
            }
        }
    }
    Ok(pictures)
}

/// Decodes the first picture of a batch of latents, as if these were the last ones.
///
/// # Errors
/// It was cancelled, the codec can't be loaded, or the device failed.
pub(super) fn preview(resident: &Resident, latents: &Tensor<4>) -> Outcome<RgbImage> {
    let picture = decode_one(resident, latents.clone().narrow(0, 0, 1));
    resident.done_with(&resident.stages().code);
    let picture = picture?;
    let [_, _, height, width] = picture.dims();
    let values = values(picture)?;
    // What was interrupted means nothing.
    ops::check_cancelled()?;
    Ok(rgb_image_from_unit(&values, width, height)?)
}

/// One picture in 0..1, `[1, 3, height, width]`, from -1..1 and beyond (`VaeImageProcessor.denormalize`).
fn decode_one(resident: &Resident, latents: Tensor<4>) -> Outcome<Tensor<4>> {
    let picture = resident.codec().decode(latents, resident.tile())?;
    Ok((picture.cast(DType::F32) * 0.5 + 0.5).clamp(0.0, 1.0))
}

/// A picture's values in the order of pixels: `[height, width, 3]`, row-major.
fn values(picture: Tensor<4>) -> Result<Vec<f32>> {
    ops::read(picture.permute([0, 2, 3, 1]))
}
