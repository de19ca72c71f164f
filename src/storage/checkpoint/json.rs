//! JSON as Python writes it: with `NaN`, `Infinity` and `-Infinity`, which aren't JSON
//! (`json.dumps`, `allow_nan`; for example DPM-Solver's `lambda_min_clipped`).
//!
//! They become strings of the same letters, wherever a value may stand.

use std::borrow::Cow;

use serde::de::DeserializeOwned;

/// The numbers that Python writes and JSON doesn't know, the longest first.
const NOT_FINITE: [&str; 3] = ["-Infinity", "Infinity", "NaN"];

/// Parses a text.
///
/// # Errors
/// It isn't JSON, also with those numbers.
pub(super) fn parse<T: DeserializeOwned>(text: &str) -> serde_json::Result<T> {
    serde_json::from_str(text).or_else(|_| serde_json::from_str(&quoted(text)))
}

/// Returns the text with those numbers between quotes. What is inside a string stays as it is.
fn quoted(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    // How much of the text is in `out`.
    let mut written = 0;
    let (mut at, mut in_string) = (0, false);
    let bytes = text.as_bytes();
    while let Some(byte) = bytes.get(at) {
        let number = NOT_FINITE.iter().find(|word| !in_string && bytes[at..].starts_with(word.as_bytes()));
        match (byte, number) {
            (b'\\', _) if in_string => at += 2,
            (b'"', _) => {
                in_string = !in_string;
                at += 1;
            }
            (_, Some(number)) => {
                out.extend([&text[written..at], "\"", number, "\""]);
                at += number.len();
                written = at;
            }
            _ => at += 1,
        }
    }
    if written == 0 { text.into() } else { (out + &text[written..]).into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn numbers_that_are_not_finite_are_read_wherever_a_value_may_stand() {
        let text = r#"{"a": -Infinity, "b":Infinity, "c": [NaN, 1, -Infinity], "d": {"e":NaN}, "f": -1}"#;
        let value: Value = parse(text).expect("Python reads it");
        let expected =
            json!({"a": "-Infinity", "b": "Infinity", "c": ["NaN", 1, "-Infinity"], "d": {"e": "NaN"}, "f": -1});
        assert_eq!(value, expected);
        assert_eq!(parse::<Value>("[-Infinity]").expect("a list"), json!(["-Infinity"]));
    }

    #[test]
    fn strings_and_keys_stay_as_they_are() {
        let text = r#"{"NaN": "is NaN, \": -Infinity", "\\": Infinity, "ä": "Infinity"}"#;
        let value: Value = parse(text).expect("Python reads it");
        assert_eq!(value, json!({"NaN": "is NaN, \": -Infinity", "\\": "Infinity", "ä": "Infinity"}));
    }

    #[test]
    fn a_text_that_is_no_json_is_refused() {
        for text in ["", "{", "{\"a\": Infinit}", "{\"a\": nan}", "{\"a\": NaNNaN}", "{\"a\": \"\\", "-InfinityNaN"] {
            assert!(parse::<Value>(text).is_err(), "{text}");
        }
    }
}
