//! The queue: what is being drawn, and what waits. The worker holds one job at a time.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use crate::base::cancel::CancelToken;
use crate::base::model_ref::ModelRef;
use crate::session::running::Running;
use crate::session::waiting::Waiting;
use crate::worker::JobId;

/// Tells a generation from others, also from those of other runs of the program: it stays what it is until all of it is drawn.
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
    /// The revision that it came with.
    since: u64,
    /// It was tried and failed: it stays, for the user to try again or remove.
    failed: bool,
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
    pub fn left_over(waiting: impl IntoIterator<Item = (Key, Waiting)>) -> Self {
        let waiting: Vec<_> =
            waiting.into_iter().map(|(key, waiting)| Queued { key, waiting, since: 1, failed: false }).collect();
        let known = waiting.iter().map(|queued| queued.key).max().unwrap_or_default();
        // A number that JSON readers keep whole, and that no other run of the program has used.
        let unused = RandomState::new().build_hasher().finish() >> 12;
        let paused = !waiting.is_empty();
        Self { waiting, running: None, next_key: known.max(unused), revision: 1, paused }
    }

    /// Adds at the end.
    pub fn push(&mut self, waiting: Waiting) {
        let queued = self.queued(waiting);
        self.waiting.push(queued);
    }

    /// Counts the changes of what [`Self::to_keep`] gives: the same number, the same result.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Adds at the head.
    pub fn push_first(&mut self, waiting: Waiting) {
        let queued = self.queued(waiting);
        self.waiting.insert(0, queued);
    }

    /// Adds at the end what is left of one that was tried and failed.
    pub fn push_failed(&mut self, tried: &Running) {
        self.revision += 1;
        // The disk has known it since it waited.
        self.waiting.push(Queued { key: tried.key, waiting: tried.rest(), since: 0, failed: true });
    }

    fn queued(&mut self, waiting: Waiting) -> Queued {
        self.revision += 1;
        self.next_key += 1;
        Queued { key: self.next_key, waiting, since: self.revision, failed: false }
    }

    /// Whether a generation waits or is being drawn.
    pub fn holds(&self, key: Key) -> bool {
        self.waiting.iter().any(|queued| queued.key == key)
            || self.running.as_ref().is_some_and(|running| running.key == key)
    }

    /// What waits, the next first, and whether it failed before.
    pub fn waiting(&self) -> impl ExactSizeIterator<Item = (Key, &Waiting, bool)> {
        self.waiting.iter().map(|queued| (queued.key, &queued.waiting, queued.failed))
    }

    /// The revision with which one that waits came into the queue.
    pub(super) fn since(&self, key: Key) -> Option<u64> {
        self.waiting.iter().find(|queued| queued.key == key).map(|queued| queued.since)
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
        if let Some(running) = self.running.as_mut().filter(|running| running.id == id) {
            if running.compares() {
                running.finished_variants.push(picture);
            } else {
                running.finished = picture + 1;
            }
            self.revision += 1;
        }
    }

    /// What should be drawn next, if nothing is being drawn.
    pub fn next(&self) -> Option<&Waiting> {
        self.next_with_key().map(|(_, waiting)| waiting)
    }

    /// The same with its key.
    pub(super) fn next_with_key(&self) -> Option<(Key, &Waiting)> {
        if self.paused || self.running.is_some() {
            return None;
        }
        self.waiting.iter().find(|queued| !queued.failed).map(|queued| (queued.key, &queued.waiting))
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
        self.running = Some(Running::new(key, id, waiting, cancel));
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
            running.is_stopped = true;
            running.ends_whole |= others_too;
            self.revision += 1;
        }
    }

    /// A stopped generation is over: what is left of it comes next.
    pub fn go_on_after(&mut self, stopped: &Running) {
        if let Some(rest) = stopped.after_stop() {
            self.push_first(rest);
        }
    }

    /// What the next run of the program has to draw: the running one's missing pictures first.
    pub fn to_keep(&self) -> Vec<(Key, Waiting)> {
        let unfinished = self.running.iter().filter_map(|running| Some((running.key, running.unfinished()?)));
        unfinished.chain(self.waiting.iter().map(|queued| (queued.key, queued.waiting.clone()))).collect()
    }

    /// Goes back to what has to be drawn: what was begun comes first, and the queue goes on or is paused as before.
    pub fn start_over(&mut self) {
        let (paused, next_key, revision) = (self.paused, self.next_key, self.revision + 1);
        let queued = |(key, waiting)| Queued { key, waiting, since: revision, failed: false };
        let waiting = self.to_keep().into_iter().map(queued).collect();
        *self = Self { waiting, running: None, next_key, revision, paused };
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::session::settings::Draft;
    use crate::storage::gallery::Destination;
    use crate::worker::{Job, Variants, Work};

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
    fn what_failed_stays_and_the_next_is_drawn() {
        let mut queue = queue(&["a", "b"]);
        let id = start(&mut queue);
        let failed = queue.ended(id).expect("it ran");
        queue.push_failed(&failed);
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
        let kept = queue.to_keep();
        assert_eq!(
            (kept[0].1.work.first().seeds.first, kept[0].1.work.pictures()),
            (11, 2),
            "the finished picture isn't drawn twice"
        );
        let mut again = Queue::left_over(kept.clone());
        let keys = |kept: &[(Key, Waiting)]| kept.iter().map(|(key, _)| *key).collect::<Vec<_>>();
        assert_eq!(keys(&again.to_keep()), keys(&kept), "they are the same generations");
        again.push(waiting("c"));
        assert!(!keys(&kept).contains(&again.to_keep()[2].0));
        assert!(again.next().is_none());
        again.paused = false;
        assert_eq!(again.next().map(|waiting| waiting.work.first().prompts.prompt.as_str()), Some("a"));
    }

    #[test]
    fn what_is_finished_of_a_comparison_is_not_drawn_twice() {
        let variants = [1, 2, 3].map(|steps| {
            Draft::default().request().with(|request| (request.seeds.count, request.sampling.steps) = (1, steps))
        });
        let mut queue = Queue::default();
        queue.push(Waiting::new(ModelRef::Bundled, Work::Compare(Variants::new(variants.into()).expect("three"))));
        let id = start(&mut queue);
        let left = |queue: &Queue| {
            let kept = queue.to_keep();
            kept.iter().flat_map(|(_, kept)| kept.work.requests()).map(|r| r.sampling.steps).collect::<Vec<_>>()
        };
        queue.finished(id, 1);
        assert_eq!(left(&queue), [1, 3]);
        queue.finished(id, 0);
        queue.finished(id, 2);
        assert_eq!(left(&queue), [0; 0]);
    }

    #[test]
    fn a_stopped_picture_is_not_kept_and_the_others_of_its_generation_are() {
        for (others_too, expected) in [(false, vec![(12, 1), (10, 3)]), (true, vec![(10, 3)])] {
            let mut queue = queue(&["a", "b"]);
            let id = start(&mut queue);
            queue.reached(id, 1);
            queue.stop(others_too);
            let seeds = |(_, kept): (Key, Waiting)| (kept.work.first().seeds.first, kept.work.first().seeds.count);
            assert_eq!(queue.to_keep().into_iter().map(seeds).collect::<Vec<_>>(), expected);
        }
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
