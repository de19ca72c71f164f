//! The clipping of predicted clean samples: Diffusers' `clip_sample` and `thresholding`.

use burn::tensor::Tensor;

use super::options::SchedulerOptions;
use crate::base::error::Result;

/// A way to clip a predicted clean sample.
#[derive(Clone, Copy, Debug)]
pub(super) enum Clip {
    /// Not at all.
    None,
    /// To -range..range.
    Range(f64),
    /// Dynamic thresholding (Imagen, arXiv 2205.11487): each image by its own quantile.
    Dynamic { quantile: f64, max: f64 },
}

impl Clip {
    /// Reads the options `thresholding`, which goes first, and `clip_sample`.
    ///
    /// # Errors
    /// A value is out of range.
    pub(super) fn new(options: &SchedulerOptions) -> Result<Self> {
        if options.flag("thresholding") {
            let (quantile, max) = (options.get("dynamic_thresholding_ratio")?, options.get("sample_max_value")?);
            if !(0.0..=1.0).contains(&quantile) {
                return Err(options.refuse("dynamic_thresholding_ratio", "it must be from 0 to 1"));
            }
            if max <= 0.0 {
                return Err(options.refuse("sample_max_value", "it must be positive"));
            }
            return Ok(Self::Dynamic { quantile, max });
        }
        if options.flag("clip_sample") {
            let range = options.get("clip_sample_range")?;
            if range <= 0.0 {
                return Err(options.refuse("clip_sample_range", "it must be positive"));
            }
            return Ok(Self::Range(range));
        }
        Ok(Self::None)
    }

    /// Clips a predicted clean sample.
    pub(super) fn of(self, original: Tensor<4>) -> Tensor<4> {
        match self {
            Self::None => original,
            Self::Range(range) => original.clamp(-range, range),
            Self::Dynamic { quantile, max } => {
                // Clamped to -s..s and divided by s is divided by s and clamped to -1..1.
                let scale = abs_quantile(&original, quantile).clamp_min(1.0).clamp_max(max);
                (original / scale).clamp(-1.0, 1.0)
            }
        }
    }
}

/// The quantile of each image's absolute values as `torch.quantile` (linear) computes it, `[batch, 1, 1, 1]`.
fn abs_quantile(images: &Tensor<4>, quantile: f64) -> Tensor<4> {
    let [batch, channels, height, width] = images.dims();
    let count = channels * height * width;
    let sorted = images.clone().abs().reshape([batch, count]).sort(1);
    // torch computes the rank in the tensor's dtype.
    let rank = quantile as f32 * (count - 1) as f32;
    let (below, above) = (rank.floor() as usize, rank.ceil() as usize);
    let value = |rank: usize| sorted.clone().slice([0..batch, rank..rank + 1]);
    let weight = f64::from(rank - rank.floor());
    (value(below) * (1.0 - weight) + value(above) * weight).reshape([batch, 1, 1, 1])
}
