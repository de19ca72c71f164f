//! How strongly the prompt is followed.

use burn::tensor::Tensor;

use crate::content::request::Guidance;
use crate::families::GuidanceKind;

/// The guidance of a run, as Diffusers applies it.
#[derive(Clone, Copy, Debug)]
pub(super) struct AppliedGuidance {
    kind: GuidanceKind,
    scale: f64,
    rescale: f64,
}

impl AppliedGuidance {
    /// Applies what a request asks for to a model that is guided in this way.
    pub(super) fn new(kind: GuidanceKind, guidance: &Guidance) -> Self {
        Self { kind, scale: guidance.scale, rescale: guidance.rescale }
    }

    /// Returns whether the denoiser is asked twice a step, with and without the prompt.
    pub(super) fn asks_twice(self) -> bool {
        self.kind == GuidanceKind::ClassifierFree && self.scale > 1.0
    }

    /// The scale that the denoiser takes as an input.
    pub(super) fn embedded(self) -> Option<f64> {
        (self.kind == GuidanceKind::Embedded).then_some(self.scale)
    }

    /// Combines the denoiser's answer for a batch whose first half had the negative prompt.
    pub(super) fn apply(self, output: Tensor<4>) -> Tensor<4> {
        if !self.asks_twice() {
            return output;
        }
        let half = output.dims()[0] / 2;
        let (negative, positive) = (output.clone().narrow(0, 0, half), output.narrow(0, half, half));
        let guided = negative.clone() + (positive.clone() - negative) * self.scale;
        if self.rescale > 0.0 { self.rescaled(guided, positive) } else { guided }
    }

    /// `rescale_noise_cfg` (`pipeline_stable_diffusion.py`, after Lin et al., 2023, section 3.4).
    fn rescaled(self, guided: Tensor<4>, positive: Tensor<4>) -> Tensor<4> {
        let deviation = |x: Tensor<4>| {
            let batch = x.dims()[0];
            x.flatten::<2>(1, 3).var(1).sqrt().reshape([batch, 1, 1, 1])
        };
        let rescaled = guided.clone() * (deviation(positive) / deviation(guided.clone()));
        rescaled * self.rescale + guided * (1.0 - self.rescale)
    }
}
