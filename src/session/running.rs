//! The generation that is being drawn, and how far it is.

use std::time::{Duration, Instant};

use crate::base::cancel::CancelToken;
use crate::session::waiting::Waiting;
use crate::worker::{JobId, Phase, Work};

/// A generation on its way.
#[derive(Debug)]
pub struct Running {
    /// Its key.
    pub key: u64,
    /// The worker's name for it.
    pub id: JobId,
    /// What it is.
    pub waiting: Waiting,
    /// Ends it.
    pub cancel: CancelToken,
    /// What its picture goes through, whether the GPU is tuned in it, and when it began.
    pub phase: Option<(Phase, bool, Instant)>,
    /// Which of its pictures, counted from 0.
    pub picture: usize,
    /// How many of its pictures are finished.
    pub finished: usize,
    /// Which of its pictures that are drawn side by side are finished.
    pub(super) finished_variants: Vec<usize>,
    /// Steps of the picture that are done.
    pub step: usize,
    /// Steps of a picture.
    pub steps: usize,
    /// How long a step takes, from those of late.
    pub step_secs: Option<f64>,
    /// The share of the time that previews take, 0 to 1.
    pub preview_share: f64,
    /// Steps done of each picture that is drawn side by side, and all of them once they are known.
    pub variants: Vec<(usize, usize)>,
    /// Whether its picture was asked to end.
    pub(super) is_stopped: bool,
    /// Whether a stop means all of its pictures.
    pub(super) ends_whole: bool,
}

impl Running {
    /// A generation that begins.
    pub(super) fn new(key: u64, id: JobId, waiting: Waiting, cancel: CancelToken) -> Self {
        let steps = waiting.work.first().sampling.steps;
        let variants = match &waiting.work {
            Work::Pictures(_) => Vec::new(),
            Work::Compare(variants) => variants.iter().map(|variant| (0, variant.sampling.steps)).collect(),
        };
        Self {
            key,
            id,
            variants,
            waiting,
            cancel,
            phase: None,
            picture: 0,
            finished: 0,
            finished_variants: Vec::new(),
            step: 0,
            steps,
            step_secs: None,
            preview_share: 0.0,
            is_stopped: false,
            ends_whole: false,
        }
    }

    /// What is to be drawn again after a failure: the picture that failed, and those behind it.
    pub fn rest(&self) -> Waiting {
        self.without_first(self.picture).unwrap_or_else(|| self.waiting.clone())
    }

    /// What of it has yet to be drawn; `None` if nothing has.
    pub(super) fn unfinished(&self) -> Option<Waiting> {
        if self.is_stopped { self.after_stop() } else { self.without_first(self.picture.max(self.finished)) }
    }

    /// What is left of it once its picture is stopped; `None` if nothing is. Pictures that are drawn side by side stop together.
    pub(super) fn after_stop(&self) -> Option<Waiting> {
        self.waiting.after(self.picture + 1).filter(|_| !self.ends_whole && !self.compares())
    }

    /// Its pictures from this one on, counted from 0, or those that are drawn side by side and aren't finished.
    fn without_first(&self, picture: usize) -> Option<Waiting> {
        self.waiting.after(picture)?.without(|variant| self.finished_variants.contains(&variant))
    }

    /// Whether its pictures are drawn side by side.
    pub fn compares(&self) -> bool {
        matches!(self.waiting.work, Work::Compare(_))
    }

    /// How much of the job is done, 0 to 1.
    pub fn fraction(&self) -> f32 {
        if self.compares() {
            let (done, of) = self.variant_steps();
            return (done as f32 / of.max(1) as f32).clamp(0.0, 1.0);
        }
        let pictures = self.waiting.work.pictures().max(1) as f32;
        let picture = self.step as f32 / self.steps.max(1) as f32;
        ((self.picture as f32 + picture.min(1.0)) / pictures).clamp(0.0, 1.0)
    }

    /// Steps that are done of all pictures drawn side by side, and all there are.
    pub fn variant_steps(&self) -> (usize, usize) {
        self.variants.iter().fold((0, 0), |(done, of), variant| (done + variant.0, of + variant.1))
    }

    /// How long the steps that are left will take.
    pub fn time_left(&self) -> Option<Duration> {
        if self.compares() {
            let (done, of) = self.variant_steps();
            return Duration::try_from_secs_f64(self.step_secs? * of.saturating_sub(done) as f64).ok();
        }
        let later = self.waiting.work.pictures().saturating_sub(self.picture + 1);
        let steps = later * self.steps + self.steps.saturating_sub(self.step);
        Duration::try_from_secs_f64(self.step_secs? * steps as f64).ok()
    }

    /// Takes a step's time into account: an average in which the last ten or so count.
    pub fn took(&mut self, secs: f64) {
        const WEIGHT: f64 = 0.2;
        self.step_secs = Some(self.step_secs.map_or(secs, |mean| mean + WEIGHT * (secs - mean)));
    }
}
