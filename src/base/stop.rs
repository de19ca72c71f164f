//! Why a function below the worker ends early.

use std::fmt;

use super::error::Error;

/// The result of work that can be cancelled.
pub type Outcome<T> = Result<T, Stop>;

/// Why work ended before its result was there.
#[derive(Clone, Debug)]
pub enum Stop {
    /// The user cancelled it.
    Cancelled,
    /// It failed.
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled => f.write_str("cancelled"),
            Self::Failed(error) => error.fmt(f),
        }
    }
}
