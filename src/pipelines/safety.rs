//! The safety checker of a model, put to work: from the finished picture to a verdict.

use burn::tensor::{Tensor, TensorData};
use image::RgbImage;

use super::opening::{Opening, build, config};
use crate::checkpoint::Checkpoint;
use crate::device::ComputeDevice;
use crate::error::{Error, Result};
use crate::imaging::processor::{ImageProcessor, Processor};
use crate::models::safety_checker::StableDiffusionSafetyChecker;
use crate::request::Verdict;

/// The name of its component.
pub(super) const COMPONENT: &str = "safety_checker";

/// A safety checker, and how it wants to see pictures.
pub(super) struct SafetyChecker {
    network: StableDiffusionSafetyChecker,
    processor: ImageProcessor,
}

impl SafetyChecker {
    /// Builds the checker of a model; `None` if the model has none. Its weights aren't loaded yet.
    ///
    /// # Errors
    /// A config that makes no sense.
    pub(super) fn build(checkpoint: &Checkpoint, compute: &ComputeDevice) -> Result<Option<Self>> {
        if checkpoint.component(COMPONENT).is_err() {
            return Ok(None);
        }
        let network = build(checkpoint, COMPONENT, |c| StableDiffusionSafetyChecker::new(c, &compute.device))?;
        let extractor = config(checkpoint, "feature_extractor").cloned().unwrap_or_default();
        Ok(Some(Self { network, processor: ImageProcessor::new(Processor::Clip, &extractor)? }))
    }

    /// Loads the weights; `None` when stopped.
    ///
    /// # Errors
    /// They don't fit their config.
    pub(super) fn load(self, opening: &mut Opening<'_>) -> Result<Option<Self>> {
        let network = opening.load(COMPONENT, self.network)?;
        Ok(network.map(|network| Self { network, ..self }))
    }

    /// What it says of a finished picture.
    ///
    /// # Errors
    /// The model's processor doesn't give what its network sees, or the device failed.
    pub(super) fn judge(&self, picture: &RgbImage, compute: &ComputeDevice) -> Result<Verdict> {
        let pixels = self.processor.process(picture)?;
        let side = self.network.image_size();
        if (pixels.width, pixels.height) != (side, side) {
            let (width, height) = (pixels.width, pixels.height);
            return Err(Error::new(format!("The safety checker sees {side} x {side} pixels, not {width} x {height}"))
                .advise("Take safety_checker and feature_extractor from the same model"));
        }
        let pixels = TensorData::new(pixels.values, [1, 3, side, side]);
        let pixels = Tensor::<4>::from_data(pixels, (&compute.device, compute.dtype));
        let scores = self.network.scores(pixels)?;
        Ok(Verdict { flagged: scores.is_flagged(), score: scores.highest() })
    }
}
