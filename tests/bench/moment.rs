//! Time on the wall and on the processor: the second stands still while other programs run.

use std::time::Instant;

/// A point in time, on the wall and on the processor.
pub(crate) struct Moment {
    pub(crate) wall: Instant,
    /// Seconds, of all threads.
    pub(crate) cpu: f64,
}

impl Moment {
    pub(crate) fn now() -> Self {
        // utime and stime of proc(5), in hundredths of a second.
        let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
        let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
        let ticks = |i: usize| fields[i].parse::<f64>().expect("a number");
        Self { wall: Instant::now(), cpu: (ticks(11) + ticks(12)) / 100.0 }
    }
}
