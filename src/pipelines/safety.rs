//! The safety checker of a model, put to work: from the finished picture to a verdict.

use burn::tensor::{Tensor, TensorData};
use image::RgbImage;

use super::memory::Part;
use super::opening::{Opening, build, config, uncancelled};
use super::slot::Component;
use crate::base::device::ComputeDevice;
use crate::base::error::{Error, Result};
use crate::content::imaging::processor::{ImageProcessor, Processor};
use crate::content::request::Verdict;
use crate::models::safety_checker::StableDiffusionSafetyChecker;
use crate::storage::checkpoint::Checkpoint;

/// A safety checker, and how it wants to see pictures.
pub(super) struct SafetyChecker {
    network: StableDiffusionSafetyChecker,
    processor: ImageProcessor,
}

impl Component for SafetyChecker {
    const PART: Part = Part::SafetyChecker;
    type Network = StableDiffusionSafetyChecker;

    fn build(checkpoint: &Checkpoint, compute: &ComputeDevice) -> Result<Self> {
        let network =
            build(checkpoint, Self::PART.name(), |config| StableDiffusionSafetyChecker::new(config, &compute.device))?;
        let extractor = config(checkpoint, "feature_extractor").cloned().unwrap_or_default();
        Ok(Self { network, processor: ImageProcessor::new(Processor::Clip, &extractor)? })
    }

    fn network(&self) -> &StableDiffusionSafetyChecker {
        &self.network
    }

    fn load(self, opening: &mut Opening<'_>) -> Result<Option<Self>> {
        let network = opening.load(Self::PART.name(), self.network)?;
        Ok(network.map(|network| Self { network, ..self }))
    }
}

impl SafetyChecker {
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
        let scores = uncancelled(self.network.scores(pixels))?;
        // A verdict on a cancelled picture is thrown away with it.
        let (flagged, score) = scores.map_or((true, 0.0), |scores| (scores.is_flagged(), scores.highest()));
        Ok(Verdict { flagged, score })
    }
}
