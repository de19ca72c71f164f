//! What a task that begins with a picture adds to the loop: more for the denoiser to read, and parts that are kept as they were.

use burn::tensor::{DType, Tensor, TensorData};
use image::GrayImage;

use super::step_hook::{StepEnd, StepHook};
use crate::base::device::ComputeDevice;
use crate::base::stop::Outcome;

/// Additions to a denoise loop; none by default.
#[derive(Default)]
pub(super) struct ImageConditioning {
    /// What the denoiser reads after the latents, `[batch, channels, height, width]`; no scheduler scales it.
    pub(super) channels: Option<Tensor<4>>,
    /// What takes part in each step.
    pub(super) hooks: Vec<Box<dyn StepHook>>,
}

/// Keeps parts of a picture: after each step they are the picture again, noised to the level of the next step, and after the last
/// one as it is.
pub(super) struct KeepOutside {
    /// The picture's latents, `[batch, channels, height, width]`.
    pub(super) image_latents: Tensor<4>,
    /// The noise that the run began with, of the same shape.
    pub(super) noise: Tensor<4>,
    /// Where it is drawn anew, one byte a latent.
    pub(super) mask: GrayImage,
    /// Whether a latent is let go when as much of the run is left as the mask says (differential diffusion, arXiv 2306.00950,
    /// algorithm 1), instead of from the start if the mask says 255.
    pub(super) is_soft: bool,
}

impl StepHook for KeepOutside {
    fn after_step(&mut self, step: &StepEnd<'_>, samples: Tensor<4>) -> Outcome<Tensor<4>> {
        let (done, of) = step.progress;
        let image_latents = self.image_latents.clone();
        let original =
            if done < of { step.scheduler.add_noise(&image_latents, &self.noise, step.next) } else { image_latents };
        let mask = self.drawn(done, of, &samples);
        Ok(original * (mask.clone() * -1.0 + 1.0) + samples * mask)
    }
}

impl KeepOutside {
    /// 1 where the next step draws, 0 where the picture stays, `[1, 1, height, width]`.
    ///
    /// A strength of s is that of s times the steps, rounded up; the paper's own code takes one more where that is a whole number.
    fn drawn(&self, done: usize, of: usize, like: &Tensor<4>) -> Tensor<4> {
        let is_drawn = |mask: &u8| {
            let mask = usize::from(*mask);
            if self.is_soft { mask * of > 255 * (of - done) } else { mask == 255 }
        };
        let values: Vec<f32> = self.mask.as_raw().iter().map(|mask| f32::from(u8::from(is_drawn(mask)))).collect();
        plane(values, &self.mask, &like.device())
    }
}

/// A mask of 0 and 255 as the denoiser reads it, `[1, 1, height, width]` of 0 and 1.
pub(super) fn mask_channel(mask: &GrayImage, compute: &ComputeDevice) -> Tensor<4> {
    plane(mask.as_raw().iter().map(|mask| f32::from(*mask) / 255.0).collect(), mask, &compute.device)
}

fn plane(values: Vec<f32>, like: &GrayImage, device: &burn::tensor::Device) -> Tensor<4> {
    let shape = [1, 1, like.height() as usize, like.width() as usize];
    Tensor::from_data(TensorData::new(values, shape), (device, DType::F32))
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    /// How many of ten steps each value of a mask gets, from when it is let go on.
    fn steps(mask: &[u8], is_soft: bool) -> Vec<usize> {
        let nothing = Tensor::zeros([1, 1, 1, mask.len()], (&Device::flex(), DType::F32));
        let mask = GrayImage::from_raw(mask.len() as u32, 1, mask.to_vec()).expect("one row");
        let keep = KeepOutside { image_latents: nothing.clone(), noise: nothing.clone(), mask, is_soft };
        let mut steps = vec![0; keep.mask.len()];
        for done in 0..10 {
            let drawn: Vec<f32> = keep.drawn(done, 10, &nothing).into_data().try_to_vec().expect("numbers");
            for (steps, drawn) in steps.iter_mut().zip(drawn) {
                *steps += usize::from(drawn > 0.5);
            }
        }
        steps
    }

    #[test]
    fn a_soft_mask_lets_go_when_as_much_of_the_run_is_left_as_it_says() {
        assert_eq!(steps(&[0, 1, 25, 26, 128, 255], true), [0, 0, 0, 1, 5, 9]);
        assert_eq!(steps(&[0, 1, 128, 254, 255], false), [0, 0, 0, 0, 10]);
    }
}
