//! Two sessions on the same settings and folders, one of them in a process that is killed.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Stdio};

use burnisher::session::settings::{Draft, Settings, Theme};
use burnisher::session::{SessionCommand, SessionEvent};

use super::puppet::{DRAW, Puppet, WAIT, files};
use super::session::{Driver, pictures, settings_file};

/// Another window on this folder, in a process of its own, that draws and has three in its queue.
struct OtherWindow {
    process: Child,
    said: BufReader<std::process::ChildStdout>,
}

impl OtherWindow {
    fn open(folder: &Path) -> Self {
        let mut process = Process::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "worker::two_windows::the_other_window", "--ignored", "--nocapture"])
            .env("BURNISHER_TEST_FOLDER", folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let said = BufReader::new(process.stdout.take().expect("a pipe"));
        let mut window = Self { process, said };
        window.until_said("it draws");
        window
    }

    fn until_said(&mut self, words: &str) {
        let mut line = String::new();
        while !line.contains(words) {
            line.clear();
            assert!(self.said.read_line(&mut line).expect("text") > 0, "never said: {words}");
        }
    }

    /// Ends it as its user does.
    fn close(mut self) {
        self.process.stdin.take().expect("a pipe").write_all(b"close\n").expect("it listens");
        assert!(self.process.wait().expect("it ends").success());
    }

    fn kill(mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it ended");
    }
}

#[test]
#[ignore = "run by the tests beside it, in a process of its own"]
fn the_other_window() {
    let folder = PathBuf::from(std::env::var_os("BURNISHER_TEST_FOLDER").expect("a process of its own"));
    let mut driver = Driver::open(&folder, Puppet::default);
    driver.session.settings.theme = Theme::Light;
    for prompt in [WAIT, "second", "third"] {
        driver.draw(prompt);
    }
    let mut form = Draft::default();
    form.values.prompts.prompt = "their thought".into();
    driver.session.keep_form(&form);
    driver.until("it is being drawn", |session| session.queue().running().is_some());
    let journal = match driver.session.seat_number() {
        1 => folder.join("session.journal"),
        number => folder.join(format!("session-{number}.journal")),
    };
    let is_kept = || {
        let text = fs::read_to_string(&journal).unwrap_or_default();
        let all = ["second", "third", "their thought"].iter().all(|words| text.contains(words));
        all && Settings::load(&settings_file(&folder)).0.theme == Theme::Light
    };
    // The puppet's steps wake it until everything is on the disk.
    driver.until("it is kept", |_| is_kept());
    println!("\nit draws");
    std::io::stdin().read_line(&mut String::new()).expect("a word");
}

/// Draws everything that waits but what takes for ever. Returns the prompts that waited.
fn draw_all(driver: &mut Driver) -> Vec<String> {
    let prompts = driver.prompts();
    while driver.prompts().iter().any(|prompt| prompt == WAIT) {
        let key = driver.key_of(WAIT);
        driver.ask(SessionCommand::Remove(key));
    }
    driver.ask(SessionCommand::Resume);
    driver.until("the end", |session| !session.has_work());
    prompts
}

#[test]
fn of_two_windows_neither_loses_its_queue_nor_draws_that_of_the_other() {
    for is_killed in [false, true] {
        let folder = tempfile::tempdir().expect("a folder");
        let other = OtherWindow::open(folder.path());
        let mut driver = Driver::open(folder.path(), Puppet::default);
        assert_eq!(driver.session.seat_number(), 2);
        assert_eq!(driver.prompts(), [""; 0], "the other window draws those");
        assert_eq!(driver.session.form().values.prompts.prompt, "their thought");
        driver.until("the word of it", |_| true);
        let is_told = |event: &SessionEvent| matches!(event, SessionEvent::Notice(text) if text.contains("window 2"));
        assert!(driver.heard.iter().any(is_told), "{:?}", driver.heard);
        driver.session.settings.scale = 1.25;
        driver.draw(DRAW);
        driver.until("a picture", |session| !session.has_work());
        for prompt in [WAIT, "mine"] {
            driver.draw(prompt);
        }
        if is_killed {
            other.kill();
        } else {
            other.close();
        }
        drop(driver);

        let mut driver = Driver::open(folder.path(), Puppet::default);
        assert_eq!(driver.session.seat_number(), 1, "a window that is gone keeps no seat");
        assert!(driver.session.queue().paused);
        assert_eq!(draw_all(&mut driver), [WAIT, "second", "third", WAIT, "mine"]);
        assert_eq!(driver.session.history()[..2], ["mine", DRAW], "prompts of both windows");
        let settings = &driver.session.settings;
        assert_eq!((settings.theme, settings.scale), (Theme::Light, 1.25), "what each of them changed");
        drop(driver);
        assert_eq!(pictures(folder.path()), 4);
        let left: Vec<_> = files(folder.path()).into_iter().filter(|name| name.starts_with("session")).collect();
        assert_eq!(left, ["session-2.lock", "session.journal", "session.lock"]);
        let mut driver = Driver::open(folder.path(), Puppet::default);
        driver.until("rest", |session| session.model().info().is_some());
        assert_eq!(driver.prompts(), [""; 0], "nothing comes twice");
    }
}

#[test]
fn what_a_second_window_leaves_when_it_is_killed_waits_in_the_next_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = Driver::open(folder.path(), Puppet::default);
    let second = OtherWindow::open(folder.path());
    second.kill();
    assert_eq!(first.prompts(), [""; 0], "nothing is changed under a window that is open");
    drop(first);
    let mut driver = Driver::open(folder.path(), Puppet::default);
    assert_eq!(draw_all(&mut driver), [WAIT, "second", "third"]);
}
