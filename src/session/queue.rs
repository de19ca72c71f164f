//! The queue: what is being drawn, and what waits. The worker holds one job at a time.

use std::time::{Duration, Instant};

use crate::base::cancel::CancelToken;
use crate::base::model_ref::ModelRef;
use crate::content::request::{Request, Seeds};
use crate::session::waiting::Waiting;
use crate::worker::{JobId, Phase, Work};

/// Tells a waiting generation from others.
pub type Key = u64;

/// What is being drawn and what waits.
#[derive(Debug, Default)]
pub struct Queue {
    waiting: Vec<Queued>,
    running: Option<Running>,
    next_key: Key,
    /// Counts the changes of what has to be drawn.
    revision: u64,
    /// Set where the program was closed with work left over: nothing begins before the user says so.
    pub paused: bool,
}

/// One that waits.
#[derive(Debug)]
struct Queued {
    key: Key,
    waiting: Waiting,
    /// It was tried and failed: it stays, for the user to try again or remove.
    failed: bool,
}

/// A generation on its way.
#[derive(Debug)]
pub struct Running {
    /// Its key while it waited.
    key: Key,
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
    /// Whether a stop means all of its pictures.
    ends_whole: bool,
}

/// Where a waiting generation is moved to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// Before the one before it.
    Up,
    /// Behind the one behind it.
    Down,
    /// To the head.
    First,
}

impl Queue {
    /// A queue that was left over from the last run.
    pub fn left_over(waiting: impl IntoIterator<Item = Waiting>) -> Self {
        let mut queue = Self::default();
        for waiting in waiting {
            queue.push(waiting);
        }
        queue.paused = !queue.is_empty();
        queue
    }

    /// Adds at the end.
    pub fn push(&mut self, waiting: Waiting) {
        let queued = self.queued(waiting, false);
        self.waiting.push(queued);
    }

    /// Counts the changes of what [`Self::to_keep`] gives: the same number, the same result.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Adds at the head.
    pub fn push_first(&mut self, waiting: Waiting) {
        let queued = self.queued(waiting, false);
        self.waiting.insert(0, queued);
    }

    /// Adds one at the end that was tried and failed.
    pub fn push_failed(&mut self, waiting: Waiting) {
        let queued = self.queued(waiting, true);
        self.waiting.push(queued);
    }

    fn queued(&mut self, waiting: Waiting, failed: bool) -> Queued {
        self.revision += 1;
        self.next_key += 1;
        Queued { key: self.next_key, waiting, failed }
    }

