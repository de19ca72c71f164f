//! Samples that are pictures already, grey or in colours.

use burn::tensor::Tensor;

use crate::base::error::Error;
use crate::base::stop::Outcome;
use crate::families::codec::{LatentCodec, LatentScale};
use crate::families::sketch::SketchMap;
use crate::models::autoencoder_kl::DiagonalGaussian;

const GREY: SketchMap = SketchMap(&[[1.0, 1.0, 1.0]]);
const COLOURS: SketchMap = SketchMap(&[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]);

/// The codec of a model that works on pixels.
pub(super) struct PixelCodec {
    sketch: SketchMap,
}

impl PixelCodec {
    /// The codec for samples of so many channels; `None` where they are no picture.
    pub(super) fn of(channels: usize) -> Option<Self> {
        let sketch = [GREY, COLOURS].into_iter().find(|map| map.channels() == channels)?;
        Some(Self { sketch })
    }
}

impl LatentCodec for PixelCodec {
    fn channels(&self) -> usize {
        self.sketch.channels()
    }

    fn factor(&self) -> usize {
        1
    }

    fn scale(&self) -> &LatentScale {
        &LatentScale::NONE
    }

    fn sketch(&self) -> Option<&SketchMap> {
        Some(&self.sketch)
    }

    fn encode(&self, _pictures: Tensor<4>, _tile: Option<usize>) -> Outcome<DiagonalGaussian> {
        Err(Error::new("This model draws pixels: there is nothing that a picture could be encoded with").into())
    }

    fn decode(&self, latents: Tensor<4>, _tile: Option<usize>) -> Outcome<Tensor<4>> {
        let [batch, _, height, width] = latents.dims();
        Ok(latents.expand([batch, 3, height, width]))
    }
}
