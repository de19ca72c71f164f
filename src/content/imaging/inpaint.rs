//! The pixels of inpainting: the part of a picture that is redrawn, the model's input, and pasting the result back.

use image::{GrayImage, RgbImage, imageops};

use super::margins::Margins;
use super::mask::{self, Region};
use super::resize::{self, Filter};
use super::{decode, fit, hole};
use crate::base::error::{Error, Result};

/// From this value of a soft mask on (of 255), the result is pasted at full strength: what was changed a little must not be
/// weakened a second time. Below it fades out, which hides the autoencoder's changes to pixels that were to stay.
const SOFT_EDGE: u8 = 32;

/// What inpainting does to the pixels of a picture.
#[derive(Clone, Copy, Debug)]
pub struct MaskedEdit<'a> {
    /// Where to redraw: 255 fully, 0 not at all; as large as the picture with its margins.
    pub mask: &'a GrayImage,
    /// The colours that the mask is the brightness of, where it has any: of a mask that neither grows nor is blurred, they are
    /// resized before they become brightness, as by Diffusers.
    pub colours: Option<&'a RgbImage>,
    /// How far the picture is extended before anything else.
    pub margins: Margins,
    /// By how many pixels the mask grows before it is used; negative numbers shrink it.
    pub grow: i32,
    /// Radius of the Gaussian that softens the mask's edge, in pixels.
    pub blur: f64,
    /// Whether grey in the mask means less strength, instead of all or nothing from one half on.
    pub soft: bool,
    /// Draws only the surroundings of the mask, with this many pixels around it, at full size.
    pub only_masked: Option<usize>,
    /// Whether the hole is filled with its blurred surroundings before it is drawn.
    pub hides_hole: bool,
}

impl MaskedEdit<'_> {
    /// Checks the mask against the size of the picture without its margins.
    ///
    /// # Errors
    /// There is no mask, it has another size than the picture with its margins, or nothing is in it.
    pub fn check_mask(&self, picture: (u32, u32)) -> Result<()> {
        let mask = self.mask.dimensions();
        if self.mask.is_empty() {
            return Err(
                Error::new("There is no mask: nothing says where to draw").advise("Paint one, or choose a file")
            );
        }
        let (width, height) = self.margins.around(picture.0 as usize, picture.1 as usize);
        if (mask.0 as usize, mask.1 as usize) != (width, height) {
            let without = if self.margins.is_empty() {
                String::new()
            } else {
                format!(" ({} x {} without its margins)", picture.0, picture.1)
            };
            return Err(Error::new(format!(
                "The mask has {} x {} pixels, but the picture has {width} x {height}{without}",
                mask.0, mask.1
            ))
            .advise("Paint a mask for this picture, or bring both to the same size"));
        }
        if self.mask.as_raw().iter().all(|pixel| *pixel == 0) {
            return Err(Error::new("The mask is empty: there is nothing to draw")
                .advise("Paint over what is to be drawn anew; white is drawn, black stays"));
        }
        Ok(())
    }

    /// Computes what the pipeline does with the mask when it draws `width` x `height` pixels and `factor` x `factor` of them
    /// are one latent. The pipeline uses the same functions.
    pub fn preview(&self, width: usize, height: usize, factor: usize) -> MaskPreview {
        let factor = factor.max(1);
        let (across, down) = ((width / factor) as u32, (height / factor) as u32);
        if self.mask.is_empty() || width == 0 || height == 0 {
            return MaskPreview { latents: GrayImage::new(across, down), region: None };
        }
        let (region, mask) = self.fitted(&self.grown_and_blurred(), width, height);
        MaskPreview { latents: self.drawn_latents(&mask, across, down), region }
    }

    /// Computes how much of each latent is redrawn: all or nothing, or all shades of a soft mask. `mask` has the size that is
    /// drawn.
    pub fn drawn_latents(&self, mask: &GrayImage, width: u32, height: u32) -> GrayImage {
        if self.soft {
            resize::grey(mask, width, height, Filter::Bilinear)
        } else {
            mask::latent_mask(mask, width, height)
        }
    }

    /// Finds the region that is drawn, and resizes its part of an edited mask to the size that is drawn.
    fn fitted(&self, mask: &GrayImage, width: usize, height: usize) -> (Option<Region>, GrayImage) {
        let region = self.only_masked.and_then(|padding| mask::crop_region(mask, width, height, padding));
        let (w, h) = (width as u32, height as u32);
        let colours = self.colours.filter(|_| self.grow == 0 && self.blur <= 0.0);
        let fitted = match (region, colours) {
            // As `padding_mask_crop` does; Pillow converts the mask to three colours and back.
            (Some(Region { left, top, right, bottom }), colours) => {
                let (across, down) = (right - left, bottom - top);
                let part = if let Some(colours) = colours {
                    imageops::crop_imm(colours, left, top, across, down).to_image()
                } else {
                    let part = imageops::crop_imm(mask, left, top, across, down).to_image();
                    image::DynamicImage::ImageLuma8(part).into_rgb8()
                };
                decode::brightness(&fit::filled(&part, w, h))
            }
            (None, Some(colours)) => decode::brightness(&resize::rgb(colours, w, h, Filter::Lanczos)),
            (None, None) => resize::grey(mask, w, h, Filter::Lanczos),
        };
        (region, fitted)
    }

    fn grown_and_blurred(&self) -> GrayImage {
        mask::blur(&mask::grow(self.mask, self.grow), self.blur)
    }

    /// Checks the mask against the picture, then grows and blurs it.
    fn checked_mask(&self, picture: &RgbImage) -> Result<GrayImage> {
        self.check_mask(picture.dimensions())?;
        let edited = self.grown_and_blurred();
        if edited.as_raw().iter().all(|pixel| *pixel == 0) {
            return Err(Error::new("Nothing is left of the mask after it was shrunk or blurred")
                .advise("Shrink or blur it less, or paint a larger one"));
        }
        Ok(edited)
    }
}

