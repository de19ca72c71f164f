//! Inpainting, as Diffusers' `StableDiffusionInpaintPipeline`, with denoisers of both kinds: one that was trained for it reads the
//! mask and the picture with its hole beside the latents; with any other, what is outside the mask is put back after each step.
//!
//! Beyond Diffusers: soft masks (see `image_conditioning`), what stands in the hole, and pasting back (see `imaging::inpaint`). A
//! batch is drawn as its pictures alone are, each from its own generator; Diffusers does so too if it is given a list of pictures.

use burn::tensor::Tensor;
use image::{GrayImage, RgbImage};

use super::image_conditioning::{ImageConditioning, KeepOutside, mask_channel};
use super::resident::Resident;
use super::run::Drawn;
use super::run_context::RunContext;
use super::run_start::RunStart;
use super::stages::Begun;
use super::step_hook::StepHook;
use super::{latents, stages};
use crate::base::error::{Error, Result};
use crate::base::stop::Outcome;
use crate::content::imaging::inpaint::InpaintCanvas;
use crate::content::imaging::mask;
use crate::content::request::{Fill, Inpaint, Request};

/// Draws the request's pictures as one batch.
pub(super) fn run(
    resident: &Resident,
    request: &Request,
    start: Option<RunStart>,
    task: &Inpaint,
    picture: &RgbImage,
    context: &mut RunContext<'_>,
) -> Outcome<Vec<Drawn>> {
    let canvas = InpaintCanvas::new(task.edit(), picture, request.size.width, request.size.height)?;
    let mask = InpaintMasks::new(resident, request, task, &canvas)?;
    let begun = stages::begin(resident, request, start, context)?;
    let mut pictures = draw(begun, request, task, &canvas, mask, context)?;
    if task.paste_back {
        for drawn in &mut pictures {
            drawn.image = canvas.paste(&drawn.image);
            if request.finish.safety.withholds(drawn.verdict.as_ref()) {
                drawn.image = RgbImage::new(drawn.image.width(), drawn.image.height());
            }
        }
    }
    Ok(pictures)
}

/// A mask in its sizes.
struct InpaintMasks {
    /// 255 in the hole, 0 elsewhere, in pixels.
    hole: GrayImage,
    /// The same in latents: what a denoiser for inpainting reads.
    latent: GrayImage,
    /// How much is drawn anew: as `latent`, or with all shades of a soft mask.
    drawn: GrayImage,
}

impl InpaintMasks {
    fn new(resident: &Resident, request: &Request, task: &Inpaint, canvas: &InpaintCanvas) -> Result<Self> {
        let (width, height) = latents::size(resident, request);
        let hole = mask::latent_mask(&canvas.mask, canvas.mask.width(), canvas.mask.height());
        let latent = mask::latent_mask(&canvas.mask, width, height);
        let drawn = task.edit().drawn_latents(&canvas.mask, width, height);
        if drawn.as_raw().iter().all(|mask| *mask == 0) {
            let factor = resident.codec().factor();
            return Err(Error::new(format!(
                "The mask is too small or too faint: the model draws in squares of {factor} x {factor} pixels, and none is marked"
            ))
            .advise("Grow the mask, or draw only the masked part, which enlarges it"));
        }
        Ok(Self { hole, latent, drawn })
    }
}

/// Draws what the mask asks for, in the canvas's size.
fn draw(
    mut begun: Begun<'_>,
    request: &Request,
    task: &Inpaint,
    canvas: &InpaintCanvas,
    mask: InpaintMasks,
    context: &mut RunContext<'_>,
) -> Outcome<Vec<Drawn>> {
    let resident = begun.resident;
    let reads_mask = resident.spec().reads_mask;
    let is_full = task.strength >= 1.0 && !task.soft;
    let has_keep = task.soft || !reads_mask;
    // In Diffusers' order: the picture's latents are sampled first, if they are needed, then comes the noise, then the latents of
    // the picture with its hole, which are drawn even where no denoiser reads them.
    let image_latents = if has_keep || !is_full {
        let posterior = latents::encode(resident, latents::pixels(resident, &canvas.picture, None))?;
        Some(latents::sample(resident, &posterior, latents::noise(resident, request, &mut begun.generators)))
    } else {
        None
    };
    let noise = latents::noise(resident, request, &mut begun.generators);
    let masked_noise = latents::noise(resident, request, &mut begun.generators);
    let latent_mask = mask_channel(&mask.latent, resident.compute());
    context.record("mask", || latent_mask.clone());
    let channels = if reads_mask {
        let pixels = latents::pixels(resident, &canvas.picture, Some(&mask.hole));
        let masked = latents::sample(resident, &latents::encode(resident, pixels)?, masked_noise);
        context.record("masked_image_latents", || masked.clone());
        let [count, _, height, width] = masked.dims();
        Some(Tensor::cat(vec![latent_mask.clone().expand([count, 1, height, width]), masked], 1))
    } else {
        None
    };
    let samples = match &image_latents {
        Some(image_latents) if !is_full => {
            let start = filled(image_latents.clone(), latent_mask, task.fill, || {
                latents::noise(resident, request, &mut begun.generators)
            });
            begun.scheduler.add_noise(&start, &noise, begun.begin)
        }
        // All that isn't kept is noise alone.
        _ => noise.clone() * begun.noise_scale(),
    };
    if let Some(image_latents) = &image_latents {
        context.record("image_latents", || image_latents.clone());
    }
    let keep = image_latents.filter(|_| has_keep).map(|image_latents| {
        Box::new(KeepOutside { image_latents, noise, mask: mask.drawn, is_soft: task.soft }) as Box<dyn StepHook>
    });
    begun.draw(samples, ImageConditioning { channels, hooks: keep.into_iter().collect() }, context)
}

/// The picture's latents with what the fill puts into the hole; a blurred fill is in the picture already.
fn filled(image_latents: Tensor<4>, mask: Tensor<4>, fill: Fill, noise: impl FnOnce() -> Tensor<4>) -> Tensor<4> {
    match fill {
        Fill::Original | Fill::Blurred => image_latents,
        Fill::Blank => image_latents * (mask * -1.0 + 1.0),
        Fill::Noise => image_latents * (mask.clone() * -1.0 + 1.0) + noise() * mask,
    }
}
