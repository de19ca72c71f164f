//! The error of a step whose numbers overflowed.

use std::fmt;

use image::RgbImage;

use crate::base::error::Error;

/// The numbers of a step overflowed: the source of the error that says which step it was.
#[derive(Debug)]
pub struct Overflow {
    /// Which of several pictures drawn side by side it was, counted from 0.
    pub variant: usize,
    /// What the first picture of the batch would have become as far as the step before; `None` if there was none.
    pub image: Option<RgbImage>,
}

impl Overflow {
    /// Finds what is known of it, if an error is about one.
    pub fn of(error: &Error) -> Option<&Self> {
        std::error::Error::source(error)?.downcast_ref()
    }
}

impl fmt::Display for Overflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the model's numbers overflowed")
    }
}

impl std::error::Error for Overflow {}
