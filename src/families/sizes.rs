//! The size that a denoiser is made for, from its config.

use serde_json::Value;

use crate::models::config::NetworkConfig;

/// Sides of a config without `sample_size`, in latents: Stable Diffusion's.
const DEFAULT_SIDE: usize = 64;

/// Reads width and height from `sample_size`: a number, or height and width.
pub(super) fn sample_size(config: &NetworkConfig) -> (usize, usize) {
    let side = |value: Option<&Value>| {
        value.and_then(Value::as_u64).map_or(DEFAULT_SIDE, |side| side.clamp(1, 1 << 12) as usize)
    };
    match config.get("sample_size").and_then(Value::as_array) {
        Some(sides) => (side(sides.get(1)), side(sides.first())),
        None => (side(config.get("sample_size")), side(config.get("sample_size"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_sample_size_is_a_side_or_height_and_width() {
        let size = |config: Value| sample_size(config.as_object().expect("an object"));
        assert_eq!(size(json!({ "sample_size": 96 })), (96, 96));
        assert_eq!(size(json!({ "sample_size": [60, 104] })), (104, 60));
        assert_eq!(size(json!({})), (64, 64));
        assert_eq!(size(json!({ "sample_size": 0 })), (1, 1));
    }
}
