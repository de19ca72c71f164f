//! The form: a request in the making, in which the seed may still be open.

use serde::{Deserialize, Serialize};

use crate::request::{MAX_SIDE, MAX_STEPS, Request, SIDE_MULTIPLE, random_seed};
use crate::schedulers::SchedulerKind;

/// Pictures that one click draws at most.
pub const MAX_COUNT: usize = 1000;

/// The largest guidance scale that the form takes; above it every model burns its colours.
pub const MAX_GUIDANCE: f64 = 30.0;

/// What the user has filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Draft {
    /// See [`Request::prompt`].
    pub prompt: String,
    /// See [`Request::negative_prompt`].
    pub negative_prompt: String,
    /// See [`Request::scheduler`].
    pub scheduler: Option<SchedulerKind>,
    /// See [`Request::steps`].
    pub steps: usize,
    /// See [`Request::guidance_scale`].
    pub guidance_scale: f64,
    /// See [`Request::guidance_rescale`].
    pub guidance_rescale: f64,
    /// The seed of the next picture if it is locked, and else of the last.
    pub seed: u64,
    /// Whether the seed stays.
    pub seed_locked: bool,
    /// Pixels.
    pub width: usize,
    /// Pixels.
    pub height: usize,
    /// Pictures a click.
    pub count: usize,
    /// Whether size, steps and guidance are still the model's own, so that another model brings its own.
    pub untouched: bool,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            prompt: String::new(),
            negative_prompt: String::new(),
            scheduler: None,
            steps: 20,
            guidance_scale: 7.5,
            guidance_rescale: 0.0,
            seed: 0,
            seed_locked: false,
            width: 512,
            height: 512,
            count: 1,
            untouched: true,
        }
    }
}

impl Draft {
    /// The request as the form stands.
    pub fn request(&self) -> Request {
        Request {
            prompt: self.prompt.clone(),
            negative_prompt: self.negative_prompt.clone(),
            scheduler: self.scheduler,
            steps: self.steps,
            guidance_scale: self.guidance_scale,
            guidance_rescale: self.guidance_rescale,
            seed: self.seed,
            width: self.width,
            height: self.height,
            count: self.count,
            ..Request::default()
        }
    }

    /// The request of a click on Generate: with a new seed unless it is locked.
    pub fn next_request(&mut self) -> Request {
        if !self.seed_locked {
            self.seed = random_seed();
        }
        self.request()
    }

    /// Takes everything over from a request. The seed is locked, so that the next picture is the same one.
    pub fn take(&mut self, request: &Request) {
        *self = Self {
            prompt: request.prompt.clone(),
            negative_prompt: request.negative_prompt.clone(),
            scheduler: request.scheduler,
            steps: request.steps,
            guidance_scale: request.guidance_scale,
            guidance_rescale: request.guidance_rescale,
            seed: request.seed,
            seed_locked: true,
            width: request.width,
            height: request.height,
            count: 1,
            untouched: false,
        };
        self.make_valid();
    }

    /// Brings every value into its range.
    pub fn make_valid(&mut self) {
        self.steps = self.steps.clamp(1, MAX_STEPS);
        let guidance = if self.guidance_scale.is_finite() { self.guidance_scale } else { 7.5 };
        self.guidance_scale = guidance.clamp(0.0, MAX_GUIDANCE);
        let rescale = if self.guidance_rescale.is_finite() { self.guidance_rescale } else { 0.0 };
        self.guidance_rescale = rescale.clamp(0.0, 1.0);
        self.width = valid_side(self.width);
        self.height = valid_side(self.height);
        self.count = self.count.clamp(1, MAX_COUNT);
    }
}

/// The nearest side that a picture can have.
pub fn valid_side(pixels: usize) -> usize {
    let nearest = (pixels.min(MAX_SIDE) + SIDE_MULTIPLE / 2) / SIDE_MULTIPLE * SIDE_MULTIPLE;
    nearest.clamp(SIDE_MULTIPLE, MAX_SIDE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_seed_is_new_each_time_and_a_locked_one_stays() {
        let mut draft = Draft::default();
        let first = draft.next_request().seed;
        assert_eq!(draft.seed, first, "it is shown");
        assert_ne!(draft.next_request().seed, first);
        draft.seed_locked = true;
        draft.seed = 7;
        assert_eq!([draft.next_request().seed, draft.next_request().seed], [7, 7]);
    }

    #[test]
    fn a_form_that_takes_a_request_asks_for_the_same_again() {
        let request = Request { seed: 9, prompt: "a fox".into(), steps: 3, ..Draft::default().request() };
        let mut draft = Draft::default();
        draft.take(&request);
        assert_eq!(draft.next_request(), request);
    }

    #[test]
    fn values_out_of_range_come_back_into_it() {
        let mut draft =
            Draft { steps: 0, guidance_scale: f64::NAN, width: 3, height: usize::MAX, count: 0, ..Draft::default() };
        draft.make_valid();
        draft.request().validate().expect("now it is good");
        assert_eq!((draft.steps, draft.width, draft.height, draft.count), (1, 8, MAX_SIDE, 1));
    }
}
