//! Giving the model's memory back when nothing has been drawn for as long as the user says; the next picture loads it again.

use std::time::{Duration, Instant};

use crate::app::App;
use crate::app::state::{Model, State};
use crate::worker::Command;

/// How long is left until the model goes; `None` if it stays. Zero: it goes now.
fn left(since: Instant, now: Instant, after_minutes: f64) -> Option<Duration> {
    let after = Duration::try_from_secs_f64(after_minutes * 60.0).ok().filter(|after| !after.is_zero())?;
    Some(after.saturating_sub(now.saturating_duration_since(since)))
}

/// Since when a loaded model has had nothing to do, with the time that it was first seen so.
fn idle_since(state: &mut State, now: Instant) -> Option<Instant> {
    let is_idle =
        matches!(state.model, Model::Ready { .. }) && state.queue.running().is_none() && state.queue.next().is_none();
    state.idle_since = is_idle.then(|| state.idle_since.unwrap_or(now));
    state.idle_since
}

impl App {
    /// Unloads a model that has had nothing to do for long enough; else the window wakes when it will have.
    pub(super) fn unload_when_idle(&mut self, ctx: &egui::Context) {
        let (now, after_minutes) = (Instant::now(), self.state.settings.unload_after_minutes);
        let Some(left) = idle_since(&mut self.state, now).and_then(|since| left(since, now, after_minutes)) else {
            return;
        };
        if !left.is_zero() {
            ctx.request_repaint_after(left);
        } else if self.send(Command::Unload) {
            // Not again before it is loaded again.
            self.state.idle_since = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_goes_when_its_time_is_over_and_never_without_one() {
        let since = Instant::now();
        let after = |secs| left(since, since + Duration::from_secs(secs), 2.0);
        assert_eq!(after(0), Some(Duration::from_mins(2)));
        assert_eq!(after(119), Some(Duration::from_secs(1)));
        assert_eq!((after(120), after(500)), (Some(Duration::ZERO), Some(Duration::ZERO)));
        for never in [0.0, -1.0, f64::NAN] {
            assert_eq!(left(since, since + Duration::from_hours(9), never), None);
        }
    }
}
