//! What the last session left half done: the picture that was being drawn, and the one that was just being saved.

use std::sync::Arc;

use crate::base::error::Error;
use crate::session::journal::Kept;
use crate::session::queue::{Key, Queue};
use crate::session::waiting::Waiting;
use crate::worker::{KeptRun, LeftBehind, PictureTicket, Work};

/// The pictures of waiting generations that are half done, as far as they were looked for.
#[derive(Debug, Default)]
pub(super) struct HalfDone {
    /// What was looked at last.
    runs: Vec<Arc<KeptRun>>,
    revision: Option<u64>,
    found: Vec<(Key, (usize, usize))>,
}

impl HalfDone {
    /// Looks which of what is kept are pictures that wait.
    pub(super) fn look(&mut self, runs: Vec<Arc<KeptRun>>, queue: &Queue) {
        let is_known =
            self.runs.len() == runs.len() && self.runs.iter().zip(&runs).all(|(before, now)| Arc::ptr_eq(before, now));
        if is_known && self.revision == Some(queue.revision()) {
            return;
        }
        let progress = |run: &Arc<KeptRun>| {
            let (key, waiting, _) = queue.waiting().find(|(key, ..)| *key == run.ticket.key)?;
            (next_ticket(key, waiting)? == run.ticket).then(|| (key, run.progress()))
        };
        let found = runs.iter().filter_map(progress).collect();
        *self = Self { runs, revision: Some(queue.revision()), found };
    }

    /// How many steps of the next picture of this generation are done, and all of them; `None` if it isn't begun.
    pub(super) fn progress(&self, key: Key) -> Option<(usize, usize)> {
        self.found.iter().find(|(found, _)| *found == key).map(|(_, progress)| *progress)
    }
}

/// Takes the pictures that had their names already out of what has to be drawn, and gives those that can be gone on with, and why
/// one can't although something was kept.
pub(super) fn take_in(left: Vec<LeftBehind>, kept: &mut Kept) -> (Vec<KeptRun>, Option<Error>) {
    let (mut found, mut trouble) = (Vec::new(), None);
    for LeftBehind { run, saved, trouble: lost } in left {
        if let Some(saved) = saved {
            kept.queue = std::mem::take(&mut kept.queue)
                .into_iter()
                .filter_map(|(key, waiting)| Some((key, without(waiting, key, &saved)?)))
                .collect();
        }
        let is_wanted = |run: &KeptRun| kept.queue.iter().any(|(key, _)| *key == run.ticket.key);
        found.extend(run.filter(is_wanted));
        trouble = trouble.or(lost);
    }
    (found, trouble)
}

/// What is left of a generation, one of whose pictures may be done.
fn without(waiting: Waiting, key: Key, done: &PictureTicket) -> Option<Waiting> {
    if key != done.key {
        return Some(waiting);
    }
    if let Work::Compare(variants) = &waiting.work {
        let model = waiting.model.to_string();
        let tickets = variants.iter().map(|variant| PictureTicket::of(key, &model, &variant.picture(0)));
        let is_done: Vec<bool> = tickets.map(|ticket| ticket.as_ref() == Some(done)).collect();
        return waiting.without(|variant| is_done.get(variant) == Some(&true));
    }
    if next_ticket(key, &waiting).as_ref() == Some(done) { waiting.after(1) } else { Some(waiting) }
}

/// The ticket of the picture of a generation that comes next; `None` for a comparison, which has no next one.
fn next_ticket(key: Key, waiting: &Waiting) -> Option<PictureTicket> {
    let Work::Pictures(request) = &waiting.work else { return None };
    PictureTicket::of(key, &waiting.model.to_string(), &request.picture(0))
}
