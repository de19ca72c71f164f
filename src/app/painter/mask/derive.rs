//! What the pipeline makes of a mask, to be seen before it does: the latents that are drawn anew, and what is cut out when only
//! the mask's surroundings are drawn.

use super::Bitmap;
use crate::content::imaging::mask::Region;
use crate::content::request::Inpaint;

/// A wish to see it. It is the same wish if everything in it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SightsWish {
    /// The mask and what becomes of it; nothing else of the task.
    task: Inpaint,
    /// Width and height that are drawn.
    size: (usize, usize),
    /// Pixels a latent, each way.
    factor: usize,
}

/// What is to be seen.
#[derive(Debug)]
pub(crate) struct Derived {
    pub wish: SightsWish,
    /// A pixel a latent, over what is cut out.
    pub latents: Bitmap,
    /// What is cut out; `None` if it is everything.
    pub cut: Option<Region>,
}

impl SightsWish {
    /// What these settings make of their mask, with a model whose latents are `factor` pixels wide.
    pub(crate) fn of(inpaint: &Inpaint, size: (usize, usize), factor: usize) -> Self {
        let task = Inpaint {
            mask: inpaint.mask.clone(),
            mask_grow: inpaint.mask_grow,
            mask_blur: inpaint.mask_blur,
            soft: inpaint.soft,
            only_masked: inpaint.only_masked,
            ..Inpaint::default()
        };
        Self { task, size, factor }
    }

    /// Finds it out. On large masks it takes a while.
    pub(crate) fn run(self) -> Derived {
        let preview = self.task.edit().preview(self.size.0, self.size.1, self.factor);
        Derived { latents: Bitmap::from_image(&preview.latents), cut: preview.region, wish: self }
    }
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, Luma};

    use super::*;
    use crate::content::request::Mask;

    fn wish(only_masked: Option<usize>) -> SightsWish {
        let inside = |x: u32, y: u32| (40..56).contains(&x) && (8..24).contains(&y);
        let mask = GrayImage::from_fn(64, 64, |x, y| Luma([if inside(x, y) { 255 } else { 0 }]));
        let inpaint = Inpaint { mask: Mask::new(mask), only_masked, ..Inpaint::default() };
        SightsWish::of(&inpaint, (64, 64), 8)
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
        let empty = SightsWish::of(&Inpaint { only_masked: Some(32), ..Inpaint::default() }, (64, 64), 8);
        assert_eq!(empty.run().cut, None);
    }

    #[test]
    fn a_model_with_smaller_latents_has_more_of_them() {
        let finer = SightsWish { factor: 4, ..wish(None) }.run();
        assert_eq!(finer.latents.size(), (16, 16));
        let changed = finer.latents.pixels().iter().map(|latent| usize::from(*latent == 255));
        assert_eq!(changed.sum::<usize>(), 16);
    }
}