/// A picture that is being inpainted.
#[derive(Clone, Debug)]
pub struct InpaintCanvas {
    /// The picture with its margins.
    original: RgbImage,
    /// How much of the result is pasted where; as large as the original.
    paste_mask: GrayImage,
    /// The part of the original that is drawn; `None` for all of it.
    region: Option<Region>,
    /// The model's input, in the size that is drawn.
    pub picture: RgbImage,
    /// Where it draws, in the size that is drawn.
    pub mask: GrayImage,
}

impl InpaintCanvas {
    /// Prepares a picture for being drawn at `width` x `height` pixels.
    ///
    /// # Errors
    /// The mask has another size than the picture, nothing in it, or only points so small that the model misses them.
    pub fn new(edit: MaskedEdit<'_>, picture: &RgbImage, width: usize, height: usize) -> Result<Self> {
        let mask = edit.checked_mask(picture)?;
        let original = if edit.margins.is_empty() { picture.clone() } else { fit::extended(picture, edit.margins) };
        let (region, drawn_mask) = edit.fitted(&mask, width, height);
        let (w, h) = (width as u32, height as u32);
        let mut picture = match region {
            Some(region) => {
                let picture = imageops::crop_imm(&original, region.left, region.top, region.width(), region.height());
                fit::filled(&picture.to_image(), w, h)
            }
            None => resize::rgb(&original, w, h, Filter::Lanczos),
        };
        if edit.hides_hole {
            picture = hole::fill(&picture, &drawn_mask);
        }
        let paste_mask = if edit.soft { hardened(mask) } else { mask };
        Ok(Self { original, paste_mask, region, picture, mask: drawn_mask })
    }

    /// Pastes what was drawn into the original: wherever the mask is 0, the result is the same byte for byte.
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

/// What the pipeline does with a mask, to be shown before anything is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskPreview {
    /// How much of each latent of the region is redrawn.
    pub latents: GrayImage,
    /// The part of the picture that is drawn; `None` for all of it.
    pub region: Option<Region>,
}

