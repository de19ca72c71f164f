//! Whether a model predicts velocity rather than noise, which no name or shape tells.
//!
//! Looked at, in this order: the config beside the file; what the file says of itself (the `modelspec` of kohya-ss and
//! Stability AI); and what its architecture knows to look at.

use super::original_config::OriginalConfig;
use crate::storage::checkpoint::family::Configs;
use crate::storage::checkpoint::weight_files::Weights;
use crate::storage::weights::WeightHeader;

/// Returns whether the scheduler has to be told that the model predicts velocity.
pub(super) fn is_velocity(
    configs: &Configs,
    header: &WeightHeader,
    original: Option<&OriginalConfig>,
    unet: Option<&Weights>,
) -> bool {
    if let Some(original) = original {
        return original.is_velocity();
    }
    match header.metadata.get("modelspec.prediction_type").map(String::as_str) {
        Some("v" | "v_prediction" | "v-prediction") => true,
        Some("epsilon") => false,
        _ => configs.is_velocity.is_some_and(|is_velocity| is_velocity(header, unet)),
    }
}
