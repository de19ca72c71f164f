//! The safety checker: from the finished picture to a verdict.

use std::sync::Arc;

use burn::tensor::{Tensor, TensorData};
use image::RgbImage;

use crate::base::error::{Error, Result};
use crate::base::stop::Outcome;
use crate::content::imaging::processor::{ImageProcessor, Processor};
use crate::content::request::Verdict;
use crate::families::slot::{ModelFiles, Slot};
use crate::models::safety_checker::StableDiffusionSafetyChecker;

/// A safety checker, and how it wants to see pictures.
pub(super) struct SafetyChecker {
    pub(super) slot: Arc<Slot<StableDiffusionSafetyChecker>>,
    processor: ImageProcessor,
}

impl SafetyChecker {
    /// Reads how a checker wants to see pictures.
    ///
    /// # Errors
    /// A processor that isn't built here.
    pub(super) fn new(slot: Arc<Slot<StableDiffusionSafetyChecker>>, files: &ModelFiles) -> Result<Self> {
        let extractor = files.checkpoint.component("feature_extractor").map(|found| found.config.clone());
        Ok(Self { slot, processor: ImageProcessor::new(Processor::Clip, &extractor.unwrap_or_default())? })
    }

    /// Checks a finished picture.
    ///
    /// # Errors
    /// The model's processor doesn't give what its network sees, the device failed, or it was cancelled.
    pub(super) fn judge(&self, picture: &RgbImage, files: &ModelFiles) -> Outcome<Verdict> {
        let network = self.slot.take()?;
        let pixels = self.processor.process(picture)?;
        let side = network.image_size();
        if (pixels.width, pixels.height) != (side, side) {
            let (width, height) = (pixels.width, pixels.height);
            return Err(Error::new(format!("The safety checker sees {side} x {side} pixels, not {width} x {height}"))
                .advise("Take safety_checker and feature_extractor from the same model")
                .into());
        }
        let pixels = TensorData::new(pixels.values, [1, 3, side, side]);
        let pixels = Tensor::<4>::from_data(pixels, (&files.compute.device, files.compute.dtype));
        let scores = network.scores(pixels)?;
        Ok(Verdict { flagged: scores.is_flagged(), score: scores.highest() })
    }
}
