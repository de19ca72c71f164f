//! The pixels of inpainting: which part of a picture is drawn anew, what the model gets to see of it, and how the result comes
//! back into the picture.

use image::{GrayImage, RgbImage, imageops};

use super::mask::{self, Region};
use super::resize::{self, Filter};
use super::{fit, hole};
use crate::base::error::{Error, Result};
use crate::content::request::{Fill, Inpaint};

/// Where a soft mask has faded this far (of 255), the result is pasted wholly: what was changed a little must not be weakened a
/// second time. Below, it fades out, which hides what the autoencoder does to pixels that nothing changed.
const SOFT_EDGE: u8 = 32;

/// A picture that is being inpainted.
#[derive(Clone, Debug)]
pub struct Canvas {
    /// The picture with its margins.
    original: RgbImage,
    /// How much of the result comes back where; as large as the original.
    paste_mask: GrayImage,
    /// What of the original is drawn; `None` for all of it.
    region: Option<Region>,
    /// What the model begins with, in the size that is drawn.
    pub picture: RgbImage,
    /// Where it draws, in the size that is drawn.
    pub mask: GrayImage,
}

impl Canvas {
    /// Prepares a picture for being drawn at `width` x `height` pixels.
    ///
    /// # Errors
    /// The mask has another size than the picture, nothing in it, or only points so small that the model misses them.
    pub fn new(task: &Inpaint, picture: &RgbImage, width: usize, height: usize) -> Result<Self> {
        let mask = edited_mask(task, picture)?;
        let original = if task.margins.is_empty() { picture.clone() } else { fit::extended(picture, task.margins) };
        let (region, drawn_mask) = fitted_mask(task, &mask, width, height);
        let (w, h) = (width as u32, height as u32);
        let mut picture = match region {
            Some(region) => {
                let picture = imageops::crop_imm(&original, region.left, region.top, region.width(), region.height());
                fit::filled(&picture.to_image(), w, h)
            }
            None => resize::rgb(&original, w, h, Filter::Lanczos),
        };
        if task.fill == Fill::Blurred {
            picture = hole::fill(&picture, &drawn_mask);
        }
        let paste_mask = if task.soft { hardened(mask) } else { mask };
        Ok(Self { original, paste_mask, region, picture, mask: drawn_mask })
    }

    /// The original with what was drawn in its place, as large as the original: byte for byte the same wherever the mask is 0.
    pub fn paste(&self, drawn: &RgbImage) -> RgbImage {
        let (width, height) = self.original.dimensions();
        let drawn = match self.region {
            Some(region) => {
                let fitted = fit::cropped(drawn, region.width(), region.height());
                let mut whole = self.original.clone();
                imageops::replace(&mut whole, &fitted, region.left.into(), region.top.into());
                whole
            }
            None => resize::rgb(drawn, width, height, Filter::Lanczos),
        };
        mask::composite(&drawn, &self.original, &self.paste_mask)
    }
}

/// What a task makes of its mask, to be shown before anything is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskPreview {
    /// How much of each latent is drawn anew, over the region.
    pub latents: GrayImage,
    /// What of the picture is drawn; `None` for all of it.
    pub region: Option<Region>,
}

/// Tells what the pipeline makes of a task's mask when it draws `width` x `height` pixels, with an autoencoder that makes a latent
/// of `factor` x `factor` of them. It goes through the same functions as the pipeline.
pub fn preview_mask(task: &Inpaint, width: usize, height: usize, factor: usize) -> MaskPreview {
    let factor = factor.max(1);
    let (across, down) = ((width / factor) as u32, (height / factor) as u32);
    if task.mask.pixels().is_empty() || width == 0 || height == 0 {
        return MaskPreview { latents: GrayImage::new(across, down), region: None };
    }
    let (region, mask) = fitted_mask(task, &grown_and_blurred(task), width, height);
    MaskPreview { latents: drawn_latents(task, &mask, across, down), region }
}

/// How much of each latent is drawn anew: all or nothing, or all shades of a soft mask. `mask` has the size that is drawn.
pub fn drawn_latents(task: &Inpaint, mask: &GrayImage, width: u32, height: u32) -> GrayImage {
    if task.soft { resize::grey(mask, width, height, Filter::Bilinear) } else { mask::latent_mask(mask, width, height) }
}

