//! The depth estimator: from a picture to how far away each of its pixels is.

use std::sync::Arc;

use burn::tensor::{Tensor, TensorData};
use image::RgbImage;

use crate::base::error::{Error, Result};
use crate::base::stop::Outcome;
use crate::content::imaging::depth::DepthMap;
use crate::content::imaging::processor::{ImageProcessor, Processor};
use crate::families::slot::{ModelFiles, Slot};
use crate::models::dpt::DptForDepthEstimation;
use crate::ops;

/// Channels of the head, and how many of its full-size tensors are alive at once.
const CHANNELS: u64 = 256;
const LIVE_TENSORS: u64 = 3;

/// A depth estimator, and how it wants to see pictures.
pub(super) struct DepthEstimator {
    pub(super) slot: Arc<Slot<DptForDepthEstimation>>,
    processor: ImageProcessor,
}

impl DepthEstimator {
    /// Reads how an estimator wants to see pictures.
    ///
    /// # Errors
    /// A processor that isn't built here.
    pub(super) fn new(slot: Arc<Slot<DptForDepthEstimation>>, files: &ModelFiles) -> Result<Self> {
        let extractor = files.checkpoint.component("feature_extractor").map(|found| found.config.clone());
        Ok(Self { slot, processor: ImageProcessor::new(Processor::Dpt, &extractor.unwrap_or_default())? })
    }

    /// Numbers that are alive at once while it works.
    pub(super) fn cost(&self) -> u64 {
        let side = self.slot.outline.image_size() as u64;
        side * side * CHANNELS * LIVE_TENSORS
    }

    /// Computes transformers' `predicted_depth` of a picture, in the network's own size: never below 0.
    ///
    /// # Errors
    /// The model's processor doesn't give what its network sees, the device failed, or it was cancelled.
    pub(super) fn estimate(&self, picture: &RgbImage, files: &ModelFiles) -> Outcome<DepthMap> {
        let network = self.slot.take()?;
        let pixels = self.processor.process(picture)?;
        let side = network.image_size();
        if (pixels.width, pixels.height) != (side, side) {
            let (width, height) = (pixels.width, pixels.height);
            return Err(Error::new(format!("The depth estimator sees {side} x {side} pixels, not {width} x {height}"))
                .advise("Take depth_estimator and feature_extractor from the same model")
                .into());
        }
        let pixels = TensorData::new(pixels.values, [1, 3, side, side]);
        let depth = network.forward(Tensor::from_data(pixels, (&files.compute.device, files.compute.dtype)));
        let [_, height, width] = depth.dims();
        Ok(DepthMap::new(ops::read(depth)?, width, height)?)
    }
}
