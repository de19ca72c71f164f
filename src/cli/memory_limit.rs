//! `--memory-limit`: how much memory a model and its pictures may take.

use std::str::FromStr;

use crate::base::error::Error;

/// A number of gigabytes, as 4 or 2.5.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct MemoryLimit(f64);

impl MemoryLimit {
    pub(super) fn gigabytes(self) -> f64 {
        self.0
    }

    pub(super) fn bytes(self) -> u64 {
        (self.0 * 1e9) as u64
    }
}

impl FromStr for MemoryLimit {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let number = text.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0);
        number.map(Self).ok_or_else(|| Error::new(format!("{text:?} is no number of gigabytes, such as 4 or 2.5")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_number_of_gigabytes() {
        assert_eq!("2.5".parse::<MemoryLimit>().map(MemoryLimit::bytes).ok(), Some(2_500_000_000));
        for wrong in ["", "0", "-1", "nan", "inf", "4GB"] {
            assert!(wrong.parse::<MemoryLimit>().is_err(), "{wrong}");
        }
    }
}
