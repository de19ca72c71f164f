//! Numbers with their units, as people read them.

/// Writes the length of a file with a unit: `2.1 GB`.
pub fn size_text(bytes: u64) -> String {
    // A unit ends where its numbers would be rounded up to 1000.
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..999_500 => format!("{:.0} kB", bytes as f64 / 1e3),
        999_500..999_500_000 => format!("{:.0} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

/// Writes a number that someone typed: short, also where it has hundreds of digits.
pub fn number_text(number: f64) -> String {
    let size = number.abs();
    if number == 0.0 || !number.is_finite() || (1e-5..1e15).contains(&size) {
        number.to_string()
    } else {
        format!("{number:e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_a_unit_that_fits() {
        let sizes = [999, 1_000, 999_499, 999_500, 31_400_000, 999_499_999, 999_500_000, 3_438_167_540];
        let texts = ["999 bytes", "1 kB", "999 kB", "1 MB", "31 MB", "999 MB", "1.0 GB", "3.4 GB"];
        assert_eq!(sizes.map(size_text), texts);
    }

    #[test]
    fn numbers_are_short_whatever_was_typed() {
        let numbers = [7.5, 0.0, -1.0, 1e14, 1e308, -1e300, 1e-300, f64::NAN, f64::INFINITY];
        let texts = ["7.5", "0", "-1", "100000000000000", "1e308", "-1e300", "1e-300", "NaN", "inf"];
        assert_eq!(numbers.map(number_text), texts);
    }
}
