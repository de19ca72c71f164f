//! A run that goes on from the middle of another one.

use serde::{Deserialize, Serialize};

use super::Request;
use crate::base::error::{Error, Result};

/// How many runs may go on from one another: a recipe with more is no recipe of ours.
const MAX_DEPTH: usize = 32;

/// The steps of another run, in place of the first ones of a request: after them it goes on as it asks for itself, from the same
/// level of noise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Branch {
    /// The other run, of one picture.
    pub from: Request,
    /// Steps of it, counted as it tells them: 1 or more.
    pub step: usize,
}

impl Branch {
    /// Checks everything that can be checked without a model, for a request that goes on from it.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub(super) fn validate(&self, request: &Request) -> Result<()> {
        let mut depth = 1;
        let mut branch = self;
        while let Some(earlier) = &branch.from.branch {
            depth += 1;
            branch = earlier;
            if depth > MAX_DEPTH {
                return Err(Error::new(format!("at most {MAX_DEPTH} runs can go on from one another")));
            }
        }
        if self.step == 0 {
            return Err(Error::new("a run can go on from another one's step 1 on, not from step 0"));
        }
        let (from, to) = ((self.from.width, self.from.height), (request.width, request.height));
        if from != to {
            return Err(Error::new(format!(
                "a run goes on at the size of the one that it goes on from, {} x {}, not at {} x {}",
                from.0, from.1, to.0, to.1
            )));
        }
        if self.from.count != 1 {
            return Err(Error::new("a run goes on from one picture, not from several"));
        }
        self.from.validate()
    }
}
