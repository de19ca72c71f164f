//! The depth estimator of a model, put to work: from a picture to how far away each of its pixels is.

use burn::tensor::{Tensor, TensorData};
use image::RgbImage;

use super::memory::Part;
use super::opening::{Opening, build, config};
use super::slot::Component;
use crate::base::device::ComputeDevice;
use crate::base::error::{Error, Result};
use crate::content::imaging::depth::DepthMap;
use crate::content::imaging::processor::{ImageProcessor, Processor};
use crate::models::dpt::DptForDepthEstimation;
use crate::ops::read;
use crate::storage::checkpoint::Checkpoint;

/// A depth estimator, and how it wants to see pictures.
pub(super) struct DepthEstimator {
    network: DptForDepthEstimation,
    processor: ImageProcessor,
}

impl Component for DepthEstimator {
    const PART: Part = Part::DepthEstimator;
    type Network = DptForDepthEstimation;

    fn build(checkpoint: &Checkpoint, compute: &ComputeDevice) -> Result<Self> {
        let network =
            build(checkpoint, Self::PART.name(), |config| DptForDepthEstimation::new(config, &compute.device))?;
        let extractor = config(checkpoint, "feature_extractor").cloned().unwrap_or_default();
        Ok(Self { network, processor: ImageProcessor::new(Processor::Dpt, &extractor)? })
    }

    fn network(&self) -> &DptForDepthEstimation {
        &self.network
    }

    fn load(self, opening: &mut Opening<'_>) -> Result<Option<Self>> {
        let network = opening.load(Self::PART.name(), self.network)?;
        Ok(network.map(|network| Self { network, ..self }))
    }
}

impl DepthEstimator {
    /// The side of the square pictures that it sees, in pixels.
    pub(super) fn image_size(&self) -> usize {
        self.network.image_size()
    }

    /// transformers' `predicted_depth` of a picture, in the network's own size: never below 0.
    ///
    /// # Errors
    /// The model's processor doesn't give what its network sees, or the device failed.
    pub(super) fn estimate(&self, picture: &RgbImage, compute: &ComputeDevice) -> Result<DepthMap> {
        let pixels = self.processor.process(picture)?;
        let side = self.network.image_size();
        if (pixels.width, pixels.height) != (side, side) {
            let (width, height) = (pixels.width, pixels.height);
            return Err(Error::new(format!("The depth estimator sees {side} x {side} pixels, not {width} x {height}"))
                .advise("Take depth_estimator and feature_extractor from the same model"));
        }
        let pixels = TensorData::new(pixels.values, [1, 3, side, side]);
        let depth = self.network.forward(Tensor::from_data(pixels, (&compute.device, compute.dtype)));
        let [_, height, width] = depth.dims();
        DepthMap::new(read(depth)?, width, height)
    }
}
