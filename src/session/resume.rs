//! What the last session left half done: the picture that was being drawn, and the one that was just being saved.

use std::sync::Arc;

use crate::base::error::Error;
use crate::session::journal::Kept;
use crate::session::queue::{Key, Queue};
use crate::session::waiting::Waiting;
use crate::worker::{KeptRun, LeftBehind, PictureTicket, Work};

/// The picture of a waiting generation that is half done, as far as it was looked for.
#[derive(Debug, Default)]
pub(super) struct HalfDone {
    /// What was looked at last.
    run: Option<Arc<KeptRun>>,
    revision: Option<u64>,
    found: Option<(Key, (usize, usize))>,
}

impl HalfDone {
    /// Looks whether what is kept is a picture that waits.
    pub(super) fn look(&mut self, run: Option<Arc<KeptRun>>, queue: &Queue) {
        let is_known = match (&self.run, &run) {
            (Some(before), Some(now)) => Arc::ptr_eq(before, now),
            (None, None) => true,
            _ => false,
        };
        if is_known && self.revision == Some(queue.revision()) {
            return;
        }
        let found = run.as_ref().and_then(|run| {
            let (key, waiting, _) = queue.waiting().find(|(key, ..)| *key == run.ticket.key)?;
            (next_ticket(key, waiting)? == run.ticket).then(|| (key, run.progress()))
        });
        *self = Self { run, revision: Some(queue.revision()), found };
    }

    /// How many steps of the next picture of this generation are done, and all of them; `None` if it isn't begun.
    pub(super) fn progress(&self, key: Key) -> Option<(usize, usize)> {
        self.found.filter(|(found, _)| *found == key).map(|(_, progress)| progress)
    }
}

/// Takes the pictures that had their names already out of what has to be drawn, and gives the one that can be gone on with, or why
/// there is none although something was kept.
pub(super) fn take_in(left: Vec<LeftBehind>, kept: &mut Kept) -> (Option<KeptRun>, Option<Error>) {
    let (mut found, mut trouble) = (None, None);
    for LeftBehind { run, saved, trouble: lost } in left {
        if let Some(saved) = saved {
            kept.queue = std::mem::take(&mut kept.queue)
                .into_iter()
                .filter_map(|(key, waiting)| Some((key, without(waiting, key, &saved)?)))
                .collect();
        }
        let is_wanted = |run: &KeptRun| kept.queue.iter().any(|(key, _)| *key == run.ticket.key);
        found = found.or(run.filter(is_wanted));
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
