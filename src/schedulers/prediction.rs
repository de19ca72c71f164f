//! What a model's output means: from it and the noisy sample to the clean sample and the noise.

use burn::tensor::{DType, Tensor};
use serde::Deserialize;

use super::options::Options;
use super::schedule::LEAST_SIGNAL;
use crate::base::error::{Error, Result};

/// `a * sample + b * other`: what all tensor work of the schedulers is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Mix {
    pub(super) sample: f64,
    pub(super) other: f64,
}

impl Mix {
    pub(super) fn of(self, sample: &Tensor<4>, other: &Tensor<4>) -> Tensor<4> {
        sample.clone() * self.sample + other.clone() * self.other
    }
}

/// A noisy sample is `signal * clean + noise * normal`, with the squares of the two adding up to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Level {
    pub(super) signal: f64,
    pub(super) noise: f64,
}

impl Level {
    pub(super) fn from_alpha_cumprod(alpha_cumprod: f32) -> Self {
        let alpha_cumprod = f64::from(alpha_cumprod);
        Self { signal: alpha_cumprod.sqrt(), noise: (1.0 - alpha_cumprod).sqrt() }
    }

    /// `sigma` is noise by signal.
    pub(super) fn from_sigma(sigma: f64) -> Self {
        let signal = 1.0 / (sigma * sigma + 1.0).sqrt();
        Self { signal, noise: sigma * signal }
    }

    /// Noise by signal; where there is no signal at all, what Diffusers has there for samplers that divide by it.
    pub(super) fn sigma(self) -> f64 {
        if self.signal > 0.0 { self.noise / self.signal } else { f64::from(LEAST_SIGNAL).sqrt().recip() }
    }

    /// A clean sample noised to this level.
    pub(super) fn add_noise(self, original: &Tensor<4>, noise: &Tensor<4>) -> Tensor<4> {
        Mix { sample: self.signal, other: self.noise }.of(original, noise)
    }
}

/// What the model was trained to say.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Prediction {
    /// The noise.
    Epsilon,
    /// The clean sample.
    #[serde(alias = "original_sample")]
    Sample,
    /// Their mixture of arXiv 2202.00512, appendix D.
    #[serde(rename = "v_prediction")]
    Velocity,
}

impl Prediction {
    /// The option `prediction_type`.
    ///
    /// # Errors
    /// It is none of them.
    pub(super) fn new(options: &Options) -> Result<Self> {
        options.get("prediction_type")
    }

    /// The same, for the classes that Diffusers has no `sample` prediction for.
    ///
    /// # Errors
    /// It is none of them, or `sample`.
    pub(super) fn without_sample(options: &Options) -> Result<Self> {
        match Self::new(options)? {
            Self::Sample => Err(options.refuse("prediction_type", "it needs epsilon or v_prediction")),
            prediction => Ok(prediction),
        }
    }

    /// The clean sample, from the noisy one and the model's output.
    pub(super) fn original(self, at: Level) -> Mix {
        match self {
            Self::Epsilon => Mix { sample: 1.0 / at.signal, other: -at.noise / at.signal },
            Self::Sample => Mix { sample: 0.0, other: 1.0 },
            Self::Velocity => Mix { sample: at.signal, other: -at.noise },
        }
    }

    /// The noise, from the noisy sample and the model's output.
    pub(super) fn epsilon(self, at: Level) -> Mix {
        match self {
            Self::Epsilon => Mix { sample: 0.0, other: 1.0 },
            Self::Sample => Mix { sample: 1.0 / at.noise, other: -at.signal / at.noise },
            Self::Velocity => Mix { sample: at.noise, other: at.signal },
        }
    }

    /// Makes sure that something can be told from the model's output at a level.
    ///
    /// # Errors
    /// It is noise without signal (`rescale_betas_zero_snr`), and the model predicts that very noise.
    pub(super) fn check(self, at: Level) -> Result<()> {
        if self == Self::Epsilon && at.signal <= 0.0 {
            return Err(Error::new(
                "A schedule that starts from zero signal (rescale_betas_zero_snr) can't be used with \
                 prediction_type = \"epsilon\"",
            ));
        }
        Ok(())
    }
}

/// What is done to a predicted clean sample: Diffusers' `clip_sample` and `thresholding`.
#[derive(Clone, Copy, Debug)]
pub(super) enum Clip {
    None,
    /// To -range..range.
    Range(f64),
    /// Dynamic thresholding (Imagen, arXiv 2205.11487): each image by its own quantile.
    Dynamic {
        quantile: f64,
        max: f64,
    },
}

impl Clip {
    /// The options of that name; thresholding goes first.
    ///
    /// # Errors
    /// A value that makes no sense.
    pub(super) fn new(options: &Options) -> Result<Self> {
        if options.flag("thresholding")? {
            let (quantile, max) = (options.get("dynamic_thresholding_ratio")?, options.get("sample_max_value")?);
            if !(0.0..=1.0).contains(&quantile) {
                return Err(options.refuse("dynamic_thresholding_ratio", "it must be from 0 to 1"));
            }
            if max <= 0.0 {
                return Err(options.refuse("sample_max_value", "it must be positive"));
            }
            return Ok(Self::Dynamic { quantile, max });
        }
        if options.flag("clip_sample")? {
            let range = options.get("clip_sample_range")?;
            if range <= 0.0 {
                return Err(options.refuse("clip_sample_range", "it must be positive"));
            }
            return Ok(Self::Range(range));
        }
        Ok(Self::None)
    }

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

/// What the solvers of DPM-Solver's family work on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Solves {
    CleanSamples,
    Noises,
}

/// From a model's output to what such a solver keeps of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conversion {
    pub(super) prediction: Prediction,
    pub(super) clip: Clip,
    pub(super) solves: Solves,
}

impl Conversion {
    /// What is kept, and the clean sample.
    pub(super) fn of(&self, model_output: &Tensor<4>, at: Level, sample: &Tensor<4>) -> (Tensor<4>, Tensor<4>) {
        let original = self.clip.of(self.prediction.original(at).of(sample, model_output));
        let kept = match (self.solves, self.clip) {
            (Solves::CleanSamples, _) => original.clone(),
            (Solves::Noises, Clip::None) => self.prediction.epsilon(at).of(sample, model_output),
            (Solves::Noises, _) => Prediction::Sample.epsilon(at).of(sample, &original),
        };
        (kept, original)
    }
}

/// `torch.quantile` (linear) of each image's absolute values, `[batch, 1, 1, 1]`.
fn abs_quantile(images: &Tensor<4>, quantile: f64) -> Tensor<4> {
    let [batch, channels, height, width] = images.dims();
    let count = channels * height * width;
    let sorted = images.clone().abs().reshape([batch, count]).sort(1);
    // torch has the rank in the tensor's dtype.
    let rank = quantile as f32 * (count - 1) as f32;
    let (below, above) = (rank.floor() as usize, rank.ceil() as usize);
    let value = |rank: usize| sorted.clone().slice([0..batch, rank..rank + 1]);
    let weight = f64::from(rank - rank.floor());
    (value(below) * (1.0 - weight) + value(above) * weight).reshape([batch, 1, 1, 1])
}

/// The f32 that schedulers compute in.
pub(super) fn in_f32(tensor: Tensor<4>) -> Tensor<4> {
    tensor.cast(DType::F32)
}
