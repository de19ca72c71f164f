//! Whether a Stable Diffusion 2 model predicts velocity rather than noise, which no name or shape tells.
//!
//! Its base predicts noise, and was then trained for velocity. Looked at, in this order: the steps it was trained for, as
//! Diffusers knows them (`single_file_utils.py`, `_legacy_load_scheduler`); and for the published architecture how far one bias
//! is spread, as `ComfyUI` tells them apart (`comfy/supported_models.py`, `SD20`). Where nothing tells, it is velocity, as
//! Diffusers has it.

use safetensors::Dtype;

use crate::storage::checkpoint::Weights;
use crate::storage::weights::{StoredTensor, WeightHeader};

/// The steps that Stable Diffusion 2's base was trained for.
const BASE_STEPS: f64 = 875_000.0;

/// The bias that `ComfyUI` looks at, `output_blocks.11.1.transformer_blocks.0.norm1.bias` there, and how many numbers it has
/// in the published architecture.
const TELLTALE: (&str, usize) = ("up_blocks.3.attentions.2.transformer_blocks.0.norm1.bias", 320);

/// The standard deviation above which it was trained for velocity.
const SPREAD: f64 = 0.09;

/// Returns whether a file predicts velocity.
pub(super) fn is_velocity(header: &WeightHeader, unet: Option<&Weights>) -> bool {
    let steps = header.tensors.iter().find(|(key, _)| key == "global_step").and_then(|(_, stored)| number(stored));
    if steps == Some(BASE_STEPS) {
        return false;
    }
    let telltale = unet.and_then(|unet| unet.tensors.get(TELLTALE.0)).filter(|stored| stored.shape == [TELLTALE.1]);
    telltale.and_then(StoredTensor::numbers).is_none_or(|numbers| standard_deviation(&numbers) > SPREAD)
}

/// Returns the one number of a tensor.
fn number(stored: &StoredTensor) -> Option<f64> {
    let bytes = stored.bytes().ok()?;
    match stored.dtype {
        Dtype::I64 => Some(i64::from_le_bytes(bytes.first_chunk().copied()?) as f64),
        Dtype::I32 => Some(f64::from(i32::from_le_bytes(bytes.first_chunk().copied()?))),
        _ => stored.numbers()?.first().copied().map(f64::from),
    }
}

fn standard_deviation(numbers: &[f32]) -> f64 {
    let count = numbers.len() as f64;
    let numbers = || numbers.iter().map(|number| f64::from(*number));
    let mean = numbers().sum::<f64>() / count;
    (numbers().map(|number| (number - mean).powi(2)).sum::<f64>() / count).sqrt()
}
