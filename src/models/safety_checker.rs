//! `StableDiffusionSafetyChecker` (Diffusers `pipelines/stable_diffusion/safety_checker.py`): how similar a picture is to
//! concepts for which it is withheld.

use burn::module::{Initializer, Module, Param};
use burn::tensor::{Device, Tensor};
use serde::Deserialize;

use super::clip_vision::ClipVisionModel;
use super::config::{NetworkConfig, check, read};
use crate::base::error::Result;
use crate::base::stop::Outcome;
use crate::ops::{self, Linear};

/// How many concepts a picture is withheld for, and how many only make the checker stricter.
const CONCEPTS: usize = 17;
const SPECIAL_CARE: usize = 3;
/// How much a special-care concept adds to the scores after it.
const ADJUSTMENT: f32 = 0.01;
/// The smallest divisor in torch's `normalize`.
const NORM_MIN: f32 = 1e-12;

/// The keys of `config.json` that determine the network, with transformers' defaults.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
struct ClipConfig {
    projection_dim: usize,
    vision_config: NetworkConfig,
}

impl Default for ClipConfig {
    fn default() -> Self {
        Self { projection_dim: 512, vision_config: NetworkConfig::new() }
    }
}

/// The safety checker.
#[derive(Module, Debug)]
pub struct StableDiffusionSafetyChecker {
    vision_model: ClipVisionModel,
    visual_projection: Linear,
    concept_embeds: Param<Tensor<2>>,
    special_care_embeds: Param<Tensor<2>>,
    concept_embeds_weights: Param<Tensor<1>>,
    special_care_embeds_weights: Param<Tensor<1>>,
}

/// How far a picture is above the threshold of each concept, rounded to 3 decimals; above 0 the concept is detected.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    /// The scores of the concepts that make the checker stricter.
    pub special_care: Vec<f64>,
    /// The scores of the concepts that a picture is withheld for.
    pub concepts: Vec<f64>,
}

impl Scores {
    /// Tells whether the picture should be withheld.
    pub fn is_flagged(&self) -> bool {
        self.highest() > 0.0
    }

    /// The highest score among the concepts that a picture is withheld for.
    pub fn highest(&self) -> f64 {
        self.concepts.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }

    /// Computes scores from cosines and thresholds, in f32 and in the checker's order: a detected special-care concept raises
    /// every later score.
    fn new(special_care: &[[f32; 2]], concepts: &[[f32; 2]]) -> Self {
        let mut adjustment = 0.0;
        let mut scored = |&[cosine, threshold]: &[f32; 2], raises: bool| {
            // `round(numpy.float32, 3)` as an f64 that prints with three decimals.
            let thousandths = ((cosine - threshold + adjustment) * 1000.0).round_ties_even();
            if raises && thousandths > 0.0 {
                adjustment = ADJUSTMENT;
            }
            f64::from(thousandths) / 1000.0
        };
        let special_care = special_care.iter().map(|pair| scored(pair, true)).collect();
        let concepts = concepts.iter().map(|pair| scored(pair, false)).collect();
        Self { special_care, concepts }
    }
}

impl StableDiffusionSafetyChecker {
    /// Builds the network that a `config.json` describes; its parameters take no memory until they are loaded.
    ///
    /// # Errors
    /// Numbers that don't fit together: the message names the key.
    pub fn new(config: &NetworkConfig, device: &Device) -> Result<Self> {
        let c: ClipConfig = read(config, &[])?;
        let vision_model = ClipVisionModel::new(&c.vision_config, device)?;
        let dim = c.projection_dim;
        check((1..=1 << 14).contains(&dim), || format!("projection_dim = {dim}"))?;
        Ok(Self {
            visual_projection: Linear::new(vision_model.width(), dim, device).with_bias(false),
            vision_model,
            concept_embeds: Initializer::Ones.init([CONCEPTS, dim], device),
            special_care_embeds: Initializer::Ones.init([SPECIAL_CARE, dim], device),
            concept_embeds_weights: Initializer::Ones.init([CONCEPTS], device),
            special_care_embeds_weights: Initializer::Ones.init([SPECIAL_CARE], device),
        })
    }

