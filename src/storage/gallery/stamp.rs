//! What tells that a file is still the one that was read: its length and time.

use std::fs::Metadata;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// A file's length and the time of its last change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Stamp {
    /// Its length.
    pub(super) bytes: u64,
    /// When it last changed, in nanoseconds since 1970, or before it.
    pub(super) nanos: i64,
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        // Where there are no such times, the length has to do.
        let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        let nanos = match modified.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |nanos| -nanos),
        };
        Self { bytes: metadata.len(), nanos }
    }

    /// When it last changed.
    pub(super) fn modified(self) -> SystemTime {
        let distance = Duration::from_nanos(self.nanos.unsigned_abs());
        let moved = if self.nanos < 0 {
            SystemTime::UNIX_EPOCH.checked_sub(distance)
        } else {
            SystemTime::UNIX_EPOCH.checked_add(distance)
        };
        moved.unwrap_or(SystemTime::UNIX_EPOCH)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn times_before_and_after_1970_come_back() {
        let file = tempfile::tempfile().expect("a file");
        let stamp = |file: &File| Stamp::of(&file.metadata().expect("metadata"));
        for nanos in [1_700_000_000_123_456_789, -86_400_000_000_000] {
            let time = Stamp { bytes: 0, nanos }.modified();
            file.set_modified(time).expect("a time");
            assert_eq!(stamp(&file).nanos, nanos);
            assert_eq!(stamp(&file).modified(), time);
        }
    }
}
