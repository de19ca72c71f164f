//! The codec of families whose latents are those of an `AutoencoderKL`.

use std::sync::Arc;

use burn::tensor::{DType, Tensor};

use super::codec::{LatentCodec, LatentScale};
use super::footprint::NetworkCost;
use super::sketch::SketchMap;
use super::slot::Slot;
use crate::base::stop::Outcome;
use crate::models::autoencoder_kl::{AutoencoderKL, DiagonalGaussian};

/// Tensors of the widest layer that are alive at once in a decode; the encoder holds as many.
const LIVE_TENSORS: u64 = 4;

/// An `AutoencoderKL` between pictures and latents.
pub(super) struct KlCodec {
    vae: Arc<Slot<AutoencoderKL>>,
    dtype: DType,
    scale: LatentScale,
    sketch: Option<SketchMap>,
}

impl KlCodec {
    /// Makes a codec that computes in `dtype`. `sketch` belongs to the latents of this autoencoder.
    pub(super) fn new(
        vae: Arc<Slot<AutoencoderKL>>,
        dtype: DType,
        scale: LatentScale,
        sketch: Option<SketchMap>,
    ) -> Self {
        Self { vae, dtype, scale, sketch }
    }

    /// The numbers that it holds for each pixel while it works.
    pub(super) fn cost(&self) -> NetworkCost {
        let widest = self.vae.outline.widest_at_full_size() as u64;
        NetworkCost { widest, alive: widest * LIVE_TENSORS, convolved: widest }
    }
}

impl LatentCodec for KlCodec {
    fn channels(&self) -> usize {
        self.vae.outline.latent_channels()
    }

    fn factor(&self) -> usize {
        self.vae.outline.scale_factor()
    }

    fn scale(&self) -> &LatentScale {
        &self.scale
    }

    fn sketch(&self) -> Option<&SketchMap> {
        self.sketch.as_ref()
    }

    fn encode(&self, pictures: Tensor<4>, tile: Option<usize>) -> Outcome<DiagonalGaussian> {
        let vae = self.vae.take()?;
        let pictures = pictures.cast(self.dtype);
        let DiagonalGaussian { mean, logvar } = match tile {
            None => vae.encode(pictures)?,
            Some(tile) => vae.encode_tiled(&pictures, tile)?,
        };
        Ok(DiagonalGaussian { mean: mean.cast(DType::F32), logvar: logvar.cast(DType::F32) })
    }

    fn decode(&self, latents: Tensor<4>, tile: Option<usize>) -> Outcome<Tensor<4>> {
        let vae = self.vae.take()?;
        let latents = self.scale.undo(latents).cast(self.dtype);
        match tile {
            None => vae.decode(latents),
            Some(tile) => vae.decode_tiled(&latents, tile),
        }
    }
}
