//! The logger: keeps the newest lines in memory, and hands all to the thread that writes them.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::Utc;
use crossbeam_channel::Receiver;
use log::{LevelFilter, Log, Metadata, Record};

use super::file::RotatingFile;
use super::path_in;
use super::private::without_private;
use crate::base::sync::{Limits, Outbox, Service};

/// Lines kept for a report.
const RECENT: usize = 60;

/// Lines that may wait for the disk, and how long the end of the program waits for it.
const LIMITS: Limits = Limits { orders: 1024, news: 1, patience: Duration::from_secs(2) };

/// The crate whose lines the level is about.
const OWN: &str = env!("CARGO_PKG_NAME");

static LOGGER: Logger = Logger { writer: Mutex::new(None), recent: Mutex::new(VecDeque::new()) };

struct Logger {
    writer: Mutex<Option<Service<String, ()>>>,
    recent: Mutex<VecDeque<String>>,
}

/// Keeps the log going. Dropping it writes what is left.
#[derive(Debug)]
pub struct Logging(());

/// Begins to log what this program does and what fails, in [`path_in`] the folder. A log that can't be written is none: it must not
/// keep anyone from drawing.
pub fn start(state: &Path, level: LevelFilter) -> Logging {
    if level != LevelFilter::Off {
        let mut file = RotatingFile::new(path_in(state));
        let write = move |lines: Receiver<String>, _: Outbox<()>| {
            lines.iter().for_each(|line| drop(file.add(&line)));
        };
        *held(&LOGGER.writer) = Service::spawn("burnisher-log", LIMITS, Arc::new(|| {}), write).ok();
        // It is set already where a program starts twice, as in tests.
        let _ = log::set_logger(&LOGGER);
    }
    log::set_max_level(level);
    Logging(())
}

/// Returns the newest lines, for a report. It waits for nothing, so that a thread that is panicking may ask.
pub fn recent() -> Vec<String> {
    LOGGER.recent.try_lock().map(|lines| lines.iter().cloned().collect()).unwrap_or_default()
}

impl Drop for Logging {
    fn drop(&mut self) {
        let writer = held(&LOGGER.writer).take();
        drop(writer);
    }
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let most = if is_own(metadata.target()) { LevelFilter::Trace } else { LevelFilter::Warn };
        metadata.level() <= most.min(log::max_level())
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let line = line_of(record);
        if let Ok(mut recent) = self.recent.try_lock() {
            if recent.len() == RECENT {
                recent.pop_front();
            }
            recent.push_back(line.clone());
        }
        if let Some(writer) = &*held(&self.writer) {
            let _ = writer.send(line);
        }
    }

    fn flush(&self) {}
}

fn is_own(target: &str) -> bool {
    target.strip_prefix(OWN).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// A record as it is written: lines after the first are indented.
fn line_of(record: &Record<'_>) -> String {
    let text = without_private(&record.args().to_string());
    let text = text.trim_end().replace('\n', "\n    ").replace(|c: char| c.is_control() && c != '\n', " ");
    let target = record.target().trim_start_matches("burnisher::");
    format!("{} {:5} {target}: {text}", Utc::now().format("%Y-%m-%dT%H:%M:%S%.3fZ"), record.level())
}

/// A value behind this lock is replaced in one move, so one left by a thread that panicked is whole.
fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_when_where_and_what_on_lines_of_its_own() {
        let args = format_args!("a lock\u{7}\nis held by hf_0123456789\n");
        let record = Record::builder().target("burnisher::session::queue").level(log::Level::Warn).args(args).build();
        let line = line_of(&record);
        assert!(line.ends_with("Z WARN  session::queue: a lock \n    is held by hf_…"), "{line}");
    }

    #[test]
    fn other_crates_are_heard_from_their_warnings_up() {
        assert!(is_own("burnisher::cli") && is_own("burnisher") && !is_own("burn") && !is_own("burnishers"));
    }
}
