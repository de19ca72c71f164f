//! When a model that has nothing to do is given back its memory.

use std::time::{Duration, Instant};

/// How long is left until the model goes; `None` if it stays. Zero: it goes now.
pub(super) fn left(since: Instant, now: Instant, after_minutes: f64) -> Option<Duration> {
    let after = Duration::try_from_secs_f64(after_minutes * 60.0).ok().filter(|after| !after.is_zero())?;
    Some(after.saturating_sub(now.saturating_duration_since(since)))
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
