//! What is kept of a panic for a report, until the next start of the window offers it.
//!
//! A panic is a bug of ours or of a crate below, also where it is caught and ends no more than a job. Limits: what ends the process
//! at once (a signal, the system running out of memory) leaves nothing here; the binary that is handed out has no symbols, so its
//! backtrace is addresses.

use std::any::Any;
use std::backtrace::Backtrace;
use std::cell::Cell;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::path::{Path, PathBuf};
use std::thread;

use chrono::Utc;

use super::logging::{recent, without_private};
use super::system;

/// Bytes of a report. More panics than fit follow from the first.
const MOST: u64 = 200_000;

thread_local! {
    /// Whether this thread runs a crate's code on a file that may have been made to break it.
    static IS_CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// Keeps a report of each panic from now on in the folder `state`, beside what the system's own hook does.
pub fn keep_reports(state: &Path) {
    let path = path_in(state);
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if IS_CONTAINED.get() {
            log::warn!("{}", summary(info));
            return;
        }
        before(info);
        log::error!("{}", summary(info));
        // The disk may be full, and the panic's own words are on stderr.
        if add(&path, &report(info)).is_ok() {
            let _ = writeln!(io::stderr(), "note: a report of this crash is kept in {}", path.display());
        }
    }));
}

/// Runs code of another crate on what came from outside, and gives `None` if it panics: a file that was made to break it must not
/// end the thread that reads all others, and is no crash to report.
pub fn contained<T>(work: impl FnOnce() -> T) -> Option<T> {
    let before = IS_CONTAINED.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work)).ok();
    IS_CONTAINED.set(before);
    done
}

/// Takes the report that was kept, if there is one. It is offered once, and lies beside as [`told_in`] says.
pub fn take(state: &Path) -> Option<String> {
    let told = told_in(state);
    fs::rename(path_in(state), &told).ok()?;
    let mut bytes = Vec::new();
    File::open(told).and_then(|file| file.take(MOST).read_to_end(&mut bytes)).ok()?;
    Some(String::from_utf8_lossy(&bytes).trim_end().to_owned()).filter(|text| !text.is_empty())
}

/// Returns where the last report lies once it was offered.
pub fn told_in(state: &Path) -> PathBuf {
    state.join("last-crash.txt")
}

fn path_in(state: &Path) -> PathBuf {
    state.join("crash.txt")
}

/// Adds a report to those that nobody has been offered yet.
fn add(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut options = File::options();
    options.create(true).append(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(path)?;
    let room = MOST.saturating_sub(file.metadata()?.len()) as usize;
    file.write_all(&text.as_bytes()[..room.min(text.len())])?;
    file.sync_all()
}

/// The panic in a line.
fn summary(info: &PanicHookInfo<'_>) -> String {
    let thread = thread::current();
    let name = thread.name().unwrap_or("without a name");
    let place = info.location().map_or("an unknown place".to_owned(), ToString::to_string);
    format!("the thread {name} panicked at {place}: {}", words_of(info.payload()))
}

/// All that a report needs.
fn report(info: &PanicHookInfo<'_>) -> String {
    let rows = [
        ("Version", format!("{} ({})", system::version(), system::parts())),
        ("Time", Utc::now().format("%Y-%m-%d %H:%M:%S UTC").to_string()),
        ("System", system::system()),
        ("Device", system::device().unwrap_or_else(|| "none was opened".to_owned())),
        ("What happened", summary(info)),
        ("Where", format!("\n{}", Backtrace::force_capture())),
        ("The log's last lines", format!("\n{}\n", recent().join("\n"))),
    ];
    let rows = rows.map(|(name, value)| format!("{name}: {value}\n").replace(": \n", ":\n"));
    without_private(&rows.concat())
}

/// Returns what may be shown of what a panic said.
pub fn words_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    shown_words(text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no reason given"))
}

/// What may be shown of a panic's words. Those about the bounds of a text quote the text, and those about two values the values:
/// either may be a prompt.
fn shown_words(words: &str) -> String {
    let is_about_text = words.contains("byte index") || words.contains("when slicing `");
    let words = if is_about_text { words.split('`').next().unwrap_or(words) } else { words };
    let is_value = |line: &&str| ["left: ", "right: "].iter().any(|side| line.trim_start().starts_with(side));
    words.lines().filter(|line| !is_value(line)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// Says to the child where its folder is.
    const FOLDER: &str = "BURNISHER_TEST_CRASH";

    /// The hook is the whole process's, so a process of its own has it.
    #[test]
    fn a_panic_keeps_a_report_that_is_offered_once_and_holds_nothing_private() {
        if let Some(folder) = std::env::var_os(FOLDER) {
            return break_down(Path::new(&folder));
        }
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(take(folder.path()), None);
        let name = "base::crash::tests::a_panic_keeps_a_report_that_is_offered_once_and_holds_nothing_private";
        let mut child = Command::new(std::env::current_exe().expect("the test program"));
        let output = child.args(["--exact", name]).env(FOLDER, folder.path()).env("HOME", "/home/ana").output();
        assert!(output.expect("it runs").status.success());
        let report = take(folder.path()).expect("a report");
        for part in
            ["Version: Burnisher ", "System: ", "Device: a GPU of glass", "the thread engine panicked at ", "crash.rs:"]
        {
            assert!(report.contains(part), "{part} is missing: {report}");
        }
        assert!(report.contains("no room in ~/models") && report.contains("burnisher::base::crash"), "{report}");
        assert!(report.contains("a line of the log") && report.contains("The log's last lines"), "{report}");
        for private in ["/home/ana", "a secret fox", "hf_0123456789"] {
            assert!(!report.contains(private), "{private} is told: {report}");
        }
        let contained = report.lines().filter(|line| line.contains("a file made to break it"));
        assert!(contained.clone().count() > 0 && contained.clone().all(|line| line.contains(" WARN ")), "{report}");
        assert_eq!(take(folder.path()), None, "it is offered once");
        assert!(told_in(folder.path()).is_file(), "and kept");
    }

    fn break_down(folder: &Path) {
        let logging = crate::base::logging::start(folder, log::LevelFilter::Info);
        keep_reports(folder);
        system::note_device("a GPU of glass".to_owned());
        assert_eq!(contained(|| panic!("a file made to break it")), None::<()>);
        log::info!("a line of the log with hf_0123456789");
        let panics: [fn(); 2] = [
            || panic!("no room in /home/ana/models"),
            || {
                let prompt = "é, a secret fox".to_owned();
                let _ = std::hint::black_box(&prompt[1..]);
            },
        ];
        for work in panics {
            let thread = thread::Builder::new().name("engine".to_owned()).spawn(work).expect("a thread");
            thread.join().expect_err("it panics");
        }
        drop(logging);
    }

    #[test]
    fn words_of_a_panic_hold_no_text_that_they_are_about() {
        let said = |words: &str| words_of(&words.to_owned());
        let cut = "start byte index 1 is not a char boundary; it is inside 'é' (bytes 0..2) of `é, a fox`";
        assert_eq!(said(cut), cut.split('`').next().expect("a part"));
        let two = "assertion `left == right` failed\n  left: \"a fox\"\n right: \"\"";
        assert_eq!(said(two), "assertion `left == right` failed");
        assert_eq!(said("wgpu error\n  In `Device::create_texture`"), "wgpu error\n  In `Device::create_texture`");
    }
}
