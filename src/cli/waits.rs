//! Says on stderr what a command waits for: once it has waited for a second, and then from time to time.
//!
//! Limits: how much of a GPU's tuning is left, nobody tells; how many kernels are tuned and the time that it has taken are said.

use std::io::{self, Write};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use crate::base::sync::{Latest, Wake, bell};
use crate::worker::{Event, kernels_tuned};

/// How long nothing is said, and the time from one line about the same wait to the next.
const AFTER: Duration = Duration::from_secs(1);
const AGAIN: Duration = Duration::from_secs(10);

/// Something that is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Awaited {
    /// Tells one wait from another, whose time begins anew.
    name: &'static str,
    /// In words that follow "waiting: ".
    what: String,
    /// The kernels that were tuned before, if their tuning is what is waited for.
    tuned: Option<usize>,
}

impl Awaited {
    /// What is said of it after this time.
    fn line(&self, secs: u64) -> String {
        let tuned = self.tuned.map_or(0, |before| kernels_tuned().saturating_sub(before));
        let tuned = if tuned == 0 { String::new() } else { format!(", {tuned} kernels so far") };
        let time = if secs < 2 { String::new() } else { format!(" ({secs} s)") };
        format!("waiting: {}{tuned}{time}", self.what)
    }
}

/// Says what is waited for, on a thread of its own. Dropping it ends that.
pub(super) struct Waits {
    news: Latest<Option<Awaited>>,
    ring: Wake,
    thread: Option<JoinHandle<()>>,
}

impl Waits {
    /// Nothing is waited for yet. If the system has no thread to give, nothing is said.
    pub(super) fn new() -> Self {
        // Nobody is left to tell if stderr is closed.
        Self::telling(AFTER, AGAIN, |line| drop(writeln!(io::stderr(), "{line}")))
    }

    /// A wait that lasts until it is dropped.
    pub(super) fn until_dropped(what: &str) -> Self {
        let waits = Self::new();
        waits.on("", what);
        waits
    }

    fn telling(after: Duration, again: Duration, say: impl Fn(&str) + Send + 'static) -> Self {
        let (news, (ring, rung)) = (Latest::new(), bell());
        let heard = news.clone();
        let tell = move || tell(&heard, &rung, (after, again), say);
        Self { news, ring, thread: thread::Builder::new().name("burnisher-waits".to_owned()).spawn(tell).ok() }
    }

    /// Begins a wait, or says it in other words: `name` tells one from another.
    pub(super) fn on(&self, name: &'static str, what: impl Into<String>) {
        self.begin(Awaited { name, what: what.into(), tuned: None });
    }

    fn begin(&self, awaited: Awaited) {
        self.news.put(Some(awaited));
        (self.ring)();
    }

    /// Ends the wait.
    pub(super) fn over(&self) {
        self.news.put(None);
        (self.ring)();
    }

    /// Follows what the worker does.
    pub(super) fn follow(&self, event: &Event) {
        match event {
            Event::ModelLoading { component: None, .. } => self.on("loading", "the model is being opened"),
            Event::ModelLoading { component: Some(component), number: 0, .. } => {
                self.on("loading", format!("{component} is being checked"));
            }
            Event::ModelLoading { component: Some(component), number, of, fraction, .. } => {
                let percent = 100.0 * fraction;
                self.on(
                    "loading",
                    format!("{component} is being read ({number} of {of}), {percent:.0} % of the model"),
                );
            }
            Event::JobPhase { phase, tuning: true, .. } => {
                let what = "the GPU is being tuned for this size, which takes minutes the first time";
                let (name, what) = (phase.name(), format!("{what}; {}", phase.name()));
                self.begin(Awaited { name, what, tuned: Some(kernels_tuned()) });
            }
            Event::ModelLetGo { .. }
            | Event::ModelUnloaded
            | Event::StartedOver { .. }
            | Event::JobNote { .. }
            | Event::PictureUnsaved { .. }
            | Event::StepsKept { .. }
            | Event::LookedBack { .. } => {}
            Event::ModelLoaded { .. }
            | Event::ModelFailed { .. }
            | Event::ModelCancelled { .. }
            | Event::JobStarted { .. }
            | Event::JobPhase { tuning: false, .. }
            | Event::JobStep { .. }
            | Event::PictureSaved { .. }
            | Event::JobEnded { .. } => self.over(),
        }
    }
}

impl Drop for Waits {
    /// No line comes after what the command says next.
    fn drop(&mut self) {
        // With the last bell gone, the thread ends.
        drop(std::mem::replace(&mut self.ring, std::sync::Arc::new(|| {})));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Listens, and says what has been waited for long enough, until the bell is gone.
fn tell(news: &Latest<Option<Awaited>>, rung: &Receiver<()>, (after, again): (Duration, Duration), say: impl Fn(&str)) {
    let mut awaited: Option<(Awaited, Instant)> = None;
    let mut due: Option<Instant> = None;
    loop {
        let heard = due.map_or_else(|| rung.recv().map_err(RecvTimeoutError::from), |due| rung.recv_deadline(due));
        match (heard, &mut awaited) {
            (Ok(()), old) => match (news.take(), old) {
                (None, _) => {}
                (Some(Some(new)), Some((old, _))) if old.name == new.name => *old = new,
                (Some(new), _) => {
                    let now = Instant::now();
                    due = new.is_some().then(|| now + after);
                    awaited = new.map(|new| (new, now));
                }
            },
            (Err(RecvTimeoutError::Timeout), Some((awaited, since))) => {
                say(&awaited.line(since.elapsed().as_secs()));
                due = Some(Instant::now() + again);
            }
            (Err(RecvTimeoutError::Timeout), None) => due = None,
            (Err(RecvTimeoutError::Disconnected), _) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::bounded;

    use super::*;
    use crate::base::model_ref::ModelRef;

    const NO_TIME: Duration = Duration::ZERO;
    const FOREVER: Duration = Duration::from_hours(1);

    fn loading(component: Option<&str>) -> Event {
        let component = component.map(str::to_owned);
        Event::ModelLoading { model: ModelRef::default(), component, number: 2, of: 3, fraction: 0.5 }
    }

    #[test]
    fn a_wait_is_said_and_said_again() {
        let (said, lines) = bounded(64);
        let waits = Waits::telling(NO_TIME, NO_TIME, move |line| drop(said.try_send(line.to_owned())));
        waits.follow(&loading(None));
        let line = |at| lines.iter().find(|line: &String| line.contains(at)).expect("a line");
        assert_eq!(line("opened"), "waiting: the model is being opened");
        waits.follow(&loading(Some("unet")));
        assert_eq!(line("unet"), "waiting: unet is being read (2 of 3), 50 % of the model");
        line("unet");
        drop(waits);
        assert_eq!(lines.iter().find(|line| !line.contains("unet")), None);
    }

    #[test]
    fn a_short_wait_is_not_told() {
        let (said, lines) = bounded(64);
        let waits = Waits::telling(FOREVER, FOREVER, move |line| drop(said.try_send(line.to_owned())));
        waits.follow(&loading(None));
        waits.over();
        drop(waits);
        assert_eq!(lines.iter().next(), None);
    }
}
