//! One generation, and the run that it may go on from.

use serde::{Deserialize, Serialize};

use super::groups::{Finish, Guidance, Prompts, Sampling, Seeds, Size};
use super::limits::{
    validate_count, validate_guidance_rescale, validate_guidance_scale, validate_side, validate_steps,
};
use super::task::Task;
use crate::base::error::{Error, Result};

/// How many runs may go on from one another: a recipe with more is no recipe of ours.
const MAX_DEPTH: usize = 32;

/// One generation, complete: the same request gives the same pictures.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// What the pictures start from.
    #[serde(flatten)]
    pub start: Start,
    /// The words that they follow.
    #[serde(flatten)]
    pub prompts: Prompts,
    /// How noise becomes a picture.
    #[serde(flatten)]
    pub sampling: Sampling,
    /// How strongly the prompts are followed.
    #[serde(flatten)]
    pub guidance: Guidance,
    /// How many pictures, and the noise of each.
    #[serde(flatten)]
    pub seeds: Seeds,
    /// The size of the pictures.
    #[serde(flatten)]
    pub size: Size,
    /// What is done to a finished picture.
    #[serde(flatten)]
    pub finish: Finish,
}

/// What pictures start from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// What kind of generation it is, with what only that kind needs.
    pub task: Task,
    /// The run that it goes on from, if it doesn't begin with noise or a picture of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<Box<Branch>>,
}

impl From<Task> for Start {
    fn from(task: Task) -> Self {
        Self { task, branch: None }
    }
}

/// The steps of another run, in place of the first ones of a request: after them it goes on as it asks for itself, from the same
/// level of noise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Branch {
    /// The other run, of one picture.
    pub from: Request,
    /// Steps of it, counted as it tells them: 1 or more.
    pub step: usize,
}

impl Request {
    /// Checks everything that can be checked without a model.
    ///
    /// # Errors
    /// The first thing that is wrong, with the value and what would be right.
    pub fn validate(&self) -> Result<()> {
        let Sampling { scheduler, options, steps } = &self.sampling;
        validate_side("width", self.size.width)?;
        validate_side("height", self.size.height)?;
        validate_steps(*steps)?;
        validate_guidance_scale(self.guidance.scale)?;
        validate_guidance_rescale(self.guidance.rescale)?;
        validate_count(self.seeds.count)?;
        scheduler.map_or_else(|| options.validate(), |kind| kind.check(options))?;
        self.start.task.validate()?;
        self.start.branch.as_ref().map_or(Ok(()), |branch| branch.validate(self))
    }

    /// The seed of picture `k`, counted from 0.
    pub fn seed_of(&self, k: usize) -> u64 {
        self.seeds.of(k)
    }

    /// The request that draws picture `k` alone.
    #[must_use]
    pub fn picture(&self, k: usize) -> Self {
        Self { seeds: Seeds::one(self.seed_of(k)), ..self.clone() }
    }

    /// Changes a request where it is made.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}

impl Branch {
    /// Checks everything that can be checked without a model, for a request that goes on from it.
    ///
    /// # Errors
    /// The first thing that is wrong.
    fn validate(&self, request: &Request) -> Result<()> {
        let mut depth = 1;
        let mut branch = self;
        while let Some(earlier) = &branch.from.start.branch {
            depth += 1;
            branch = earlier;
            if depth > MAX_DEPTH {
                return Err(Error::new(format!("at most {MAX_DEPTH} runs can go on from one another")));
            }
        }
        if self.step == 0 {
            return Err(Error::new("a run can go on from another one's step 1 on, not from step 0"));
        }
        let (from, to) = (self.from.size, request.size);
        if from != to {
            return Err(Error::new(format!(
                "a run goes on at the size of the one that it goes on from, {} x {}, not at {} x {}",
                from.width, from.height, to.width, to.height
            )));
        }
        if self.from.seeds.count != 1 {
            return Err(Error::new("a run goes on from one picture, not from several"));
        }
        self.from.validate()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Request {
        Request {
            prompts: Prompts::new("a fox"),
            sampling: Sampling { steps: 20, ..Sampling::default() },
            seeds: Seeds { first: u64::MAX, count: 2 },
            size: Size::new(512, 768),
            ..Request::default()
        }
    }

    fn complaint(change: impl FnOnce(&mut Request)) -> String {
        request().with(change).validate().expect_err("the request is bad").to_string()
    }

    #[test]
    fn a_good_request_passes() {
        request().validate().expect("the request is good");
    }

    #[test]
    fn a_bad_size_is_refused_with_the_nearest_good_one() {
        assert!(complaint(|r| r.size.width = 0).contains("multiple of 8 above 0, not 0. The nearest is 8"));
        assert!(complaint(|r| r.size.width = 7).contains("The nearest is 8"));
        assert!(
            complaint(|r| r.size.height = 100)
                .contains("height must be a multiple of 8 above 0, not 100. The nearest is 96 or 104")
        );
        assert!(complaint(|r| r.size.width = 40_000).contains("width 40000 is too large"));
        assert!(complaint(|r| r.size.width = usize::MAX).contains("multiple of 8"));
    }

    #[test]
    fn bad_steps_counts_and_guidance_are_refused_by_name() {
        assert!(complaint(|r| r.sampling.steps = 0).contains("steps must be between 1 and 1000, not 0"));
        assert!(complaint(|r| r.sampling.steps = 1001).contains("not 1001"));
        assert!(complaint(|r| r.seeds.count = 0).contains("pictures must be 1 or more"));
        assert!(complaint(|r| r.guidance.scale = -1.0).contains("guidance scale"));
        assert!(complaint(|r| r.guidance.scale = f64::NAN).contains("not NaN"));
        assert!(complaint(|r| r.guidance.scale = f64::INFINITY).contains("not inf"));
        assert!(complaint(|r| r.guidance.rescale = 1.5).contains("between 0 and 1, not 1.5"));
        assert!(complaint(|r| r.guidance.rescale = f64::NAN).contains("guidance rescale"));
    }
}
