//! What a job does: pictures of one request, or one picture in several ways.

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result};
use crate::content::request::Request;

/// The most pictures that are drawn side by side.
pub const MAX_VARIANTS: usize = 4;

/// What a job does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// Draws all pictures of a request, one after the other.
    Pictures(Request),
    /// Draws one picture in several ways side by side. Picture k of the job is the one of variant k.
    Compare(Variants),
}

/// Ways to draw one picture: one to [`MAX_VARIANTS`] requests that differ in sampler, steps and guidance alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Request>", into = "Vec<Request>")]
pub struct Variants {
    first: Request,
    others: Vec<Request>,
}

impl Work {
    /// The request, or the first of several.
    pub fn first(&self) -> &Request {
        match self {
            Self::Pictures(request) => request,
            Self::Compare(variants) => &variants.first,
        }
    }

    /// All requests.
    pub fn requests(&self) -> impl Iterator<Item = &Request> {
        let others = if let Self::Compare(variants) = self { &*variants.others } else { &[] };
        std::iter::once(self.first()).chain(others)
    }

    /// How many pictures it gives.
    pub fn pictures(&self) -> usize {
        match self {
            Self::Pictures(request) => request.seeds.count,
            Self::Compare(variants) => variants.len(),
        }
    }
}

impl From<Request> for Work {
    fn from(request: Request) -> Self {
        Self::Pictures(request)
    }
}

impl Variants {
    /// Takes one to [`MAX_VARIANTS`] requests.
    ///
    /// # Errors
    /// There are none, or more.
    pub fn new(requests: Vec<Request>) -> Result<Self> {
        if requests.len() > MAX_VARIANTS {
            return Err(Error::new(format!("At most {MAX_VARIANTS} pictures are drawn side by side")));
        }
        let mut requests = requests.into_iter();
        let first = requests.next().ok_or_else(|| Error::new("There is nothing to compare"))?;
        Ok(Self { first, others: requests.collect() })
    }

    /// The requests in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Request> {
        (0..self.len()).map(|at| at.checked_sub(1).and_then(|at| self.others.get(at)).unwrap_or(&self.first))
    }

    /// How many there are: at least one.
    #[expect(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> usize {
        1 + self.others.len()
    }
}

impl TryFrom<Vec<Request>> for Variants {
    type Error = Error;

    fn try_from(requests: Vec<Request>) -> Result<Self> {
        Self::new(requests)
    }
}

impl From<Variants> for Vec<Request> {
    fn from(variants: Variants) -> Self {
        std::iter::once(variants.first).chain(variants.others).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::request::Sampling;

    fn request(steps: usize) -> Request {
        Request { sampling: Sampling { steps, ..Sampling::default() }, ..Request::default() }
    }

    #[test]
    fn a_comparison_has_one_to_four_requests() {
        assert!(Variants::new(Vec::new()).is_err());
        assert!(Variants::new((1..=5).map(request).collect()).is_err());
        let variants = Variants::new((1..=4).map(request).collect()).expect("four");
        assert_eq!(variants.iter().map(|request| request.sampling.steps).collect::<Vec<_>>(), [1, 2, 3, 4]);
        let work = Work::Compare(variants);
        assert_eq!((work.first().sampling.steps, work.requests().count(), work.pictures()), (1, 4, 4));
    }

    #[test]
    fn work_is_read_as_it_was_written() {
        let variants = Variants::new(vec![request(1), request(2)]).expect("two");
        for work in [Work::Pictures(request(3)), Work::Compare(variants)] {
            let json = serde_json::to_string(&work).expect("JSON");
            assert_eq!(serde_json::from_str::<Work>(&json).expect("work"), work);
        }
        assert!(serde_json::from_str::<Work>(r#"{"compare":[]}"#).is_err());
    }
}