/// The region that is drawn, and what of an edited mask lies in it, in the size that is drawn.
fn fitted_mask(task: &Inpaint, mask: &GrayImage, width: usize, height: usize) -> (Option<Region>, GrayImage) {
    let region = task.only_masked.and_then(|padding| mask::crop_region(mask, width, height, padding));
    let (w, h) = (width as u32, height as u32);
    let fitted = match region {
        // As `padding_mask_crop` does it; Pillow brings the mask into a canvas of three colours and back.
        Some(region) => {
            let mask = imageops::crop_imm(mask, region.left, region.top, region.width(), region.height());
            let coloured = image::DynamicImage::ImageLuma8(mask.to_image()).into_rgb8();
            let filled = fit::filled(&coloured, w, h);
            let red = filled.as_chunks::<3>().0.iter().map(|[red, _, _]| *red).collect();
            GrayImage::from_raw(w, h, red).unwrap_or_default()
        }
        None => resize::grey(mask, w, h, Filter::Lanczos),
    };
    (region, fitted)
}

fn grown_and_blurred(task: &Inpaint) -> GrayImage {
    mask::blur(&mask::grow(task.mask.pixels(), task.mask_grow), task.mask_blur)
}

/// The task's mask, grown and blurred.
fn edited_mask(task: &Inpaint, picture: &RgbImage) -> Result<GrayImage> {
    task.check_mask(picture.dimensions())?;
    let edited = grown_and_blurred(task);
    if edited.as_raw().iter().all(|pixel| *pixel == 0) {
        return Err(Error::new("Nothing is left of the mask after it was shrunk or blurred")
            .advise("Shrink or blur it less, or paint a larger one"));
    }
    Ok(edited)
}

/// A mask that rises to 255 at [`SOFT_EDGE`].
fn hardened(mut mask: GrayImage) -> GrayImage {
    for pixel in mask.iter_mut() {
        *pixel = (u32::from(*pixel) * 255 / u32::from(SOFT_EDGE)).min(255) as u8;
    }
    mask
}

#[cfg(test)]
mod tests {
    use image::{Luma, Rgb};

    use super::*;
    use crate::content::imaging::png_text;
    use crate::content::request::{Margins, Mask};

