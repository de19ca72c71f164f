//! A screen of its own for a window: Xvfb, looked at through the file that it draws into, and driven by xdotool.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use image::RgbImage;
use tempfile::TempDir;

/// Longer than anything takes on a busy machine; what takes as long has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// From one look at the screen to the next.
const PAUSE: Duration = Duration::from_millis(10);

/// A screen, which goes away with this value.
pub(crate) struct Screen {
    xvfb: Child,
    /// Xvfb writes to it as it goes.
    _says: BufReader<ChildStdout>,
    display: String,
    /// Holds the file of the screen's pixels.
    folder: TempDir,
}

impl Screen {
    /// A screen of this size: width, height and 24 bits, as Xvfb spells them.
    pub(crate) fn open(size: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut xvfb = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", size, "-nolisten", "tcp", "-noreset", "-fbdir"])
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb: tests/run.sh installs it");
        let mut says = BufReader::new(xvfb.stdout.take().expect("a pipe"));
        let mut number = String::new();
        says.read_line(&mut number).expect("the number of the display");
        assert!(!number.trim().is_empty(), "Xvfb found no free display");
        Self { xvfb, _says: says, display: format!(":{}", number.trim()), folder }
    }

    /// Has a program draw on this screen, and on no other.
    pub(crate) fn show(&self, program: &mut Command) {
        program.env("DISPLAY", &self.display).env_remove("WAYLAND_DISPLAY").env_remove("WAYLAND_SOCKET");
    }

    /// The screen as it is. What is just being drawn would be there in part, so it looks until it sees the same twice.
    pub(crate) fn look(&self) -> Seen {
        let read = || fs::read(self.folder.path().join("Xvfb_screen0")).expect("the screen");
        let mut last = read();
        loop {
            let file = read();
            if file == last {
                return Seen::from_file(file);
            }
            last = file;
        }
    }

    /// Looks until `seen` sees something.
    pub(crate) fn until<T>(&self, what: &str, mut seen: impl FnMut(&Seen) -> Option<T>) -> T {
        let since = Instant::now();
        loop {
            let screen = self.look();
            if let Some(found) = seen(&screen) {
                return found;
            }
            assert!(since.elapsed() < PATIENCE, "never seen: {what}; the screen: {}", screen.keep().display());
            thread::sleep(PAUSE);
        }
    }

    /// Looks until it is as expected.
    pub(crate) fn until_sees(&self, what: &str, mut seen: impl FnMut(&Seen) -> bool) {
        self.until(what, |screen| seen(screen).then_some(()));
    }

    /// Runs xdotool and gives what it prints, if it succeeds.
    pub(crate) fn try_xdotool(&self, args: &[&str]) -> Option<String> {
        let mut command = Command::new("xdotool");
        command.args(args).env("DISPLAY", &self.display).stdin(Stdio::null());
        let output = command.output().expect("xdotool: tests/run.sh installs it");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    pub(crate) fn xdotool(&self, args: &[&str]) {
        self.try_xdotool(args).unwrap_or_else(|| panic!("xdotool {args:?} failed"));
    }

    /// Clicks the middle of an area with the mouse, waits for the effect, and takes the pointer away: it would cover
    /// something, or bring up a tooltip.
    pub(crate) fn click(&self, area: Area, effect: &str, seen: impl FnMut(&Seen) -> bool) {
        let (x, y) = area.middle();
        self.xdotool(&["mousemove", &x.to_string(), &y.to_string(), "click", "1"]);
        self.until_sees(effect, seen);
        self.xdotool(&["mousemove", "640", "799"]);
    }

    /// Presses keys, as xdotool spells them: `ctrl+Return`.
    pub(crate) fn press(&self, keys: &str) {
        self.xdotool(&["key", keys]);
    }

    /// Looks until nothing moves any more: what fades in is there.
    pub(crate) fn until_still(&self) {
        let mut before = None;
        self.until_sees("a still screen", |seen| {
            // Longer than a frame of a busy machine, and than what fades takes between two of its frames.
            thread::sleep(10 * PAUSE);
            before.replace(seen.clone()).is_some_and(|before| before == *seen)
        });
    }

    /// Presses keys and waits until the screen changes. Where nothing moves by itself ([`Self::until_still`]), it is their doing.
    pub(crate) fn press_and_see(&self, keys: &str) {
        let before = self.look();
        self.press(keys);
        self.until_sees(keys, |seen| *seen != before);
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.xvfb.kill();
        let _ = self.xvfb.wait();
    }
}

/// Pixels from `left` and `top` up to, not with, `right` and `bottom`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Area {
    pub(crate) left: u32,
    pub(crate) top: u32,
    pub(crate) right: u32,
    pub(crate) bottom: u32,
}

