//! What the journal keeps, and how its entries change it.

use std::collections::HashMap;

use crate::session::journal::entry::JournalEntry;
use crate::session::queue::Key;
use crate::session::settings::{Draft, remember};
use crate::session::waiting::Waiting;

/// What is kept from one run of the program to the next, beside the preferences.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept {
    /// The form.
    pub draft: Draft,
    /// Prompts that were drawn, the newest first.
    pub history: Vec<String>,
    /// What has to be drawn, in order.
    pub queue: Vec<(Key, Waiting)>,
}

impl Kept {
    /// What has to be drawn, in order.
    pub fn waiting(&self) -> impl Iterator<Item = &Waiting> {
        self.queue.iter().map(|(_, waiting)| waiting)
    }

    /// Takes over what another window left: its queue comes behind this one, and its form takes the place of this one if it is
    /// `newer`.
    pub(super) fn take_over(&mut self, other: Self, newer: bool) {
        if newer {
            self.draft = other.draft;
        }
        for prompt in other.history.iter().rev().filter(|prompt| !self.history.contains(prompt)).collect::<Vec<_>>() {
            remember(&mut self.history, prompt);
        }
        for (key, waiting) in other.queue {
            match self.queue.iter().find(|(known, _)| *known == key) {
                None => self.queue.push((key, waiting)),
                // It was taken over before, and the other journal couldn't be removed.
                Some((_, known)) if *known == waiting => {}
                Some(_) => {
                    let last = self.queue.iter().map(|(key, _)| *key).max().unwrap_or_default();
                    self.queue.push((last + 1, waiting));
                }
            }
        }
    }

    /// Takes an entry in.
    pub(super) fn apply(&mut self, entry: JournalEntry) {
        match entry {
            JournalEntry::Form(draft) => self.draft = *draft,
            JournalEntry::Prompt(prompt) => remember(&mut self.history, &prompt),
            JournalEntry::Work { key, waiting } => match self.queue.iter_mut().find(|(known, _)| *known == key) {
                Some((_, known)) => *known = waiting,
                None => self.queue.push((key, waiting)),
            },
            JournalEntry::Done(key) => self.queue.retain(|(known, _)| *known != key),
            JournalEntry::Order(keys) => {
                let places: HashMap<Key, usize> = keys.into_iter().enumerate().map(|(at, key)| (key, at)).collect();
                self.queue.sort_by_key(|(key, _)| places.get(key).copied().unwrap_or(usize::MAX));
            }
        }
    }

    /// The entries that lead from `before` to this.
    pub(super) fn since(&self, before: &Self) -> Vec<JournalEntry> {
        let mut entries = Vec::new();
        if self.draft != before.draft {
            entries.push(JournalEntry::Form(Box::new(self.draft.clone())));
        }
        entries.extend(prompts_since(&self.history, &before.history));
        let known: HashMap<Key, &Waiting> = before.queue.iter().map(|(key, waiting)| (*key, waiting)).collect();
        let now: HashMap<Key, &Waiting> = self.queue.iter().map(|(key, waiting)| (*key, waiting)).collect();
        entries.extend(
            before.queue.iter().filter(|(key, _)| !now.contains_key(key)).map(|(key, _)| JournalEntry::Done(*key)),
        );
        let changed = self.queue.iter().filter(|(key, waiting)| known.get(key) != Some(&waiting));
        entries.extend(changed.map(|(key, waiting)| JournalEntry::Work { key: *key, waiting: waiting.clone() }));
        // What is left of the old ones stays in place, and new ones come behind them.
        let old = before.queue.iter().map(|(key, _)| *key).filter(|key| now.contains_key(key));
        let new = self.queue.iter().map(|(key, _)| *key).filter(|key| !known.contains_key(key));
        let keys: Vec<Key> = self.queue.iter().map(|(key, _)| *key).collect();
        if !old.chain(new).eq(keys.iter().copied()) {
            entries.push(JournalEntry::Order(keys));
        }
        entries
    }

    /// The entries that lead from nothing to this.
    pub(super) fn entries(&self) -> Vec<JournalEntry> {
        let nothing = Self { draft: self.draft.clone(), ..Self::default() };
        let mut entries = vec![JournalEntry::Form(Box::new(self.draft.clone()))];
        entries.extend(self.since(&nothing));
        entries
    }
}

/// The prompts that were drawn since: one as a rule.
fn prompts_since(now: &[String], before: &[String]) -> Vec<JournalEntry> {
    if now == before {
        return Vec::new();
    }
    let mut with_newest = before.to_vec();
    if let Some(newest) = now.first() {
        remember(&mut with_newest, newest);
    }
    let prompts = if with_newest == now { &now[..now.len().min(1)] } else { now };
    prompts.iter().rev().map(|prompt| JournalEntry::Prompt(prompt.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::model_ref::ModelRef;
    use crate::content::request::{Request, Seeds};

    fn waiting(count: usize) -> Waiting {
        Waiting::new(ModelRef::Bundled, Request { seeds: Seeds { first: 1, count }, ..Request::default() })
    }

    fn kept(prompts: &[&str], queue: &[(Key, usize)]) -> Kept {
        let history = prompts.iter().map(|prompt| (*prompt).to_owned()).collect();
        Kept { history, queue: queue.iter().map(|(key, count)| (*key, waiting(*count))).collect(), ..Kept::default() }
    }

    #[test]
    fn what_another_window_left_comes_behind_and_nothing_comes_twice() {
        let mut first = kept(&["b", "a"], &[(1, 1), (2, 2)]);
        let mut second = kept(&["c", "a"], &[(2, 3), (7, 1)]);
        second.draft.values.prompts.prompt = "theirs".into();
        first.take_over(second.clone(), false);
        assert_eq!(first, kept(&["c", "b", "a"], &[(1, 1), (2, 2), (3, 3), (7, 1)]));
        first.queue.retain(|(key, _)| *key != 3);
        second.queue.retain(|(key, _)| *key == 7);
        first.take_over(second, true);
        assert_eq!((first.queue.len(), first.draft.values.prompts.prompt.as_str()), (3, "theirs"));
    }

    #[test]
    fn entries_lead_from_one_state_to_the_next_and_no_more_are_written_than_it_takes() {
        let states = [
            (kept(&[], &[]), 0),
            (kept(&["a"], &[(1, 1)]), 2),
            (kept(&["b", "a"], &[(1, 1), (2, 1), (3, 1)]), 3),
            (kept(&["b", "a"], &[(3, 1), (1, 1), (2, 1)]), 1),
            (kept(&["b", "a"], &[(3, 7), (2, 1)]), 2),
            (kept(&["a", "b"], &[(4, 1), (3, 7), (2, 1)]), 3),
            (kept(&["a", "b"], &[]), 3),
        ];
        let mut replayed = Kept::default();
        for (state, expected) in states {
            let entries = state.since(&replayed);
            assert_eq!(entries.len(), expected, "{entries:?}");
            for entry in entries {
                replayed.apply(entry);
            }
            assert_eq!(replayed, state);
            let mut anew = Kept::default();
            state.entries().into_iter().for_each(|entry| anew.apply(entry));
            assert_eq!(anew, state);
        }
    }
}
