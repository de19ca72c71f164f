//! What the pipeline makes of a mask, to be seen before it does: the blocks of 8 x 8 pixels that are drawn anew, and what is cut
//! out when only the mask's surroundings are drawn.

use image::{GrayImage, imageops};

use super::Bitmap;
use crate::content::imaging::mask::{Region, blur, crop_region, grow, latent_mask};
use crate::content::request::{Inpaint, Mask};

/// Pixels a latent, each way (`vae_scale_factor` of every Stable Diffusion model).
const LATENT: usize = 8;

/// A wish to see it. It is the same wish if everything in it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wish {
    pub mask: Mask,
    pub grow: i32,
    pub blur: f64,
    pub is_soft: bool,
    pub only_masked: Option<usize>,
    /// Width and height that are drawn.
    pub size: (usize, usize),
}

/// What is to be seen.
#[derive(Debug)]
pub(crate) struct Derived {
    pub wish: Wish,
    /// A pixel a latent, over what is cut out.
    pub latents: Bitmap,
    /// What is cut out; `None` if it is everything.
    pub cut: Option<Region>,
}

impl Wish {
    /// What these settings make of their mask.
    pub(crate) fn of(inpaint: &Inpaint, size: (usize, usize)) -> Self {
        Self {
            mask: inpaint.mask.clone(),
            grow: inpaint.mask_grow,
            blur: inpaint.mask_blur,
            is_soft: inpaint.soft,
            only_masked: inpaint.only_masked,
            size,
        }
    }

    /// Finds it out.
    pub(crate) fn run(self) -> Derived {
        let mask = blur(&grow(self.mask.pixels(), self.grow), self.blur);
        let (width, height) = self.size;
        let cut = self.only_masked.and_then(|padding| crop_region(&mask, width, height, padding));
        let mask = match cut {
            Some(cut) => imageops::crop_imm(&mask, cut.left, cut.top, cut.width(), cut.height()).to_image(),
            None => mask,
        };
        let (across, down) = ((width / LATENT) as u32, (height / LATENT) as u32);
        let latents = if self.is_soft { nearest(&mask, across, down) } else { latent_mask(&mask, across, down) };
        Derived { latents: Bitmap::from_image(&latents), wish: self, cut }
    }
}

fn nearest(mask: &GrayImage, width: u32, height: u32) -> GrayImage {
    if mask.is_empty() {
        return GrayImage::new(width, height);
    }
    imageops::resize(mask, width, height, imageops::FilterType::Nearest)
}

#[cfg(test)]
mod tests {
    use image::Luma;

    use super::*;

    fn wish(only_masked: Option<usize>) -> Wish {
        let inside = |x: u32, y: u32| (40..56).contains(&x) && (8..24).contains(&y);
        let mask = GrayImage::from_fn(64, 64, |x, y| Luma([if inside(x, y) { 255 } else { 0 }]));
        let inpaint = Inpaint { mask: Mask::new(mask), only_masked, ..Inpaint::default() };
        Wish::of(&inpaint, (64, 64))
    }

    #[test]
    fn each_latent_is_drawn_anew_or_not() {
        let derived = wish(None).run();
        assert_eq!((derived.latents.size(), derived.cut), ((8, 8), None));
        let on: Vec<usize> = (0..64).filter(|at| derived.latents.pixels()[*at] == 255).collect();
        assert_eq!(on, [13, 14, 21, 22]);
    }

    #[test]
    fn the_surroundings_of_the_mask_are_cut_out_and_fill_the_latents() {
        let derived = wish(Some(0)).run();
        let cut = derived.cut.expect("only the mask is drawn");
        assert_eq!((cut.left, cut.top, cut.right, cut.bottom), (40, 8, 56, 24));
        assert!(derived.latents.pixels().iter().all(|latent| *latent == 255));
    }

    #[test]
    fn an_empty_mask_cuts_nothing_out() {
        let empty = Wish { mask: Mask::default(), ..wish(Some(32)) };
        assert_eq!(empty.run().cut, None);
    }
}
