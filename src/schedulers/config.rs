//! The type of a scheduler's configuration file.

use serde_json::Value;

/// A scheduler's configuration: the keys and values of `scheduler_config.json`, as they stand in the file.
pub type SchedulerConfig = serde_json::Map<String, Value>;

/// Minus infinity in a [`SchedulerConfig`]: JSON has no such number.
pub(super) const MINUS_INFINITY: &str = "-Infinity";

/// Gives the map of a `json!({..})`.
pub(super) fn object(value: Value) -> SchedulerConfig {
    match value {
        Value::Object(map) => map,
        _ => SchedulerConfig::new(),
    }
}
