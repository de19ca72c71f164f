//! Numbers and texts as apps write them.

/// The characters of a value that a note repeats.
pub(super) const LONGEST_IN_NOTE: usize = 80;

/// A whole number from 0 up, also where it is written as `42.0`.
pub(super) fn whole(text: &str) -> Option<u64> {
    /// Above this, neighbouring whole numbers are the same in floating point.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let text = text.trim();
    text.parse().ok().or_else(|| {
        let value: f64 = text.parse().ok()?;
        (value.fract() == 0.0 && (0.0..=EXACT).contains(&value)).then_some(value as u64)
    })
}

/// A text in one line and of a length that a note can hold.
pub(super) fn shorten(text: &str) -> String {
    let mut line: String = text.chars().take(LONGEST_IN_NOTE).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(LONGEST_IN_NOTE).is_some() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_every_spelling() {
        let cases = [("42", Some(42)), (" 42.0 ", Some(42)), ("18446744073709551615", Some(u64::MAX)), ("-1", None)];
        for (text, seed) in cases.into_iter().chain([("1e300", None), ("", None), ("7.5", None), ("nan", None)]) {
            assert_eq!(whole(text), seed, "{text}");
        }
    }
}