    /// What waits, the next first, and whether it failed before.
    pub fn waiting(&self) -> impl ExactSizeIterator<Item = (Key, &Waiting, bool)> {
        self.waiting.iter().map(|queued| (queued.key, &queued.waiting, queued.failed))
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// What is being drawn.
    pub fn running(&self) -> Option<&Running> {
        self.running.as_ref()
    }

    /// What is being drawn, if it is this one. Its picture is changed with [`Self::reached`].
    pub fn running_mut(&mut self, id: JobId) -> Option<&mut Running> {
        self.running.as_mut().filter(|running| running.id == id)
    }

    /// Notes which picture of a generation is being drawn, counted from 0.
    pub fn reached(&mut self, id: JobId, picture: usize) {
        if let Some(running) = self.running.as_mut().filter(|running| running.id == id && running.picture != picture) {
            running.picture = picture;
            self.revision += 1;
        }
    }

    /// Notes that a picture of a generation is finished, counted from 0.
    pub fn finished(&mut self, id: JobId, picture: usize) {
        if let Some(running) = self.running.as_mut().filter(|running| running.id == id && !running.compares()) {
            running.finished = picture + 1;
            self.revision += 1;
        }
    }

    /// What should be drawn next, if nothing is being drawn.
    pub fn next(&self) -> Option<&Waiting> {
        if self.paused || self.running.is_some() {
            return None;
        }
        self.waiting.iter().find(|queued| !queued.failed).map(|queued| &queued.waiting)
    }

    /// Marks everything that this model should draw as failed: the model can't be opened.
    pub fn fail_all_of(&mut self, model: &ModelRef) {
        self.waiting.iter_mut().filter(|queued| queued.waiting.model == *model).for_each(|queued| queued.failed = true);
    }

    /// Lets one that failed be tried again.
    pub fn try_again(&mut self, key: Key) {
        self.waiting.iter_mut().filter(|queued| queued.key == key).for_each(|queued| queued.failed = false);
        self.paused = false;
    }

    /// Takes the next out of the queue: the worker has it now.
    pub fn started(&mut self, id: JobId, cancel: CancelToken) {
        let Some(at) = self.waiting.iter().position(|queued| !queued.failed) else { return };
        self.revision += 1;
        let Queued { key, waiting, .. } = self.waiting.remove(at);
        let steps = waiting.work.first().sampling.steps;
        let variants = match &waiting.work {
            Work::Pictures(_) => Vec::new(),
            Work::Compare(variants) => variants.iter().map(|variant| (0, variant.sampling.steps)).collect(),
        };
        self.running = Some(Running {
            key,
            id,
            variants,
            waiting,
            cancel,
            phase: None,
            picture: 0,
            finished: 0,
            step: 0,
            steps,
            step_secs: None,
            preview_share: 0.0,
            ends_whole: false,
        });
    }

    /// The running one is over.
    pub fn ended(&mut self, id: JobId) -> Option<Running> {
        self.revision += 1;
        self.running.take_if(|running| running.id == id)
    }

    /// Takes one out that waits.
    pub fn remove(&mut self, key: Key) -> Option<Waiting> {
        let at = self.waiting.iter().position(|queued| queued.key == key)?;
        self.revision += 1;
        Some(self.waiting.remove(at).waiting)
    }

    /// Empties what waits.
    pub fn clear(&mut self) {
        self.revision += 1;
        self.waiting.clear();
    }

    /// Moves one that waits.
    pub fn reorder(&mut self, key: Key, to: Move) {
        let Some(at) = self.waiting.iter().position(|queued| queued.key == key) else { return };
        self.revision += 1;
        match to {
            Move::Up if at > 0 => self.waiting.swap(at, at - 1),
            Move::Down if at + 1 < self.waiting.len() => self.waiting.swap(at, at + 1),
            Move::First => self.waiting[..=at].rotate_right(1),
            Move::Up | Move::Down => {}
        }
    }

    /// Asks the picture that is being drawn to end. The others of its generation come next, unless they are to go too.
    pub fn stop(&mut self, others_too: bool) {
        if let Some(running) = &mut self.running {
            running.cancel.cancel();
            running.ends_whole |= others_too;
            self.revision += 1;
        }
    }

    /// A stopped generation is over: what is left of it comes next.
    pub fn go_on_after(&mut self, stopped: &Running) {
        if stopped.compares() {
            return;
        }
        if let Some(rest) = stopped.from(stopped.picture + 1).filter(|_| !stopped.ends_whole) {
            self.push_first(rest);
        }
    }

    /// What the next run of the program has to draw: the running one's missing pictures first.
    pub fn to_keep(&self) -> Vec<(Key, Waiting)> {
        let unfinished = self.running.iter().filter(|running| !running.cancel.is_cancelled());
        let unfinished = unfinished.filter_map(|running| Some((running.key, running.unfinished()?)));
        unfinished.chain(self.waiting.iter().map(|queued| (queued.key, queued.waiting.clone()))).collect()
    }

    /// Goes back to what has to be drawn: what was begun comes first, and the queue goes on or is paused as before.
    pub fn start_over(&mut self) {
        let (paused, next_key, revision) = (self.paused, self.next_key, self.revision + 1);
        let queued = |(key, waiting)| Queued { key, waiting, failed: false };
        let waiting = self.to_keep().into_iter().map(queued).collect();
        *self = Self { waiting, running: None, next_key, revision, paused };
    }
}

impl Running {
    /// What is to be drawn again after a failure: the picture that failed, and those behind it.
    pub fn rest(&self) -> Waiting {
        self.from(self.picture).unwrap_or_else(|| self.waiting.clone())
    }

    /// What of it isn't finished; `None` if all of it is.
    fn unfinished(&self) -> Option<Waiting> {
        self.from(self.picture.max(self.finished))
    }

