//! One noise level, and the linear combinations of two tensors that all tensor work of the samplers is made of.

use burn::tensor::{DType, Tensor};

/// The product of all 1 - beta that Diffusers assumes where no signal is left and a sampler divides by it: the smallest
/// f16 above 0.
pub(super) const LEAST_SIGNAL: f32 = 1.0 / 16_777_216.0;

/// The coefficients of `a * sample + b * other`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Mix {
    pub(super) sample: f64,
    pub(super) other: f64,
}

impl Mix {
    /// Mixes two tensors.
    pub(super) fn of(self, sample: &Tensor<4>, other: &Tensor<4>) -> Tensor<4> {
        sample.clone() * self.sample + other.clone() * self.other
    }
}

/// The noise level of samples that are `signal * clean + noise * normal`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct NoiseLevel {
    pub(super) signal: f64,
    pub(super) noise: f64,
}

impl NoiseLevel {
    /// Makes the level of a noise schedule where this is the product of all 1 - beta: the squares of signal and noise
    /// add up to 1.
    pub(super) fn from_alpha_cumprod(alpha_cumprod: f32) -> Self {
        let alpha_cumprod = f64::from(alpha_cumprod);
        Self { signal: alpha_cumprod.sqrt(), noise: (1.0 - alpha_cumprod).sqrt() }
    }

    /// Makes the level of a noise schedule where noise by signal is `sigma`.
    pub(super) fn from_sigma(sigma: f64) -> Self {
        let signal = 1.0 / (sigma * sigma + 1.0).sqrt();
        Self { signal, noise: sigma * signal }
    }

    /// Makes the level of samples that are `clean + sigma * normal`.
    pub(super) fn of_full_signal(sigma: f64) -> Self {
        Self { signal: 1.0, noise: sigma }
    }

    /// Noise by signal; where there is no signal at all, what Diffusers has there for samplers that divide by it.
    pub(super) fn sigma(self) -> f64 {
        if self.signal > 0.0 { self.noise / self.signal } else { f64::from(LEAST_SIGNAL).sqrt().recip() }
    }

    /// Half the logarithm of the signal-to-noise ratio.
    pub(super) fn lambda(self) -> f64 {
        (self.signal / self.noise).ln()
    }

    /// Adds noise to a clean sample, up to this level.
    pub(super) fn add_noise(self, original: &Tensor<4>, noise: &Tensor<4>) -> Tensor<4> {
        Mix { sample: self.signal, other: self.noise }.of(original, noise)
    }
}

/// Splits an ancestral step from sigma `from` to sigma `to`: the sigma to go down to, and the standard deviation of the
/// fresh noise that leads back up, so that `down^2 + up^2 = to^2`.
pub(super) fn down_and_up(from: f64, to: f64) -> (f64, f64) {
    (to * to / from, to * (1.0 - (to / from).powi(2)).sqrt())
}

/// Casts to the f32 that samplers compute in.
pub(super) fn in_f32(tensor: Tensor<4>) -> Tensor<4> {
    tensor.cast(DType::F32)
}
