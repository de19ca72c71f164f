//! JSON as other apps write it: values that may be missing, numbers as texts, and Python's `NaN`, which is no JSON.

use serde_json::{Map, Value};

/// An object with what can be in it.
pub(super) type Object = Map<String, Value>;

/// The object that a text is; `None` if it is none.
pub(super) fn object(text: &str) -> Option<Object> {
    let text = text.trim();
    if !text.starts_with('{') {
        return None;
    }
    serde_json::from_str(text).or_else(|_| serde_json::from_str(&without_nan(text))).ok()
}

/// Whether a text begins like an object, be it whole or not. A prompt may begin with a brace as well.
pub(super) fn looks_like_an_object(text: &str) -> bool {
    let inside = text.trim_start().strip_prefix('{');
    inside.is_some_and(|inside| inside.trim_start().is_empty() || inside.trim_start().starts_with(['"', '}']))
}

/// A text, or a number as text.
pub(super) fn scalar(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A number above 0, also as text.
pub(super) fn positive(value: Option<&Value>) -> bool {
    scalar(value).and_then(|text| text.parse::<f64>().ok()).is_some_and(|number| number > 0.0)
}

/// The entries of a list; none if it is absent or no list.
pub(super) fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Python's numbers that JSON doesn't have, as null; what stands inside strings stays.
fn without_nan(text: &str) -> String {
    let (mut clean, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find(['"', 'N', 'I', '-']) {
        let (before, from) = rest.split_at(at);
        clean.push_str(before);
        let length = ["NaN", "Infinity", "-Infinity"].into_iter().find(|word| from.starts_with(word)).map(str::len);
        let (kept, length) = if let Some(length) = length {
            ("null", length)
        } else {
            let length = if from.starts_with('"') { string_length(from) } else { 1 };
            (from.get(..length).unwrap_or(from), length)
        };
        clean.push_str(kept);
        rest = from.get(length..).unwrap_or_default();
    }
    clean.push_str(rest);
    clean
}

/// The bytes of the string literal that a text begins with.
fn string_length(text: &str) -> usize {
    let mut is_escaped = false;
    let end = text.bytes().skip(1).position(|byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    });
    end.map_or(text.len(), |at| at + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pythons_numbers_are_read_as_null_but_stay_inside_strings() {
        let text = r#"{"a": [NaN, -Infinity, Infinity, -1], "NaN": "NaN \" NaN é", "b": -2.5}"#;
        let read = Value::from(object(text).expect("an object")).to_string();
        assert_eq!(read, r#"{"a":[null,null,null,-1],"NaN":"NaN \" NaN é","b":-2.5}"#);
    }

    #[test]
    fn a_text_that_is_no_json_object_gives_none() {
        for text in ["", "[]", "a fox", "{", "{\"a\": NaN", "{\"a\": \"", "{\"a\": \"\\", &"{\"a\":".repeat(100_000)] {
            assert_eq!(object(text), None);
        }
    }
}