impl Area {
    pub(crate) fn middle(self) -> (u32, u32) {
        (u32::midpoint(self.left, self.right), u32::midpoint(self.top, self.bottom))
    }

    pub(crate) fn width(self) -> u32 {
        self.right - self.left
    }

    pub(crate) fn height(self) -> u32 {
        self.bottom - self.top
    }

    /// The smallest area with all rows and columns in it that have at least `least` pixels of a colour.
    pub(crate) fn coloured(screen: &Seen, color: [u8; 3], least: u32) -> Option<Self> {
        let (mut rows, mut columns) = (vec![0; screen.height as usize], vec![0; screen.width as usize]);
        for (y, row) in rows.iter_mut().enumerate() {
            for (x, column) in columns.iter_mut().enumerate() {
                if is_near(screen.pixel(x as u32, y as u32), color, 1) {
                    *row += 1;
                    *column += 1;
                }
            }
        }
        let range = |counts: &[u32]| {
            let enough = |count: &u32| *count >= least;
            let first = counts.iter().position(enough)?;
            Some((first as u32, counts.iter().rposition(enough)? as u32 + 1))
        };
        let ((top, bottom), (left, right)) = (range(&rows)?, range(&columns)?);
        Some(Self { left, top, right, bottom })
    }
}

/// What a look at the screen saw.
#[derive(Clone, PartialEq)]
pub(crate) struct Seen {
    /// A file in the format of xwd, version 7 (X11/XWDFile.h), as Xvfb writes it: 32 bits a pixel.
    file: Vec<u8>,
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Where the pixels begin, and how long a line is, in bytes.
    start: usize,
    line: usize,
}

impl Seen {
    fn from_file(file: Vec<u8>) -> Self {
        let field = |at: usize| u32::from_be_bytes(file[at * 4..][..4].try_into().expect("four bytes"));
        let [header, version, width, height, order, bits, line, colors] = [0, 1, 4, 5, 7, 11, 12, 19].map(field);
        assert_eq!((version, bits, order), (7, 32, 0), "the format of the screen, of a little-endian machine");
        // Each entry of the colour map has 12 bytes.
        let start = (header + colors * 12) as usize;
        Self { file, width, height, start, line: line as usize }
    }

    /// Keeps a picture of it for people to look at.
    fn keep(&self) -> PathBuf {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("window.png");
        let picture = RgbImage::from_fn(self.width, self.height, |x, y| image::Rgb(self.pixel(x, y)));
        picture.save(&path).expect("a picture of the screen");
        path
    }

    pub(crate) fn pixel(&self, x: u32, y: u32) -> [u8; 3] {
        let at = self.start + y as usize * self.line + x as usize * 4;
        [self.file[at + 2], self.file[at + 1], self.file[at]]
    }

    /// The pixels of an area, row by row.
    pub(crate) fn pixels(&self, area: Area) -> impl Iterator<Item = [u8; 3]> {
        (area.top..area.bottom).flat_map(move |y| (area.left..area.right).map(move |x| self.pixel(x, y)))
    }

    /// How many pixels of an area have a colour, but for a difference in each channel.
    pub(crate) fn count(&self, area: Area, color: [u8; 3], but: u8) -> usize {
        self.pixels(area).filter(|pixel| is_near(*pixel, color, but)).count()
    }
}

/// Whether two colours differ by at most so much in each channel: drawing may round, and dithers.
pub(crate) fn is_near(a: [u8; 3], b: [u8; 3], by: u8) -> bool {
    a.iter().zip(b).all(|(a, b)| a.abs_diff(b) <= by)
}