    /// Its pictures from this one on, counted from 0.
    fn from(&self, picture: usize) -> Option<Waiting> {
        let Work::Pictures(request) = &self.waiting.work else { return Some(self.waiting.clone()) };
        let count = request.seeds.count.checked_sub(picture).filter(|count| *count > 0)?;
        let rest = Request { seeds: Seeds::new(request.seed_of(picture), count), ..request.clone() };
        Some(Waiting { work: Work::Pictures(rest), ..self.waiting.clone() })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::settings::Draft;
    use crate::storage::gallery::Destination;
    use crate::worker::Job;

    fn waiting(prompt: &str) -> Waiting {
        let request = Draft::default().request().with(|request| {
            request.prompts.prompt = prompt.into();
            request.seeds.count = 3;
            request.seeds.first = 10;
        });
        Waiting::new(ModelRef::Bundled, request)
    }

    fn queue(prompts: &[&str]) -> Queue {
        let mut queue = Queue::default();
        for prompt in prompts {
            queue.push(waiting(prompt));
        }
        queue
    }

    fn prompts(queue: &Queue) -> Vec<&str> {
        queue.waiting().map(|(_, waiting, _)| waiting.work.first().prompts.prompt.as_str()).collect()
    }

    fn start(queue: &mut Queue) -> JobId {
        let job = Job::new(queue.next().expect("one waits").work.clone(), Destination::Folder(".".into()));
        queue.started(job.id, job.cancel);
        job.id
    }

    #[test]
    fn what_waits_can_be_reordered_and_removed() {
        let mut queue = queue(&["a", "b", "c"]);
        let keys: Vec<Key> = queue.waiting().map(|(key, ..)| key).collect();
        queue.reorder(keys[2], Move::First);
        assert_eq!(prompts(&queue), ["c", "a", "b"]);
        queue.reorder(keys[2], Move::Up);
        queue.reorder(keys[1], Move::Down);
        assert_eq!(prompts(&queue), ["c", "a", "b"], "at the ends nothing moves");
        queue.reorder(keys[0], Move::Down);
        assert_eq!(prompts(&queue), ["c", "b", "a"]);
        queue.remove(keys[1]);
        queue.push_first(waiting("d"));
        assert_eq!(prompts(&queue), ["d", "c", "a"]);
    }

    #[test]
    fn one_is_drawn_at_a_time_and_the_next_follows() {
        let mut queue = queue(&["a", "b"]);
        let id = start(&mut queue);
        assert!(queue.next().is_none(), "the worker is busy");
        assert_eq!(
            queue.ended(id).map(|running| running.waiting.work.first().prompts.prompt.clone()),
            Some("a".into())
        );
        assert_eq!(queue.next().map(|waiting| waiting.work.first().prompts.prompt.as_str()), Some("b"));
    }

    #[test]
    fn what_failed_stays_and_holds_nothing_up() {
        let mut queue = queue(&["a", "b"]);
        let id = start(&mut queue);
        let failed = queue.ended(id).expect("it ran").waiting;
        queue.push_failed(failed);
        assert_eq!(queue.next().map(|waiting| waiting.work.first().prompts.prompt.as_str()), Some("b"));
        start(&mut queue);
        queue.running = None;
        assert!(queue.next().is_none());
        let key = queue.waiting().next().expect("it stays").0;
        queue.try_again(key);
        assert_eq!(queue.next().map(|waiting| waiting.work.first().prompts.prompt.as_str()), Some("a"));
    }

    #[test]
    fn what_is_left_over_waits_until_it_is_resumed() {
        let mut queue = queue(&["a", "b"]);
        let id = start(&mut queue);
        queue.reached(id, 1);
        let kept: Vec<Waiting> = queue.to_keep().into_iter().map(|kept| kept.1).collect();
        assert_eq!(
            (kept[0].work.first().seeds.first, kept[0].work.pictures()),
            (11, 2),
            "the finished picture isn't drawn twice"
        );
        let mut again = Queue::left_over(kept);
        assert!(again.next().is_none());
        again.paused = false;
        assert_eq!(again.next().map(|waiting| waiting.work.first().prompts.prompt.as_str()), Some("a"));
    }

    #[test]
    fn a_stopped_job_is_not_kept() {
        let mut queue = queue(&["a", "b"]);
        start(&mut queue);
        queue.stop(false);
        assert_eq!(queue.to_keep().len(), 1);
    }

    #[test]
    fn stop_ends_one_picture_and_the_others_of_its_generation_come_next() {
        for (others_too, expected) in [(false, vec![(12, 1), (10, 3)]), (true, vec![(10, 3)])] {
            let mut queue = queue(&["a", "b"]);
            let id = start(&mut queue);
            queue.reached(id, 1);
            queue.stop(others_too);
            let stopped = queue.ended(id).expect("it ran");
            queue.go_on_after(&stopped);
            let next: Vec<_> = queue
                .waiting()
                .map(|(_, waiting, _)| (waiting.work.first().seeds.first, waiting.work.first().seeds.count))
                .collect();
            assert_eq!(next, expected);
        }
    }

    #[test]
    fn progress_and_time_left_count_all_pictures() {
        let mut queue = queue(&["a"]);
        let id = start(&mut queue);
        let running = queue.running_mut(id).expect("it runs");
        (running.picture, running.step, running.steps) = (1, 5, 10);
        assert!((running.fraction() - 0.5).abs() < 1e-6);
        assert_eq!(running.time_left(), None, "no step is done yet");
        running.took(2.0);
        assert_eq!(running.time_left(), Some(Duration::from_secs(30)));
    }
}
