//! Numbers as people say them.

/// A length of a file.
pub(crate) fn bytes(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{:.0} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_files_are_said_as_people_say_them() {
        assert_eq!([999, 12_345, 1_250_000].map(bytes), ["999 bytes", "12 kB", "1.2 MB"]);
    }
}
