//! The timesteps of models that were distilled to few steps.

use super::options::SchedulerOptions;
use crate::base::error::Result;

/// The listed timesteps, or `steps` of those that the model was distilled on, high to low.
///
/// # Errors
/// The model was distilled on fewer steps.
pub(super) fn distilled(options: &SchedulerOptions, train: usize, steps: usize) -> Result<Vec<f64>> {
    let original: usize = options.get("original_inference_steps")?;
    if original > train {
        return Err(options.refuse("original_inference_steps", "the model was trained on fewer timesteps"));
    }
    if let Some(listed) = options.timesteps() {
        return Ok(listed.to_vec());
    }
    if steps > original {
        return Err(options.refuse("original_inference_steps", &format!("it allows no more steps, and not {steps}")));
    }
    let distance = original as f64 / steps as f64;
    let skipped = (0..steps).map(|i| (i as f64 * distance).floor() as usize);
    Ok(skipped.map(|skipped| ((original - skipped) * (train / original) - 1) as f64).collect())
}