    /// The side of the square pictures that it takes, in pixels.
    pub fn image_size(&self) -> usize {
        self.vision_model.image_size()
    }

    /// Computes `image_embeds`: `pixel_values` `[batch, 3, image_size, image_size]` to `[batch, projection_dim]`.
    ///
    /// # Errors
    /// It was cancelled.
    pub fn image_embeds(&self, pixel_values: Tensor<4>) -> Outcome<Tensor<2>> {
        let dim = self.concept_embeds.lazy_shape()[1];
        let batch = pixel_values.dims()[0];
        let pooled = self.vision_model.forward(pixel_values)?;
        Ok(ops::linear(&self.visual_projection, pooled).reshape([batch, dim]))
    }

    /// The embeddings that pictures are compared with: the special-care concepts and the concepts, each `[n, projection_dim]`.
    pub fn concepts(&self) -> [Tensor<2>; 2] {
        [self.special_care_embeds.val(), self.concept_embeds.val()]
    }

    /// Scores one picture, `[1, 3, image_size, image_size]`.
    ///
    /// # Errors
    /// It was cancelled, or the device failed.
    pub fn scores(&self, pixel_values: Tensor<4>) -> Outcome<Scores> {
        let embeds = ops::read(self.image_embeds(pixel_values)?)?;
        let compared = |concepts: Tensor<2>, thresholds: &Param<Tensor<1>>| -> Result<Vec<[f32; 2]>> {
            let (concepts, thresholds) = (ops::read(concepts)?, ops::read(thresholds.val())?);
            let cosines = concepts.chunks_exact(embeds.len().max(1)).map(|concept| cosine(&embeds, concept));
            Ok(cosines.zip(thresholds).map(|(cosine, threshold)| [cosine, threshold]).collect())
        };
        let [special_care, concepts] = self.concepts();
        let special_care = compared(special_care, &self.special_care_embeds_weights)?;
        Ok(Scores::new(&special_care, &compared(concepts, &self.concept_embeds_weights)?))
    }
}

/// Computes the cosine between two vectors, each normalised first as in torch.
pub fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let norm = |x: &[f32]| x.iter().map(|x| x * x).sum::<f32>().sqrt().max(NORM_MIN);
    let (norm_a, norm_b) = (norm(a), norm(b));
    a.iter().zip(b).map(|(a, b)| a / norm_a * (b / norm_b)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_rounded_to_thousandths_and_one_above_0_flags() {
        let scores = Scores::new(&[[0.1, 0.2]], &[[0.2004, 0.2], [0.1, 0.35]]);
        assert_eq!(scores, Scores { special_care: vec![-0.1], concepts: vec![0.0, -0.25] });
        assert!(!scores.is_flagged());
        let scores = Scores::new(&[], &[[0.2006, 0.2], [0.1, 0.35]]);
        assert_eq!((scores.is_flagged(), scores.highest()), (true, 0.001));
    }

    #[test]
    fn a_special_care_concept_raises_every_score_after_it() {
        let scores = Scores::new(&[[0.1, 0.2], [0.3, 0.2], [0.1, 0.2]], &[[0.195, 0.2], [0.1, 0.2]]);
        assert_eq!(scores.special_care, [-0.1, 0.1, -0.09]);
        assert_eq!(scores.concepts, [0.005, -0.09]);
    }

    #[test]
    fn vectors_of_nothing_have_no_direction() {
        assert_eq!(cosine(&[0.0, 0.0], &[1.0, 2.0]).to_bits(), 0.0_f32.to_bits());
        assert!((cosine(&[3.0, 4.0], &[6.0, 8.0]) - 1.0).abs() < 1e-6);
    }
}