/// Scales a mask so that [`SOFT_EDGE`] becomes 255.
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

    fn picture(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| Rgb([x * 3, y * 5, x * y].map(|c| c as u8)))
    }

    /// Draws what is in the mask anew, and nothing more.
    fn edit(mask: &GrayImage) -> MaskedEdit<'_> {
        let margins = Margins::default();
        MaskedEdit {
            mask,
            colours: None,
            margins,
            grow: 0,
            blur: 0.0,
            soft: false,
            only_masked: None,
            hides_hole: false,
        }
    }

    fn complaint(edit: MaskedEdit<'_>) -> String {
        InpaintCanvas::new(edit, &picture(101, 70), 96, 64).expect_err("it can't be drawn").to_string()
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
            let mask = random_mask(&mut rng, full_width as u32, full_height as u32);
            let edit = MaskedEdit {
                mask: &mask,
                colours: None,
                margins,
                grow: random(&mut rng, 9).cast_signed() - 2,
                blur: f64::from(random(&mut rng, 5)),
                soft: random(&mut rng, 3) == 0,
                only_masked: (random(&mut rng, 2) == 0).then_some(random(&mut rng, 40) as usize),
                hides_hole: random(&mut rng, 2) == 0,
            };
            let picture = picture(width, height);
            let size = (8 * (1 + random(&mut rng, 9)), 8 * (1 + random(&mut rng, 9)));
            // A mask may be shrunk to nothing.
            let Ok(canvas) = InpaintCanvas::new(edit, &picture, size.0 as usize, size.1 as usize) else { continue };
            assert_eq!((canvas.picture.dimensions(), canvas.mask.dimensions()), (size, size));
            let noise = (0..size.0 * size.1 * 3).map(|_| random(&mut rng, 256) as u8).collect();
            let pasted = canvas.paste(&RgbImage::from_raw(size.0, size.1, noise).expect("as many bytes"));
            let png = png_text::encode(&pasted, &[]).expect("a PNG");
            let saved = image::load_from_memory(&png).expect("it opens").into_rgb8();

            let original = fit::extended(&picture, margins);
            let mask = mask::blur(&mask::grow(edit.mask, edit.grow), edit.blur);
            assert_eq!(saved.dimensions(), original.dimensions());
            for (x, y, mask) in mask.enumerate_pixels() {
                let same = saved.get_pixel(x, y) == original.get_pixel(x, y);
                assert!(same || mask.0[0] > 0, "round {round}: {x}, {y} of {edit:?}");
            }
        }
    }

    #[test]
    fn what_is_previewed_is_what_the_pipeline_draws_at_any_size_and_factor() {
        let mut rng = 11;
        for round in 0..60 {
            let (width, height) = (8 + random(&mut rng, 90), 8 + random(&mut rng, 70));
            let mask = random_mask(&mut rng, width, height);
            let edit = MaskedEdit {
                grow: random(&mut rng, 9).cast_signed() - 2,
                blur: f64::from(random(&mut rng, 5)),
                soft: random(&mut rng, 2) == 0,
                only_masked: (random(&mut rng, 2) == 0).then_some(random(&mut rng, 40) as usize),
                ..edit(&mask)
            };
            let factor = if random(&mut rng, 2) == 0 { 4 } else { 8 };
            let size = [(); 2].map(|()| (factor * (1 + random(&mut rng, 9))) as usize);
            let Ok(canvas) = InpaintCanvas::new(edit, &picture(width, height), size[0], size[1]) else { continue };
            let (across, down) = (size[0] as u32 / factor, size[1] as u32 / factor);
            let preview = edit.preview(size[0], size[1], factor as usize);
            assert_eq!(preview.region, canvas.region, "round {round}");
            assert_eq!(preview.latents, edit.drawn_latents(&canvas.mask, across, down), "round {round}");
        }
        let nothing = edit(&GrayImage::default()).preview(64, 64, 8);
        assert_eq!((nothing.latents, nothing.region), (GrayImage::new(8, 8), None));
    }

    #[test]
    fn a_mask_that_is_missing_empty_or_of_another_size_is_refused_with_what_to_do() {
        assert!(complaint(edit(&GrayImage::default())).starts_with("There is no mask"));
        let empty = complaint(edit(&GrayImage::new(101, 70)));
        assert!(empty.starts_with("The mask is empty: there is nothing to draw. Paint over"), "{empty}");
        let other = complaint(edit(&GrayImage::from_pixel(70, 101, Luma([255]))));
        assert!(other.starts_with("The mask has 70 x 101 pixels, but the picture has 101 x 70. "), "{other}");
        let margins = Margins { left: 10, ..Margins::default() };
        let other = complaint(MaskedEdit { margins, ..edit(&GrayImage::from_pixel(101, 70, Luma([255]))) });
        assert!(other.contains("101 x 70 pixels, but the picture has 111 x 70 (101 x 70 without"), "{other}");
        let mut dot = GrayImage::new(101, 70);
        dot.put_pixel(50, 30, Luma([255]));
        let shrunk = complaint(MaskedEdit { grow: -3, ..edit(&dot) });
        assert!(shrunk.starts_with("Nothing is left of the mask"), "{shrunk}");
    }

    #[test]
    fn a_full_mask_takes_all_of_what_was_drawn() {
        let mask = GrayImage::from_pixel(101, 70, Luma([255]));
        let canvas = InpaintCanvas::new(edit(&mask), &picture(101, 70), 96, 64).expect("it can be drawn");
        let drawn = RgbImage::from_pixel(96, 64, Rgb([9, 8, 7]));
        assert_eq!(canvas.paste(&drawn), RgbImage::from_pixel(101, 70, Rgb([9, 8, 7])));
    }

    #[test]
    fn a_blurred_hole_hides_what_was_in_it() {
        let mask = GrayImage::from_fn(64, 64, |x, _| Luma([if x < 40 { 255 } else { 0 }]));
        let mut picture = RgbImage::from_pixel(64, 64, Rgb([10, 200, 30]));
        picture.put_pixel(5, 5, Rgb([255, 0, 255]));
        let edit = MaskedEdit { hides_hole: true, ..edit(&mask) };
        let canvas = InpaintCanvas::new(edit, &picture, 64, 64).expect("it can be drawn");
        assert_eq!(canvas.picture, RgbImage::from_pixel(64, 64, Rgb([10, 200, 30])));
    }
}