    fn picture(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| Rgb([x * 3, y * 5, x * y].map(|c| c as u8)))
    }

    fn complaint(task: &Inpaint) -> String {
        Canvas::new(task, &picture(101, 70), 96, 64).expect_err("it can't be drawn").to_string()
    }

    /// Numbers from 0 to below `end` (Knuth's MMIX generator).
    fn random(rng: &mut u64, end: u32) -> u32 {
        *rng = rng.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*rng >> 33) as u32 % end
    }

    /// A mask of discs, some hard and some soft.
    fn random_mask(rng: &mut u64, width: u32, height: u32) -> GrayImage {
        let mut mask = GrayImage::new(width, height);
        for _ in 0..=random(rng, 3) {
            let (x, y, radius) = (random(rng, width), random(rng, height), 1 + random(rng, width / 3 + 1));
            let value = if random(rng, 2) == 0 { 255 } else { 1 + random(rng, 255) as u8 };
            for (i, j, pixel) in mask.enumerate_pixels_mut() {
                if x.abs_diff(i).pow(2) + y.abs_diff(j).pow(2) < radius.pow(2) {
                    *pixel = Luma([value]);
                }
            }
        }
        mask
    }

    #[test]
    fn what_the_mask_leaves_out_is_byte_for_byte_in_the_saved_png() {
        let mut rng = 7;
        for round in 0..60 {
            let (width, height) = (1 + random(&mut rng, 90), 1 + random(&mut rng, 70));
            let margins = if random(&mut rng, 3) == 0 { [3, 0, 17, 8] } else { [0; 4] };
            let [left, top, right, bottom] = margins;
            let margins = Margins { left, top, right, bottom };
            let (full_width, full_height) = margins.around(width as usize, height as usize);
            let task = Inpaint {
                mask: Mask::new(random_mask(&mut rng, full_width as u32, full_height as u32)),
                margins,
                mask_grow: random(&mut rng, 9).cast_signed() - 2,
                mask_blur: f64::from(random(&mut rng, 5)),
                soft: random(&mut rng, 3) == 0,
                only_masked: (random(&mut rng, 2) == 0).then_some(random(&mut rng, 40) as usize),
                fill: if random(&mut rng, 2) == 0 { Fill::Blurred } else { Fill::Original },
                ..Inpaint::default()
            };
            let picture = picture(width, height);
            let size = (8 * (1 + random(&mut rng, 9)), 8 * (1 + random(&mut rng, 9)));
            // A mask may be shrunk to nothing.
            let Ok(canvas) = Canvas::new(&task, &picture, size.0 as usize, size.1 as usize) else { continue };
            assert_eq!((canvas.picture.dimensions(), canvas.mask.dimensions()), (size, size));
            let noise = (0..size.0 * size.1 * 3).map(|_| random(&mut rng, 256) as u8).collect();
            let pasted = canvas.paste(&RgbImage::from_raw(size.0, size.1, noise).expect("as many bytes"));
            let png = png_text::encode(&pasted, &[]).expect("a PNG");
            let saved = image::load_from_memory(&png).expect("it opens").into_rgb8();

            let original = fit::extended(&picture, margins);
            let mask = mask::blur(&mask::grow(task.mask.pixels(), task.mask_grow), task.mask_blur);
            assert_eq!(saved.dimensions(), original.dimensions());
            for (x, y, mask) in mask.enumerate_pixels() {
                let same = saved.get_pixel(x, y) == original.get_pixel(x, y);
                assert!(same || mask.0[0] > 0, "round {round}: {x}, {y} of {task:?}");
            }
        }
    }

    #[test]
    fn what_is_previewed_is_what_the_pipeline_draws_at_any_size_and_factor() {
        let mut rng = 11;
        for round in 0..60 {
            let (width, height) = (8 + random(&mut rng, 90), 8 + random(&mut rng, 70));
            let task = Inpaint {
                mask: Mask::new(random_mask(&mut rng, width, height)),
                mask_grow: random(&mut rng, 9).cast_signed() - 2,
                mask_blur: f64::from(random(&mut rng, 5)),
                soft: random(&mut rng, 2) == 0,
                only_masked: (random(&mut rng, 2) == 0).then_some(random(&mut rng, 40) as usize),
                ..Inpaint::default()
            };
            let factor = if random(&mut rng, 2) == 0 { 4 } else { 8 };
            let size = [(); 2].map(|()| (factor * (1 + random(&mut rng, 9))) as usize);
            let Ok(canvas) = Canvas::new(&task, &picture(width, height), size[0], size[1]) else { continue };
            let (across, down) = (size[0] as u32 / factor, size[1] as u32 / factor);
            let preview = preview_mask(&task, size[0], size[1], factor as usize);
            assert_eq!(preview.region, canvas.region, "round {round}");
            assert_eq!(preview.latents, drawn_latents(&task, &canvas.mask, across, down), "round {round}");
        }
        let nothing = preview_mask(&Inpaint::default(), 64, 64, 8);
        assert_eq!((nothing.latents, nothing.region), (GrayImage::new(8, 8), None));
    }

    #[test]
    fn a_mask_that_is_missing_empty_or_of_another_size_is_refused_with_what_to_do() {
        let with = |mask: GrayImage| Inpaint { mask: Mask::new(mask), ..Inpaint::default() };
        assert!(complaint(&Inpaint::default()).starts_with("There is no mask"));
        let empty = complaint(&with(GrayImage::new(101, 70)));
        assert!(empty.starts_with("The mask is empty: there is nothing to draw. Paint over"), "{empty}");
        let other = complaint(&with(GrayImage::from_pixel(70, 101, Luma([255]))));
        assert!(other.starts_with("The mask has 70 x 101 pixels, but the picture has 101 x 70. "), "{other}");
        let margins = Margins { left: 10, ..Margins::default() };
        let other = Inpaint { margins, ..with(GrayImage::from_pixel(101, 70, Luma([255]))) };
        let other = complaint(&other);
        assert!(other.contains("101 x 70 pixels, but the picture has 111 x 70 (101 x 70 without"), "{other}");
        let mut dot = GrayImage::new(101, 70);
        dot.put_pixel(50, 30, Luma([255]));
        let shrunk = complaint(&Inpaint { mask_grow: -3, ..with(dot) });
        assert!(shrunk.starts_with("Nothing is left of the mask"), "{shrunk}");
    }

    #[test]
    fn a_full_mask_takes_all_of_what_was_drawn() {
        let mask = Mask::new(GrayImage::from_pixel(101, 70, Luma([255])));
        let task = Inpaint { mask, ..Inpaint::default() };
        let canvas = Canvas::new(&task, &picture(101, 70), 96, 64).expect("it can be drawn");
        let drawn = RgbImage::from_pixel(96, 64, Rgb([9, 8, 7]));
        assert_eq!(canvas.paste(&drawn), RgbImage::from_pixel(101, 70, Rgb([9, 8, 7])));
    }

    #[test]
    fn a_blurred_hole_hides_what_was_in_it() {
        let mask = GrayImage::from_fn(64, 64, |x, _| Luma([if x < 40 { 255 } else { 0 }]));
        let mut picture = RgbImage::from_pixel(64, 64, Rgb([10, 200, 30]));
        picture.put_pixel(5, 5, Rgb([255, 0, 255]));
        let task = Inpaint { mask: Mask::new(mask), fill: Fill::Blurred, ..Inpaint::default() };
        let canvas = Canvas::new(&task, &picture, 64, 64).expect("it can be drawn");
        assert_eq!(canvas.picture, RgbImage::from_pixel(64, 64, Rgb([10, 200, 30])));
    }
}
