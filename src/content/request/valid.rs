//! The type that only checked values have.

use std::ops::Deref;

use crate::base::error::Result;

/// Something that can be checked without a model.
pub trait Validate {
    /// Checks everything that can be checked without a model.
    ///
    /// # Errors
    /// The first thing that is wrong, with the value and what would be right.
    fn validate(&self) -> Result<()>;
}

/// A value that has passed its check. It can be read but not changed: change the value inside and check again.
#[derive(Clone, Debug, PartialEq)]
pub struct Valid<T>(T);

impl<T: Validate> Valid<T> {
    /// Checks a value.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn new(value: T) -> Result<Self> {
        value.validate()?;
        Ok(Self(value))
    }
}

impl<T> Valid<T> {
    /// Derives a value that passes the same check whenever this one does.
    pub(super) fn map(&self, derive: impl FnOnce(&T) -> T) -> Self {
        Self(derive(&self.0))
    }

    /// Returns the value, which may be changed then.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Valid<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}
