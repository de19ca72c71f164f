//! The end of every task: numbers become pictures.

use burn::tensor::{DType, Tensor};
use image::RgbImage;

use super::memory::Part;
use super::opening::uncancelled;
use super::stable_diffusion::StableDiffusion;
use super::{Drawn, Hooks, Run};
use crate::base::cancel::CancelToken;
use crate::base::error::{Error, Result};
use crate::content::imaging::pixels::rgb_image_from_unit;
use crate::content::request::{SafetyMode, Verdict};
use crate::ops::read;

/// Latents to pictures, which the model's safety checker looks at unless it is off.
pub(super) fn decode(
    model: &StableDiffusion,
    latents: &Tensor<4>,
    safety: SafetyMode,
    hooks: &mut Hooks<'_>,
) -> Result<Run> {
    let cancel = hooks.cancel;
    let slot = model.parts.safety_checker.as_ref().filter(|_| safety != SafetyMode::Off);
    let judge = |picture: &RgbImage| {
        let Some(slot) = slot else { return Ok(None) };
        model.done_with(Part::Vae);
        let Some(checker) = model.part(slot, cancel)? else { return Ok(None) };
        let verdict = checker.judge(picture, &model.compute).map(Some);
        drop(checker);
        model.done_with(Part::SafetyChecker);
        verdict
    };
    let unit = |k| decode_one(model, latents.clone().narrow(0, k, 1), cancel);
    let run = finish(latents.dims()[0], hooks, unit, judge, safety);
    model.done_with(Part::Vae);
    run
}

/// The first picture of a batch of latents, as it would be if these were the last. `None` when cancelled.
pub(super) fn preview(model: &StableDiffusion, latents: &Tensor<4>, cancel: &CancelToken) -> Result<Option<RgbImage>> {
    let drawn = decode_one(model, latents.clone().narrow(0, 0, 1), cancel);
    model.done_with(Part::Vae);
    let Some(picture) = drawn? else { return Ok(None) };
    let picture = picture_of(picture)?;
    // What was interrupted means nothing.
    Ok((!cancel.is_cancelled()).then_some(picture))
}

/// The pictures of a batch, one after the other so that memory doesn't grow with it: `unit` gives picture `k` in 0..1,
/// `[1, 3, height, width]`, or `None` when cancelled; `judge` says what the safety checker says of it.
pub(super) fn finish(
    count: usize,
    hooks: &mut Hooks<'_>,
    unit: impl Fn(usize) -> Result<Option<Tensor<4>>>,
    judge: impl Fn(&RgbImage) -> Result<Option<Verdict>>,
    safety: SafetyMode,
) -> Result<Run> {
    let mut pictures = Vec::new();
    let mut traced = Vec::new();
    for k in 0..count {
        let Some(picture) = unit(k)? else { return Ok(Run::Cancelled) };
        let [_, _, height, width] = picture.dims();
        let mut values = values(picture)?;
        if hooks.cancel.is_cancelled() {
            return Ok(Run::Cancelled);
        }
        if values.iter().any(|x| !x.is_finite()) {
            return Err(Error::new("The picture came out as NaN: the model's numbers overflowed")
                .advise("Try --dtype f32, another sampler or a lower guidance scale"));
        }
        let mut image = rgb_image_from_unit(&values, width, height)?;
        let verdict = judge(&image)?;
        if hooks.cancel.is_cancelled() {
            return Ok(Run::Cancelled);
        }
        if safety.withholds(verdict.as_ref()) {
            // As Diffusers returns it: black.
            values.fill(0.0);
            image = RgbImage::new(image.width(), image.height());
        }
        pictures.push(Drawn { verdict, ..image.into() });
        if let Some(trace) = &mut hooks.trace {
            traced.extend(values);
            if k + 1 == count {
                let shape = if count == 1 { vec![height, width, 3] } else { vec![count, height, width, 3] };
                trace.record("image", shape, &traced);
            }
        }
    }
    Ok(Run::Done(pictures))
}

/// A picture in 0..1, `[1, 3, height, width]`.
pub(super) fn picture_of(unit: Tensor<4>) -> Result<RgbImage> {
    let [_, _, height, width] = unit.dims();
    rgb_image_from_unit(&values(unit)?, width, height)
}

/// What a network draws, -1..1 and beyond, as 0..1 (`VaeImageProcessor.denormalize`).
pub(super) fn to_unit(drawn: Tensor<4>) -> Tensor<4> {
    (drawn.cast(DType::F32) * 0.5 + 0.5).clamp(0.0, 1.0)
}

/// One picture in 0..1, `[1, 3, height, width]`; `None` when cancelled.
fn decode_one(model: &StableDiffusion, latents: Tensor<4>, cancel: &CancelToken) -> Result<Option<Tensor<4>>> {
    let Some(vae) = model.part(&model.parts.vae, cancel)? else { return Ok(None) };
    let latents = vae.unscale_latents(latents).cast(model.compute.dtype);
    let picture = match model.tile() {
        None => vae.decode(latents),
        Some(tile) => vae.decode_tiled(&latents, tile),
    };
    Ok(uncancelled(picture)?.map(to_unit))
}

/// A picture's values in the order of pixels: `[height, width, 3]`, row-major.
fn values(picture: Tensor<4>) -> Result<Vec<f32>> {
    read(picture.permute([0, 2, 3, 1]))
}
