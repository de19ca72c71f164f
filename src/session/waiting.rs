//! A generation that waits for its turn: a model and what it is to do.

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result};
use crate::base::model_ref::ModelRef;
use crate::content::request::{Request, Seeds};
use crate::worker::{Output, Variants, Work};

/// A generation that waits for its turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "WaitingFile")]
pub struct Waiting {
    /// What draws it.
    pub model: ModelRef,
    /// What it is.
    pub work: Work,
    /// What it gives; `None` for what the preferences say when its turn comes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Output>,
}

/// A [`Waiting`] as files hold it.
#[derive(Deserialize)]
struct WaitingFile {
    model: ModelRef,
    work: Option<Work>,
    output: Option<Output>,
    /// Files of 0.1.0 have this and `variants` in place of `work`; where there are variants, the request is the first of them.
    request: Option<Request>,
    #[serde(default)]
    variants: Vec<Request>,
}

impl Waiting {
    /// Work that this model is to do, as the preferences have it.
    pub fn new(model: ModelRef, work: impl Into<Work>) -> Self {
        Self { model, work: work.into(), output: None }
    }

    /// What is left of it after its first pictures; `None` if nothing is. A comparison, whose pictures come together, is left whole.
    pub(super) fn after(&self, pictures: usize) -> Option<Self> {
        let Work::Pictures(request) = &self.work else { return Some(self.clone()) };
        let count = request.seeds.count.checked_sub(pictures).filter(|count| *count > 0)?;
        let rest = Request { seeds: Seeds::new(request.seed_of(pictures), count), ..request.clone() };
        Some(Self { work: Work::Pictures(rest), ..self.clone() })
    }

    /// What is left of a comparison without the variants that are done; `None` if nothing is.
    pub(super) fn without(&self, is_done: impl Fn(usize) -> bool) -> Option<Self> {
        let Work::Compare(variants) = &self.work else { return Some(self.clone()) };
        let left = variants.iter().enumerate().filter(|(variant, _)| !is_done(*variant));
        let left = Variants::new(left.map(|(_, request)| request.clone()).collect()).ok()?;
        Some(Self { work: Work::Compare(left), ..self.clone() })
    }
}

impl TryFrom<WaitingFile> for Waiting {
    type Error = Error;

    fn try_from(file: WaitingFile) -> Result<Self> {
        let work = match (file.work, file.request) {
            (Some(work), _) => work,
            (None, Some(request)) if file.variants.is_empty() => Work::Pictures(request),
            (None, _) => Work::Compare(Variants::new(file.variants)?),
        };
        Ok(Self { model: file.model, work, output: file.output })
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;
    use crate::storage::gallery::Destination;
    use crate::worker::Previews;

    #[test]
    fn a_queue_of_the_first_version_is_read() {
        let request = Request::default();
        let old = serde_json::json!([
            { "model": "bundled", "request": request },
            { "model": "bundled", "request": request, "variants": [request, request] },
        ]);
        let queue: Vec<Waiting> = serde_json::from_value(old).expect("a queue");
        assert_eq!(queue[0], Waiting::new(ModelRef::Bundled, request.clone()));
        let two = Variants::new(vec![request.clone(), request]).expect("two");
        assert_eq!(queue[1].work, Work::Compare(two));
    }

    #[test]
    fn what_it_gives_is_kept_with_it() {
        let previews = Previews::Files { every: NonZeroUsize::MIN, folder: "previews".into() };
        let output =
            Output { previews, trace: Some("a.safetensors".into()), ..Destination::File("a.png".into()).into() };
        for output in [None, Some(output)] {
            let waiting = Waiting { output, ..Waiting::new(ModelRef::Bundled, Request::default()) };
            let text = serde_json::to_string(&waiting).expect("JSON");
            assert_eq!(text.contains("output"), waiting.output.is_some(), "{text}");
            assert_eq!(serde_json::from_str::<Waiting>(&text).expect("a waiting one"), waiting);
        }
    }
}
