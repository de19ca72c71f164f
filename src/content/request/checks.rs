//! What is checked of a request before any model is asked.

use super::fields::Field;
use super::groups::Seeds;
use super::request::{Branch, Request};
use super::valid::{Valid, Validate};
use crate::base::error::{Error, Result};

/// How many runs may go on from one another: a recipe with more is no recipe of ours.
const MAX_DEPTH: usize = 32;

impl Validate for Request {
    fn validate(&self) -> Result<()> {
        Field::ALL.iter().try_for_each(|field| field.check(self))?;
        if let Some(kind) = self.sampling.scheduler {
            kind.check(&self.sampling.options)?;
        }
        self.start.branch.as_ref().map_or(Ok(()), |branch| validate_branch(branch, self))
    }
}

impl Valid<Request> {
    /// Returns the request that draws picture `k` alone.
    #[must_use]
    pub fn picture(&self, k: usize) -> Self {
        // One picture can be drawn where several can, from any seed.
        self.map(|request| Request { seeds: Seeds::one(request.seed_of(k)), ..request.clone() })
    }
}

/// Checks the run that a request goes on from.
fn validate_branch(branch: &Branch, request: &Request) -> Result<()> {
    let mut depth = 1;
    let mut earliest = branch;
    while let Some(earlier) = &earliest.from.start.branch {
        depth += 1;
        earliest = earlier;
        if depth > MAX_DEPTH {
            return Err(Error::new(format!("at most {MAX_DEPTH} runs can go on from one another")));
        }
    }
    if branch.step == 0 {
        return Err(Error::new("a run can go on from another one's step 1 on, not from step 0"));
    }
    let (from, to) = (branch.from.size, request.size);
    if from != to {
        return Err(Error::new(format!(
            "a run goes on at the size of the one that it goes on from, {} x {}, not at {} x {}",
            from.width, from.height, to.width, to.height
        )));
    }
    if branch.from.seeds.count != 1 {
        return Err(Error::new("a run goes on from one picture, not from several"));
    }
    branch.from.validate()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::request::{MAX_COUNT, Prompts, Sampling, Size};

    fn request() -> Request {
        Request {
            prompts: Prompts::new("a fox"),
            sampling: Sampling { steps: 20, ..Sampling::default() },
            seeds: Seeds::new(u64::MAX, 2),
            size: Size::new(512, 768),
            ..Request::default()
        }
    }

    fn complaint(change: impl FnOnce(&mut Request)) -> String {
        request().with(change).validate().expect_err("the request is bad").to_string()
    }

    #[test]
    fn a_good_request_passes_and_each_of_its_pictures_has_its_own_seed() {
        let valid = Valid::new(request()).expect("the request is good");
        assert_eq!((valid.picture(1).seeds.first, valid.picture(1).seeds.count), (0, 1));
        assert_eq!(valid.into_inner(), request());
        assert!(Valid::new(request().with(|request| request.sampling.steps = 0)).is_err());
    }

    #[test]
    fn a_side_that_no_picture_has_is_refused() {
        assert!(complaint(|r| r.size.width = 0).contains("width must be above 0, not 0"));
        assert!(complaint(|r| r.size.width = 40_000).contains("width 40000 is too large"));
        assert!(complaint(|r| r.size.height = usize::MAX).contains("is too large"));
    }

    #[test]
    fn bad_steps_counts_and_guidance_are_refused_by_name() {
        assert!(complaint(|r| r.sampling.steps = 0).contains("steps must be between 1 and 1000, not 0"));
        assert!(complaint(|r| r.sampling.steps = 1001).contains("not 1001"));
        assert!(complaint(|r| r.seeds.count = 0).contains("pictures must be 1 or more"));
        assert!(complaint(|r| r.seeds.count = MAX_COUNT + 1).contains("pictures must be 10000 or less"));
        assert!(complaint(|r| r.guidance.scale = -1.0).contains("guidance scale"));
        assert!(complaint(|r| r.guidance.scale = 1001.0).contains("between 0 and 1000, not 1001"));
        assert!(complaint(|r| r.guidance.scale = f64::NAN).contains("not NaN"));
        assert!(complaint(|r| r.guidance.scale = f64::INFINITY).contains("not inf"));
        assert!(complaint(|r| r.guidance.rescale = 1.5).contains("between 0 and 1, not 1.5"));
        assert!(complaint(|r| r.guidance.rescale = f64::NAN).contains("guidance rescale"));
    }
}
